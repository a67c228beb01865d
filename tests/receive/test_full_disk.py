"""A disk without room: a tmpfs of 4 MiB that fills up, and ``/dev/full`` where the live file should be."""

import json
import sys
from pathlib import Path

from tests import writing
from tests.receive.receiving import spans_of
from tests.receive.small_disk import on_small_disk, run_on_small_disk, seen_by
from tests.receive.viewing import ReceivingViewer, viewing

MIB = 1024**2
FULL = "It cannot be stored now (No space left on device): nothing of it was."
ROOT = Path(__file__).parents[2]


def large(number: int) -> bytes:
    """A request of some 100 kB."""
    return writing.line(writing.span(number, attributes={"blob": "x" * 100_000}))


def sent_until_full(viewer: ReceivingViewer, number: int) -> int:
    """Send spans of these numbers until one is refused; gives the number of that one."""
    for one in range(number, number + 100):
        answer = viewer.receiver.send(large(one))
        if answer.status != 200:
            assert (answer.status, answer.headers["Retry-After"], answer.sentence) == (503, "10", FULL)
            return one
    raise AssertionError("10 MB fit on a disk of 4 MiB.")


def test_a_small_disk_fills_up_is_answered_with_503_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with viewing(tmp_path / "traces.json", before=on_small_disk(tmp_path, 4 * MIB)) as viewer:
        disk = seen_by(viewer.process.pid, tmp_path)
        (disk / "others.log").write_bytes(b"-" * (2 * MIB))  # somebody else's
        refused = sent_until_full(viewer, 1)
        assert refused > 5
        kept = (disk / "traces.json").read_bytes()
        assert viewer.receiver.send(large(refused)).status == 503
        assert viewer.receiver.send(b'{"resourceLogs":[]}', "/v1/logs").status == 200  # asks for no room
        assert (disk / "traces.json").read_bytes() == kept
        assert viewer.wait_for_spans(refused - 1)["bad_lines"] == 0
        (disk / "others.log").unlink()
        refused_again = sent_until_full(viewer, refused)
        assert refused_again > refused + 10
        health = viewer.wait_for_spans(refused_again - 1)
        page = viewer.json("/api/traces")
        lines = (disk / "traces.json").read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    stored = [span["spanId"] for span in spans_of([json.loads(line) for line in lines])]
    assert stored == [
        writing.span_id(number) for number in range(1, refused_again)
    ]  # each that was answered with 200, once
    assert (health["spans"], health["duplicate_spans"], health["bad_lines"]) == (refused_again - 1, 0, 0)
    assert page["traces"][0]["span_count"] == refused_again - 1


TO_THE_LAST_BYTE = """
import pathlib, sys
from diamond_viewer.receive import rotation
rotation.SPARE_BYTES = -(2**40)  # it does not look how much room there is: the kernel stops a write half-way
path = pathlib.Path(sys.argv[1], "traces.json")
others = path.with_name("others.log")
others.write_bytes(b"-" * 300_000)
file, line, kept = rotation.RotatingFile(path, 2**30, 10), b"x" * 70_001, 0
for freed in (False, True):
    try:
        while True:
            file.append_all([line], 0)
            kept += 1
    except OSError as error:
        print(error.strerror, kept, path.stat().st_size)
    assert path.read_bytes() == (line + b"\\n") * kept
    if not freed:
        others.unlink()
"""


def test_a_line_that_a_full_disk_cuts_off_is_taken_back(tmp_path: Path) -> None:
    said = run_on_small_disk(
        tmp_path,
        MIB,
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{TO_THE_LAST_BYTE}", str(tmp_path)],
    )
    assert (said.returncode, said.stderr) == (0, "")
    first, second = said.stdout.splitlines()
    assert first == f"No space left on device 10 {10 * 70_002}"
    assert second == f"No space left on device 14 {14 * 70_002}"


def test_a_viewer_on_a_full_disk_answers_503_and_goes_on_when_the_file_is_elsewhere(tmp_path: Path) -> None:
    live_path = tmp_path / "traces.json"
    first, second, third = (writing.line(writing.span(number)) for number in (1, 2, 3))
    with viewing(live_path) as viewer:
        assert viewer.receiver.send(first).status == 200
        live_path.rename(tmp_path / "traces-2026-11-24T00-00-00.000-size.json")
        live_path.symlink_to("/dev/full")
        for _ in range(2):
            refused = viewer.receiver.send(second)
            assert (refused.status, refused.headers["Retry-After"], refused.sentence) == (503, "10", FULL)
        live_path.unlink()
        assert viewer.receiver.send(second).status == 200
        assert viewer.receiver.send(third).status == 200
        health = viewer.wait_for_spans(3)
        spans = spans_of(viewer.receiver.documents())
    assert [span["spanId"] for span in spans] == [writing.span_id(number) for number in (1, 2, 3)]
    assert (health["spans"], health["bad_lines"]) == (3, 0)
