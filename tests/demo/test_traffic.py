"""The demo's traffic on disk: the past at once, then live, bounded, and gone when told to stop."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import orjson
import pytest

from diamond_viewer.demo.platform import NS_PER_SECOND
from diamond_viewer.demo.traffic import PAST_MINUTES, DemoTraffic

START_NS = 1_795_358_295_457_000_000
DEADLINE_SECONDS = 20


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def pass_seconds(self, seconds: float) -> None:
        self.now_ns += int(seconds * NS_PER_SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traffic(tmp_path: Path, clock: Clock) -> Iterator[DemoTraffic]:
    traffic = DemoTraffic(tmp_path / "demo", clock=clock)
    yield traffic
    traffic.stop()


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _starts_ns(folder: Path) -> list[int]:
    return [
        int(span["startTimeUnixNano"])
        for path in folder.glob("traces*.json")
        for line in path.read_bytes().splitlines()
        for block in orjson.loads(line)["resourceSpans"]
        for scope in block["scopeSpans"]
        for span in scope["spans"]
    ]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "The condition never came true."
        threading.Event().wait(0.02)


def test_the_past_is_there_when_start_returns(traffic: DemoTraffic, clock: Clock) -> None:
    traffic.start()
    starts_ns = _starts_ns(traffic.live_path.parent)
    assert len(starts_ns) > 2_000
    assert START_NS - PAST_MINUTES * 60 * NS_PER_SECOND <= min(starts_ns) < START_NS - 30 * 60 * NS_PER_SECOND
    assert START_NS - 5 * NS_PER_SECOND < max(starts_ns) <= START_NS
    names = set(_contents(traffic.live_path.parent))
    assert {"traces.json", "metrics.json", "logs.json"} <= names
    assert any(name.startswith("traces-") for name in names)


def test_the_same_seed_and_clock_give_the_same_bytes(tmp_path: Path) -> None:
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        clock = Clock()
        traffic = DemoTraffic(tmp_path / folder, seed=seed, clock=clock)
        traffic.write_past()
        for _ in range(20):
            clock.pass_seconds(0.7)
            traffic.write_on()
        traffic.stop()
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")
    assert _contents(tmp_path / "a") != _contents(tmp_path / "c")


def test_some_traces_come_every_second(traffic: DemoTraffic, clock: Clock) -> None:
    traffic.write_past()
    for _ in range(30):
        clock.pass_seconds(1)
        traffic.write_on()
    second_ns = [start_ns // NS_PER_SECOND for start_ns in _starts_ns(traffic.live_path.parent) if start_ns > START_NS]
    assert len(set(second_ns)) > 20


def test_it_goes_on_by_itself_and_stops_when_told(tmp_path: Path) -> None:
    traffic = DemoTraffic(tmp_path)
    traffic.start()
    before = traffic.live_path.stat()
    # a rotation replaces the file: another inode is growth as well
    _wait_until(lambda: (now := traffic.live_path.stat()).st_size > before.st_size or now.st_ino != before.st_ino)
    traffic.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "demo-traffic"]
    after = _contents(tmp_path)
    assert all(content.endswith(b"\n") for content in after.values() if content)
    traffic.stop()
    assert _contents(tmp_path) == after


def test_starting_twice_is_refused(traffic: DemoTraffic) -> None:
    traffic.start()
    with pytest.raises(RuntimeError, match="started before"):
        traffic.start()


def test_writing_on_without_a_past_is_refused(traffic: DemoTraffic) -> None:
    with pytest.raises(RuntimeError, match="past first"):
        traffic.write_on()


def test_a_night_fills_no_disk(tmp_path: Path, clock: Clock) -> None:
    file_bytes, max_backups = 100_000, 3
    traffic = DemoTraffic(tmp_path, megabytes_per_file=file_bytes / 1024 / 1024, max_backups=max_backups, clock=clock)
    traffic.write_past()
    for _ in range(20):
        clock.pass_seconds(60)
        traffic.write_on()
    traffic.stop()
    contents = _contents(tmp_path)
    assert len(contents) == 3 * (max_backups + 1)
    longest_line = max(len(line) for content in contents.values() for line in content.splitlines())
    assert all(len(content) <= max(file_bytes, longest_line + 1) for content in contents.values())


@pytest.mark.parametrize("hours", [8, -8])
def test_a_clock_that_jumps_leaves_a_gap_and_not_a_night_of_catching_up(
    traffic: DemoTraffic, clock: Clock, hours: int
) -> None:
    traffic.write_past()
    clock.pass_seconds(hours * 3600)
    jumped_ns = clock.now_ns
    traffic.write_on()
    for _ in range(30):
        clock.pass_seconds(1)
        traffic.write_on()
    starts_ns = _starts_ns(traffic.live_path.parent)
    around_the_jump = [s for s in starts_ns if abs(s - jumped_ns) <= 60 * NS_PER_SECOND]
    between = [s for s in starts_ns if min(START_NS, jumped_ns) < s < max(START_NS, jumped_ns) - 3600 * NS_PER_SECOND]
    assert around_the_jump
    assert hours < 0 or not between


def test_a_folder_that_vanishes_ends_the_traffic_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = count()
    traffic = DemoTraffic(
        tmp_path / "demo", megabytes_per_file=0.02, clock=lambda: START_NS + next(seconds) * 10 * NS_PER_SECOND
    )
    traffic.start()
    shutil.rmtree(tmp_path / "demo")
    _wait_until(lambda: "traffic ends here" in caplog.text)
    traffic.stop()


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("in the way")
    with pytest.raises(OSError, match="demo"):
        DemoTraffic(tmp_path / "demo").start()
