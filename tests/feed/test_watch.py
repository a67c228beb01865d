"""watchdog gives hints; whether it does is looked after, and without it everything is found all the same."""

import errno
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.watch import REBUILD_AFTER_S, RETRY_AFTER_S, Watch
from tests.feed.recorder import Recorder, lines_of
from tests.feed.waiting import running, until


class Clock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Wakes:
    """Counts calls; ``arrive`` waits for one more."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def arrive(self, after: Callable[[], object]) -> None:
        count = self.count
        after()
        until(lambda: self.count > count)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def watch(wakes: Wakes, clock: Clock) -> Iterator[Watch]:
    watch = Watch(wakes, clock=clock)
    yield watch
    watch.stop()


def test_a_write_in_a_watched_folder_wakes(tmp_path: Path, watch: Watch, wakes: Wakes) -> None:
    watch.aim([str(tmp_path)])
    wakes.arrive(lambda: (tmp_path / "traces.json").write_bytes(b"x"))
    wakes.arrive(lambda: (tmp_path / "traces.json").rename(tmp_path / "old"))
    wakes.arrive(lambda: (tmp_path / "old").unlink())
    assert watch.notice == ""


def test_our_own_reading_does_not_wake_us(tmp_path: Path, watch: Watch, wakes: Wakes) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(b"x")
    watch.aim([str(tmp_path)])
    for _ in range(100):
        path.read_bytes()
    wakes.arrive(lambda: (tmp_path / "other").touch())
    assert wakes.count < 10


def test_a_folder_behind_a_symbolic_link_is_watched(tmp_path: Path, watch: Watch, wakes: Wakes) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    watch.aim([str(link)])
    wakes.arrive(lambda: (folder / "traces.json").write_bytes(b"x"))


@pytest.mark.parametrize("victim", [0, -1], ids=["dispatcher", "emitter"])
def test_a_dead_observer_is_replaced(tmp_path: Path, watch: Watch, wakes: Wakes, clock: Clock, victim: int) -> None:
    watch.aim([str(tmp_path)])
    thread = watch.threads()[victim]
    thread.stop()  # type: ignore[attr-defined]
    thread.join()
    watch.aim([str(tmp_path)])
    assert watch.rebuilt == 0, "not at once: what killed it may do so again"
    clock.now_s += REBUILD_AFTER_S
    watch.aim([str(tmp_path)])
    assert watch.rebuilt == 1
    wakes.arrive(lambda: (tmp_path / "traces.json").write_bytes(b"x"))


def test_a_wake_up_call_that_fails_does_not_kill_the_observer(tmp_path: Path) -> None:
    called = threading.Event()

    def fail() -> None:
        called.set()
        raise RuntimeError

    watch = Watch(fail)
    watch.aim([str(tmp_path)])
    (tmp_path / "a").touch()
    assert called.wait(20)
    called.clear()
    (tmp_path / "b").touch()
    assert called.wait(20)
    assert all(thread.is_alive() for thread in watch.threads())
    watch.stop()


@pytest.mark.parametrize("how", ["deleted", "moved away"])
def test_a_folder_that_is_replaced_is_watched_again(
    tmp_path: Path, watch: Watch, wakes: Wakes, clock: Clock, how: str
) -> None:
    folder = tmp_path / "otel"
    folder.mkdir()
    watch.aim([str(folder)])
    if how == "deleted":
        folder.rmdir()
        watch.aim([str(folder)])
    else:
        folder.rename(tmp_path / "old")
    folder.mkdir()
    before = wakes.count

    def is_watched() -> bool:
        """As the feed does it, at each of its looks: that a folder is gone reaches watchdog's thread in its own time, and the
        new one may have the number of the old."""
        clock.now_s += REBUILD_AFTER_S
        watch.aim([str(folder)])
        (folder / "traces.json").write_bytes(b"x")
        return wakes.count > before

    until(is_watched)
    assert watch.notice == ""
    wakes.arrive(lambda: (folder / "metrics.json").write_bytes(b"x"))


def test_a_missing_folder_is_no_error(tmp_path: Path, watch: Watch) -> None:
    watch.aim([str(tmp_path / "missing")])
    assert (watch.notice, watch.threads()) == ("", [])


def test_without_notifications_polling_is_announced_once(
    tmp_path: Path, wakes: Wakes, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The limits are the user's, and taking the last watch would disturb whoever else works on this machine."""
    refusals = [OSError(errno.ENOSPC, "inotify watch limit reached"), OSError(errno.EMFILE, "inotify instance limit")]

    def make_observer() -> BaseObserver:
        if refusals:
            raise refusals.pop(0)
        return Observer()

    watch = Watch(wakes, make_observer=make_observer, clock=clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            watch.aim([str(tmp_path)])
        assert "looked for twice a second" in watch.notice
        assert "inotify watch limit reached" in watch.notice
        clock.now_s += RETRY_AFTER_S
        watch.aim([str(tmp_path)])
    assert len(caplog.records) == 1
    clock.now_s += RETRY_AFTER_S
    watch.aim([str(tmp_path)])
    assert watch.notice == ""
    wakes.arrive(lambda: (tmp_path / "traces.json").write_bytes(b"x"))
    watch.stop()


class Silence(Watch):
    """A network or bind mount: everything can be watched, nothing is ever told."""

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__(lambda: None)


class Refusal(Watch):
    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__(wake, make_observer=self.refuse)

    def refuse(self) -> BaseObserver:
        raise OSError(errno.EMFILE, "inotify instance limit reached")


@pytest.mark.parametrize("watch_type", [Silence, Refusal])
def test_without_any_event_new_lines_are_found(tmp_path: Path, watch_type: Callable[..., Watch]) -> None:
    live, recorder = tmp_path / "traces.json", Recorder()
    with running(Feed([str(live)], recorder, watch=watch_type)):
        until(lambda: recorder.state.ready)
        live.write_bytes(lines_of(1))
        until(lambda: recorder.numbers == [1])
        live.rename(tmp_path / "traces.json.1")
        live.write_bytes(lines_of(2))
        until(lambda: recorder.numbers == [1, 2])
        until(lambda: ("looked for twice a second" in recorder.state.notice) == (watch_type is Refusal))


def test_more_events_than_the_queue_holds_lose_nothing(tmp_path: Path) -> None:
    recorder = Recorder()
    with running(Feed([str(tmp_path / "traces.json")], recorder)):
        until(lambda: recorder.state.ready)
        for number in range(1, 50_001):
            (tmp_path / f"file-{number % 500}").touch()
            if number % 5000 == 0:
                with (tmp_path / "traces.json").open("ab") as out:
                    out.write(lines_of(number))
        until(lambda: recorder.numbers == list(range(5000, 50_001, 5000)))


def test_the_feed_outlives_its_observer(tmp_path: Path) -> None:
    watches: list[Watch] = []

    def watch(wake: Callable[[], None]) -> Watch:
        watches.append(Watch(wake))
        return watches[0]

    live, recorder = tmp_path / "traces.json", Recorder()
    with running(Feed([str(live)], recorder, watch=watch)):
        until(lambda: watches[0].threads())
        for thread in watches[0].threads():
            thread.stop()  # type: ignore[attr-defined]
        live.write_bytes(lines_of(1))
        until(lambda: watches[0].rebuilt)
        with live.open("ab") as out:
            out.write(lines_of(2))
        until(lambda: recorder.numbers == [1, 2])
