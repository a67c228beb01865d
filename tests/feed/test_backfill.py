"""Sealed files read by worker processes: real ones, that die, with files that move under them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diamond_viewer.feed.backfill import Backfill, Outcome
from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.sealed import SealedFile, read_sealed
from diamond_viewer.feed.worker import NICENESS
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import Health
from tests.asking import drawn
from tests.feed.following import backup
from tests.feed.recorder import line_of, lines_of
from tests.feed.waiting import running, until
from tests.index.filling import ROOMY_BYTES
from tests.plain_store import PlainStore

MAX_LINE_BYTES = 64 * 1024 * 1024


class Stalling(MemoryStore):
    """A writer that waits at every line as long as the file that the environment names stands there."""

    def add(self, *arguments: object) -> None:
        super().add(*arguments)  # type: ignore[arg-type]
        gate = Path(os.environ["TEST_GATE"])
        gate.with_name(f"{os.getpid()}.at-work").touch()
        until(lambda: not gate.exists(), within_s=60)


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file: while it stands there, workers of ``Stalling.packer`` wait."""
    path = tmp_path_factory.mktemp("gate") / "gate"
    path.touch()
    monkeypatch.setenv("TEST_GATE", str(path))
    return path


def workers_at(gate: Path) -> set[int]:
    return {int(path.stem) for path in gate.parent.glob("*.at-work")}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def write_files(folder: Path, files: int = 4, lines: int = 30) -> list[bytes]:
    """Sealed files and a live one. Returns all lines, oldest first."""
    everything = []
    for number in range(files):
        numbers = range(number * lines + 1, (number + 1) * lines + 1)
        name = backup(number + 1) if number < files - 1 else "traces.json"
        (folder / name).write_bytes(lines_of(*numbers))
        everything += [line_of(one) for one in numbers]
    return everything


class Backlog:
    """A feed with workers over a folder, and the store it writes to."""

    def __init__(self, folder: Path, worker_count: int = 2, packer: type[MemoryStore] = MemoryStore) -> None:
        self.store = MemoryStore(ROOMY_BYTES)
        self.feed = Feed([str(folder / "traces.json")], self.store, patience_s=0, hold_s=600)
        self.feed.read_backlog_in(worker_count, packer.packer, min_bytes=0)

    @property
    def health(self) -> Health:
        return self.store.health()

    def is_ready(self) -> bool:
        return self.health.feed.ready

    @contextmanager
    def running(self) -> Iterator[None]:
        with running(self.feed):
            yield

    def read(self) -> None:
        with self.running():
            until(self.is_ready)


@contextmanager
def backfilling(folder: Path, worker_count: int, packer: type[MemoryStore] = MemoryStore) -> Iterator[Backfill]:
    files = [sealed(path) for path in sorted(folder.glob("traces-*.json"), reverse=True)]
    backfill = Backfill(files, packer.packer, worker_count)
    try:
        yield backfill
    finally:
        backfill.stop()


def sealed(path: Path) -> SealedFile:
    status = path.stat()
    return SealedFile(str(path), (status.st_dev, status.st_ino), status.st_size, MAX_LINE_BYTES)


def outcomes_of(backfill: Backfill) -> list[Outcome]:
    found: list[Outcome] = []

    def is_over() -> bool:
        found.extend(backfill.finished(0.05))
        return backfill.is_over

    until(is_over)
    return found


@pytest.mark.parametrize("worker_count", [1, 2, 5])
def test_the_answers_are_those_of_one_process(tmp_path: Path, worker_count: int) -> None:
    lines = write_files(tmp_path)
    backlog = Backlog(tmp_path, worker_count)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert backlog.health.lines == len(lines)
    assert backlog.health.feed.bytes_read == backlog.health.feed.bytes_total > 0
    assert [source.lines for source in backlog.health.feed.sources] == [30, 30, 30, 30]
    assert {source.state for source in backlog.health.feed.sources} == {"live", "done"}


def test_outcomes_come_newest_file_first(tmp_path: Path) -> None:
    write_files(tmp_path)
    with backfilling(tmp_path, 2) as backfill:
        found = outcomes_of(backfill)
    assert [outcome.number for outcome in found] == [0, 1, 2]
    assert [outcome.reading.lines for outcome in found if outcome.reading] == [30, 30, 30]


def test_a_worker_that_dies_costs_a_retry(tmp_path: Path, gate: Path) -> None:
    lines = write_files(tmp_path)
    backlog = Backlog(tmp_path, 1, Stalling)
    with backlog.running():
        until(lambda: workers_at(gate))
        [killed] = workers_at(gate)
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(workers_at(gate)) == 2)
        gate.unlink()
        until(backlog.is_ready)
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert backlog.health.lines == len(lines)


def test_a_file_that_kills_two_workers_is_read_by_the_follower(tmp_path: Path, gate: Path) -> None:
    lines = write_files(tmp_path, files=3)
    killed: set[int] = set()

    def kill_the_next() -> bool:
        for pid in workers_at(gate) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return len(killed) == 4  # two files, twice each

    backlog = Backlog(tmp_path, 1, Stalling)
    with backlog.running():
        until(kill_the_next)
        until(backlog.is_ready)
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert gate.exists(), "no worker has read anything"


def test_the_live_file_is_followed_meanwhile(tmp_path: Path, gate: Path) -> None:
    lines = write_files(tmp_path)
    backlog = Backlog(tmp_path, 2, Stalling)
    with backlog.running():
        until(lambda: backlog.health.spans == 30)
        with (tmp_path / "traces.json").open("ab") as live:
            live.write(lines_of(500))
        until(lambda: backlog.health.spans == 31)
        assert not backlog.is_ready()
        assert 0 < backlog.health.feed.bytes_read < backlog.health.feed.bytes_total
        gate.unlink()
        until(backlog.is_ready)
    assert drawn(backlog.store) == drawn(PlainStore.from_lines([*lines, line_of(500)]))


def test_workers_give_way_to_the_server(tmp_path: Path, gate: Path) -> None:
    write_files(tmp_path)
    backlog = Backlog(tmp_path, 2, Stalling)
    with backlog.running():
        until(lambda: len(workers_at(gate)) == 2)
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in workers_at(gate)} == {min(19, ours + NICENESS)}
        gate.unlink()
        until(backlog.is_ready)


def test_progress_moves_with_every_file(tmp_path: Path) -> None:
    write_files(tmp_path)
    seen: list[int] = []
    with backfilling(tmp_path, 1) as backfill:
        while not backfill.is_over:
            seen += [outcome.number for outcome in backfill.finished(5)]
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda old, folder: old.rename(folder / "traces-2026-11-20T00-00-00.000.json"), id="renamed"),
        pytest.param(lambda old, folder: old.rename(folder / "moved-away"), id="renamed out of sight"),
        pytest.param(lambda old, folder: old.unlink(), id="deleted"),
        pytest.param(lambda old, folder: (folder / "traces.json").rename(folder / backup(9)), id="rotated"),
    ],
)
def test_what_stood_there_is_read_wherever_its_name_goes(tmp_path: Path, gate: Path, move: object) -> None:
    lines = write_files(tmp_path)
    backlog = Backlog(tmp_path, 1, Stalling)
    with backlog.running():
        until(lambda: workers_at(gate))  # at the newest of them: the others have not been opened by any worker
        assert callable(move)
        move(tmp_path / backup(1), tmp_path)
        gate.unlink()
        until(backlog.is_ready)
        until(lambda: backlog.health.spans == len(lines))
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))


def test_a_file_that_is_rewritten_meanwhile_is_read_as_it_is_then(tmp_path: Path, gate: Path) -> None:
    write_files(tmp_path)
    backlog = Backlog(tmp_path, 1, Stalling)
    with backlog.running():
        until(lambda: workers_at(gate))
        (tmp_path / backup(1)).write_bytes(lines_of(900, 901))
        gate.unlink()
        until(backlog.is_ready)
        until(lambda: backlog.health.spans == 3 * 30 + 2)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param(
            line_of(1) + b"\n" + line_of(2)[:50], line_of(2)[50:] + b"\n" + line_of(3) + b"\n", id="cut in two"
        ),
        pytest.param(line_of(1) + b"\n" + line_of(2), b"\n" + line_of(3) + b"\n", id="a lost line feed"),
        pytest.param(line_of(1) + b"\n\0\0\0" + line_of(2) + b"\n", line_of(3) + b"\n", id="a hole"),
    ],
)
def test_what_needs_its_neighbours_is_left_to_the_reader(tmp_path: Path, older: bytes, newer: bytes) -> None:
    (tmp_path / backup(1)).write_bytes(older)
    (tmp_path / backup(2)).write_bytes(newer)
    (tmp_path / backup(3)).write_bytes(lines_of(4, 5))
    (tmp_path / "traces.json").write_bytes(lines_of(6))
    backlog = Backlog(tmp_path)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines([line_of(number) for number in range(1, 7)]))
    assert backlog.health.feed.bad_lines == 0


@pytest.mark.parametrize(
    "content", [b"", b"half", line_of(1), b"nonsense\n" + lines_of(1), lines_of(1) + b"x" * 9, b"\0" * 9 + lines_of(1)]
)
def test_a_file_that_is_not_whole_lines_is_no_sealed_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(content)
    reading = read_sealed(sealed(path), MemoryStore.packer)
    assert reading is None or (not content and reading.lines == 0)


def test_another_file_under_the_name_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(1))
    asked = sealed(path)
    path.rename(tmp_path / "other")
    path.write_bytes(lines_of(2))
    assert read_sealed(asked, MemoryStore.packer) is None


def test_counters_and_problems_of_workers_arrive(tmp_path: Path) -> None:
    metrics = b'{"resourceMetrics":[{"resource":{}}]}\n'
    (tmp_path / backup(1)).write_bytes(lines_of(1) + b"nonsense\n" + metrics + lines_of(2, 1))
    (tmp_path / "traces.json").write_bytes(lines_of(3))
    backlog = Backlog(tmp_path)
    backlog.read()
    counters = {name: count for name, count in backlog.health.feed.counters.items() if count}
    assert counters == {"other_signal": 1, "duplicate_lines": 1}
    assert (backlog.health.lines, backlog.health.feed.bad_lines) == (6, 1)
    [problem] = [problem for source in backlog.health.feed.sources for problem in source.problems]
    assert (problem.kind, problem.offset, problem.preview) == ("not JSON", len(lines_of(1)), "nonsense")


def test_a_copy_of_a_file_is_read_and_counted_as_repeats(tmp_path: Path) -> None:
    lines = write_files(tmp_path)
    (tmp_path / backup(7)).write_bytes((tmp_path / backup(2)).read_bytes())
    backlog = Backlog(tmp_path)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert backlog.health.feed.counters["duplicate_lines"] == 30


def test_what_does_not_fit_into_memory_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, files=4, lines=300)
    backlog = Backlog(tmp_path)
    backlog.store = MemoryStore(500_000)
    backlog.feed = Feed([str(tmp_path / "traces.json")], backlog.store)
    backlog.feed.read_backlog_in(1, MemoryStore.packer, min_bytes=0)
    backlog.read()
    sentences = [problem.sentence for source in backlog.health.feed.sources for problem in source.problems]
    assert sentences
    assert set(sentences) == {
        "Older than what fits into memory: its traces are not shown. A larger --memory holds more."
    }
    assert backlog.health.held_since_ns > 0
    assert backlog.health.memory_bytes <= 500_000


def test_it_stops_in_the_middle_and_leaves_no_process_behind(tmp_path: Path, gate: Path) -> None:
    write_files(tmp_path)
    backlog = Backlog(tmp_path, 2, Stalling)
    with backlog.running():
        until(lambda: len(workers_at(gate)) == 2)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 20
    assert not backlog.is_ready()
    assert not any(is_running(pid) for pid in workers_at(gate))


def test_a_worker_whose_server_is_gone_ends(tmp_path: Path, gate: Path) -> None:
    write_files(tmp_path)
    with backfilling(tmp_path, 1, Stalling) as backfill:
        until(lambda: workers_at(gate))
        [pid] = workers_at(gate)
        for worker in backfill._workers:
            worker.connection.close()  # as the system does when a process is killed
        gate.unlink()
        until(lambda: all(not worker.process.is_alive() for worker in backfill._workers))
        backfill._workers.clear()
    assert not is_running(pid)
