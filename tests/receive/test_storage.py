"""What was answered with 200 is in the file, whatever happens to the file, the disk or the viewer."""

import errno
import http.client
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from diamond_viewer.receive.storage import ConsoleStorage, FileStorage, StorageError, open_storage
from diamond_viewer.telemetry.otlp import decode_line
from tests import writing
from tests.receive.receiving import JSON, Running, receiving, spans_of

ROOT = Path(__file__).parents[2]
BACKUP = re.compile(r"traces-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-size\.json")


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """As a full disk: a write stops in the middle of what it was given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_answered_with_503_leaves_whole_lines_and_recovers(tmp_path: Path) -> None:
    first, second = (writing.line(*(writing.span(10 * n + m) for m in range(1, 9))) for n in range(2))
    with receiving(tmp_path) as running:
        assert running.send(first).status == 200
        before = running.live_path.read_bytes()
        with files_of_at_most(len(before) + 100):
            refused = running.send(second)
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "10"
            assert refused.sentence == "It cannot be stored now (File too large): nothing of it was."
            assert running.live_path.read_bytes() == before
        assert running.send(second).status == 200
        assert len(spans_of(running.documents())) == 16


def test_a_disk_that_is_nearly_full_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.receive.rotation.SPARE_BYTES", 2**62)  # more than any disk has
    storage = FileStorage(tmp_path / "traces.json")
    with pytest.raises(OSError, match="No space left") as refusal:
        storage.store([b"{}"])
    storage.close()
    assert refusal.value.errno == errno.ENOSPC
    assert (tmp_path / "traces.json").read_bytes() == b""


def test_a_last_line_that_is_not_whole_does_not_spoil_the_next(tmp_path: Path) -> None:
    live_path = tmp_path / "traces.json"
    live_path.write_bytes(b'{"resourceSpans":[{"resou')
    storage = FileStorage(live_path)
    storage.store([b"{}"])
    storage.close()
    assert live_path.read_bytes() == b'{"resourceSpans":[{"resou\n{}\n'


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_file_that_was_moved_away_or_deleted_is_begun_anew(tmp_path: Path, is_deleted: bool) -> None:
    live_path = tmp_path / "traces.json"
    storage = FileStorage(live_path)
    storage.store([b"1"])
    if is_deleted:
        live_path.unlink()
    else:
        live_path.rename(tmp_path / "kept.json")
    storage.store([b"2"])
    storage.close()
    assert live_path.read_bytes() == b"2\n"


def test_the_file_rotates_as_the_collector_s_and_a_request_stays_together(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "traces.json", max_file_bytes=20)
    for number in range(6):
        storage.store([b"%d: first" % number, b"%d: second" % number])
    storage.close()
    backups = sorted(path for path in tmp_path.iterdir() if path.name != "traces.json")
    assert len(backups) == 5
    assert all(BACKUP.fullmatch(path.name) for path in backups)
    contents = [path.read_bytes() for path in (*backups, tmp_path / "traces.json")]
    assert contents == [b"%d: first\n%d: second\n" % (number, number) for number in range(6)]


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "traces.json", max_file_bytes=5_000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: storage.store([b"%03d" % number * 50]), range(300)))
    storage.close()
    lines = [line for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert sorted(lines) == [b"%03d" % number * 50 for number in range(300)]


@pytest.mark.parametrize("name", ["missing/traces.json", "."])
def test_a_live_file_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match=r"^--otlp stores what comes in '.*', which cannot be written \("):
        open_storage("file", str(tmp_path / name), print)


KILLED = """
import sys
from pathlib import Path
from diamond_viewer.receive.receiver import receive
from diamond_viewer.receive.storage import FileStorage
from diamond_viewer.serving import Stop, listen

listening = listen("127.0.0.1", 0)
with receive(listening, FileStorage(Path(sys.argv[1])), Stop()):
    print(listening[0].getsockname()[1], flush=True)
    sys.stdin.read()
"""


def test_every_span_answered_with_200_survives_kill_9(tmp_path: Path) -> None:
    live_path = tmp_path / "traces.json"
    answered: set[int] = set()
    for run in range(3):
        command = [sys.executable, "-c", KILLED, str(live_path)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            running = Running(int(process.stdout.readline()), live_path)
            numbers = range(1000 * run + 1, 1000 * run + 200)
            with ThreadPoolExecutor(4) as threads:
                sending = [threads.submit(is_taken, running, number) for number in numbers]
                assert sending[50].result()
                process.kill()
                answered |= {number for number, taken in zip(numbers, sending, strict=True) if taken.result()}
    lines = [line for line in live_path.read_bytes().splitlines() if line.endswith(b"]}")]
    kept = {span["spanId"] for line in lines for span in spans_of([json.loads(line)])}
    assert {writing.span_id(number) for number in answered} <= kept
    assert len(answered) > 100


def is_taken(running: Running, number: int) -> bool:
    try:
        return running.send(writing.line(writing.span(number))).status == 200
    except (OSError, http.client.HTTPException):  # killed meanwhile
        return False


def test_what_is_stored_is_read_by_the_viewer_without_repair(tmp_path: Path) -> None:
    with receiving(tmp_path) as running:
        running.send(writing.line(*(writing.span(number) for number in range(1, 6))))
        (line,) = running.live_path.read_bytes().splitlines()
    batch = decode_line(line)
    assert (batch.span_count, batch.invalid_spans, batch.repaired, batch.original) == (5, 0, False, line)


def test_on_the_console_a_request_is_a_line_per_span_and_nothing_is_stored(tmp_path: Path) -> None:
    said: list[str] = []
    with receiving(tmp_path, ConsoleStorage(said.append)) as running:
        failed = writing.span(2, 1, name="UPDATE", status_code=2, attributes={"user.id": "usr_7"})
        failed["status"]["message"] = "no such\nlesson"
        answer = running.send(writing.line(writing.span(1, name="POST /api/progress"), failed), content_type=JSON)
        assert answer.status == 200
    (words,) = said
    assert words.splitlines() == [
        f"14:38:15.000  web  POST /api/progress  1 ms  trace {writing.trace_id(1)} span {writing.span_id(1)}",
        "14:38:15.000  web  UPDATE  1 ms  error: no such\ufffdlesson  user usr_7  "
        f"trace {writing.trace_id(1)} span {writing.span_id(2)}",
    ]
    assert list(tmp_path.iterdir()) == []
