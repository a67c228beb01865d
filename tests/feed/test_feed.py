"""The thread: what it reports, how it stops, and that nothing ends it."""

import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from watchdog.observers.api import BaseObserver

from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.files import NotAFile, open_file
from diamond_viewer.feed.watch import Watch
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.feed.following import Following, backup
from tests.feed.recorder import Recorder, line_of, lines_of
from tests.feed.waiting import running, until

LINES_OF_BACKLOG = 3000


def test_it_is_ready_once_everything_that_stood_on_disk_is_read(tmp_path: Path) -> None:
    (tmp_path / backup(1)).write_bytes(lines_of(*range(1, 1000), padding=10_000))
    (tmp_path / "traces.json").write_bytes(lines_of(1000))
    readiness = []

    class Witness(Recorder):
        def report(self, state: object) -> None:
            super().report(state)  # type: ignore[arg-type]
            readiness.append((self.state.ready, len(self.spans), self.state.bytes_read <= self.state.bytes_total))

    recorder = Witness()
    with running(Feed([str(tmp_path / "traces.json")], recorder)):
        until(lambda: recorder.state.ready)
    assert readiness[0][0] is False, "more than one step"
    assert all(spans == 1000 for ready, spans, _ in readiness if ready)
    assert all(in_order for _, _, in_order in readiness)
    assert recorder.state.bytes_read == recorder.state.bytes_total
    assert recorder.state.lag_ns == 0


def test_each_file_says_how_far_behind_it_is(tmp_path: Path) -> None:
    (tmp_path / backup(1)).write_bytes(lines_of(*range(1, 1000), padding=20_000))
    (tmp_path / "traces.json").write_bytes(lines_of(1000))
    reports = []

    class Witness(Recorder):
        def report(self, state: object) -> None:
            super().report(state)  # type: ignore[arg-type]
            reports.append(self.state)

    recorder = Witness()
    feed = Feed([str(tmp_path / "traces.json")], recorder)
    feed.look()
    feed.stop()
    seen = [{Path(source.path).name: source for source in state.sources} for state in reports]
    assert len(seen) > 2, "more than one step"
    for state, sources in zip(reports, seen, strict=True):
        assert sum(source.behind_bytes for source in sources.values()) == state.bytes_total - state.bytes_read
        assert all(source.behind_bytes == source.size_bytes - source.bytes_read for source in sources.values())
        assert all(source.lag_ns == 0 for source in sources.values() if not source.behind_bytes)
        assert max(source.lag_ns for source in sources.values()) == state.lag_ns
    assert seen[1][backup(1)].behind_bytes > 0
    assert seen[1][backup(1)].lag_ns > 0, "behind since the step before"
    assert seen[-1][backup(1)].behind_bytes == seen[-1]["traces.json"].behind_bytes == 0


def test_it_stops_in_the_middle_of_a_backlog(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(lines_of(*range(1, LINES_OF_BACKLOG + 1), padding=30_000))
    enough = threading.Event()

    class Slow(Recorder):
        def add(self, *arguments: object) -> None:
            super().add(*arguments)  # type: ignore[arg-type]
            if len(self.spans) >= 10:
                enough.set()

    recorder = Slow()
    with running(Feed([str(tmp_path / "traces.json")], recorder)):
        assert enough.wait(20)
    assert "feed" not in {thread.name for thread in threading.enumerate()}
    assert len(recorder.spans) < LINES_OF_BACKLOG
    assert not recorder.state.ready


def test_it_can_be_stopped_before_it_was_started(tmp_path: Path) -> None:
    Feed([str(tmp_path / "traces.json")], Recorder()).stop()


def test_the_age_of_the_newest_line_is_known_when_the_writer_falls_silent(tmp_path: Path) -> None:
    """A collector whose buffered writer has failed once writes nothing more until it is restarted."""
    with Following(tmp_path) as f:
        f.look()
        assert f.recorder.state.last_line_ns == 0
        (tmp_path / "before").touch()
        before_ns = (tmp_path / "before").stat().st_mtime_ns  # the clock that stamps files is some milliseconds behind
        f.write(1)
        f.look()
        newest_ns = f.recorder.state.last_line_ns
        assert before_ns <= newest_ns <= time.time_ns()
        f.append(line_of(2)[:50])
        f.look()
        assert f.recorder.state.last_line_ns == newest_ns


@pytest.mark.parametrize("method", ["add", "commit", "report", "is_held"])
def test_an_exception_in_the_store_does_not_end_the_feed(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Following(tmp_path) as f:
        works = getattr(f.recorder, method)

        def fail(*_: object) -> None:
            raise RuntimeError("out of order")

        monkeypatch.setattr(f.recorder, method, fail)
        f.write(1)
        f.look()
        f.look()
        monkeypatch.setattr(f.recorder, method, works)
        f.write(2)
        f.look()
        assert 2 in f.numbers
        problems = f.recorder.problems()
        assert any("out of order" in problem.sentence for problem in problems)
        assert len(caplog.records) <= 1


def test_an_exception_of_our_own_does_not_end_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Following(tmp_path) as f:
        surveys = f.feed._shelf.survey
        monkeypatch.setattr(f.feed._shelf, "survey", lambda: 1 / 0)
        f.look()
        assert not f.recorder.state.ready
        assert f.recorder.source("(the feed)").problems[0].kind == "ZeroDivisionError"
        monkeypatch.setattr(f.feed._shelf, "survey", surveys)
        f.write(1)
        f.look()
        assert f.numbers == [1]
        assert f.recorder.state.ready


def test_the_notice_that_it_was_given_comes_first(tmp_path: Path) -> None:
    recorder = Recorder()
    feed = Feed([str(tmp_path / "traces.json")], recorder, notice="This is a demo.")
    feed.look()
    feed.stop()
    assert recorder.state.notice.startswith("This is a demo. Waiting for ")


def test_what_was_wrong_with_a_file_is_remembered_when_the_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(b"{bad\n" + lines_of(1))
    with Following(tmp_path, hold_s=0) as f:
        f.look()
        path.unlink()
        f.look()
        f.look()
        assert f.recorder.source(path).problems[0].kind == "not JSON"


def test_what_the_viewer_itself_does_wrong_is_told_on_health_and_it_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, store = tmp_path / "traces.json", MemoryStore(1 << 28)
    live.write_bytes(lines_of(1))
    failing = [ZeroDivisionError("by token=hunter2hunter2")]
    commit = store.commit

    def fail_once() -> None:
        if failing:
            raise failing.pop()
        commit()

    monkeypatch.setattr(store, "commit", fail_once)
    client = create_app(store).test_client()
    with running(Feed([str(live)], store)):
        until(lambda: "ZeroDivisionError: by token=REDACTED" in client.get("/health").text)
        with live.open("ab") as out:
            out.write(lines_of(2))
        until(lambda: store.health().spans == 2)
    answer = client.get("/api/health").get_json()
    assert (answer["sources"][0]["path"], answer["sources"][0]["state"]) == ("(the feed)", "failed")
    assert "hunter2" not in str(answer)


def test_a_watch_that_fails_as_nobody_foresaw_is_told_and_lines_are_found(tmp_path: Path) -> None:
    def refuse() -> BaseObserver:
        raise KeyError("no such emitter")

    live, recorder = tmp_path / "traces.json", Recorder()
    with running(Feed([str(live)], recorder, watch=partial(Watch, make_observer=refuse))):
        live.write_bytes(lines_of(1))
        until(lambda: recorder.numbers == [1])
        until(lambda: any(problem.kind == "KeyError" for problem in recorder.problems()))
        with live.open("ab") as out:
            out.write(lines_of(2))
        until(lambda: recorder.numbers == [1, 2])


def test_what_is_no_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    before = list(Path("/proc/self/fd").iterdir())
    for _ in range(50):
        with pytest.raises(NotAFile):
            open_file(str(tmp_path / "fifo"))
    assert len(list(Path("/proc/self/fd").iterdir())) <= len(before) + 5, "others may open some meanwhile"
