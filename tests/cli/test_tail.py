"""``tail``: what comes in is told once it rests, through rotations, to whoever still listens."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import xxhash

from diamond_viewer.cli.following import Followed, Remembered
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.telling import SpanTeller, TraceTeller
from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.otlp import decode_line
from tests.asking import asked
from tests.cli.commanding import ROOT, TRACES, Command, run
from tests.feed.recorder import Recorder, line_of, lines_of
from tests.writing import A_TIME_NS, line, span, trace_id

WITHIN_S = 30.0
BACKUP = "traces-2026-11-22T14-50-51.189-size.json"


class Tailing:
    """A running ``tail``; what it says is waited for, within a bound."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "diamond_viewer", "tail", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self._seen = b""

    def lines(self, count: int) -> list[str]:
        """The next so many lines."""
        assert self.process.stdout is not None
        end_s = time.monotonic() + WITHIN_S
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while self._seen.count(b"\n") < count:
                assert ready.select(max(0.0, end_s - time.monotonic())), f"only {self._seen!r} within {WITHIN_S} s"
                read = os.read(self.process.stdout.fileno(), 65536)
                assert read, self.process.communicate()
                self._seen += read
        *found, self._seen = self._seen.split(b"\n", count)
        return [one.decode() for one in found]

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, err.decode()


@contextmanager
def tailing(*arguments: str | Path) -> Iterator[Tailing]:
    tail = Tailing(*arguments)
    try:
        yield tail
    finally:
        tail.process.kill()
        tail.process.communicate()


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(one + b"\n" for one in lines))


def one_span(number: int, name: str = "work", **more: object) -> bytes:
    return line(span(number, trace=number, name=name, start_ns=A_TIME_NS + number, **more))  # type: ignore[arg-type]


def test_it_begins_with_the_last_traces_and_follows_a_rotation_until_ctrl_c(tmp_path: Path) -> None:
    live = tmp_path / "traces.json"
    append(tmp_path / BACKUP, one_span(1))
    append(live, one_span(2), one_span(3), one_span(4))
    with tailing("-n", "2", "--json", live) as tail:
        assert [json.loads(one)["trace_id"] for one in tail.lines(2)] == [trace_id(3), trace_id(4)]
        append(live, one_span(5))
        assert [json.loads(one)["trace_id"] for one in tail.lines(1)] == [trace_id(5)]
        live.rename(tmp_path / "traces-2026-11-22T14-51-00.000-size.json")
        append(live, one_span(6))
        assert [json.loads(one)["trace_id"] for one in tail.lines(1)] == [trace_id(6)]
        assert tail.end() == (130, "")


def test_only_what_matches_is_told(tmp_path: Path) -> None:
    live = tmp_path / "traces.json"
    append(live, one_span(1, "the last that failed", status_code=2))
    with tailing("--status", "error", "-n", "1", live) as tail:
        assert "  the last that failed  web  error" in tail.lines(1)[0]
        append(live, *(one_span(number, f"call {number}", status_code=2 * (number == 7)) for number in range(2, 9)))
        assert "  call 7  web  error" in tail.lines(1)[0]
        assert tail.process.poll() is None


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with tailing("--spans", tmp_path / "traces.json") as tail:
        assert tail.process.stderr is not None
        assert tail.process.stderr.readline().startswith(b"Waiting")
        append(tmp_path / "traces.json", one_span(1, "first"))
        assert "  first  web  trace" in tail.lines(1)[0]


def test_standard_input_is_told_to_its_end(command: Command) -> None:
    told = run("tail", "--json", "-", stdin=TRACES.read_bytes())
    assert told.code == 0
    expected = command("search", "--all", "--json", TRACES).documents
    assert sorted(told.documents, key=lambda row: row["trace_id"]) == sorted(expected, key=lambda row: row["trace_id"])
    spans = run("tail", "--json", "--spans", "-", stdin=TRACES.read_bytes()).documents
    assert len(spans) == 3_252
    assert sum(row["status"] == "error" for row in spans) == 48
    assert run("tail", "--lesson", "lesson-999", "-", stdin=TRACES.read_bytes()).code == 1


class Watching:
    """A teller over a store, without a feed and its thread."""

    def __init__(self, kind: type[TraceTeller] | type[SpanTeller], query: Query | None = None) -> None:
        store = MemoryStore(2**28)
        self.followed = Followed(store)
        self._said = StringIO()
        output = Output(self._said, StringIO(), {}, "never")
        self.teller = kind(store, self.followed, query or Query(), output, is_json=True)

    def add(self, *lines: bytes) -> None:
        for one in lines:
            self.followed.add(decode_line(one), xxhash.xxh3_128_digest(one))
        self.followed.commit()

    def said(self, key: str, is_over: bool = False) -> list[Any]:
        self._said.seek(0)
        self._said.truncate()
        self.teller.tell(is_over)
        return [json.loads(one)[key] for one in self._said.getvalue().splitlines()]


def test_a_trace_is_told_when_it_rests_and_again_when_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(TraceTeller)
    watching.add(line(span(2, parent=1)))
    assert watching.said("span_count") == []
    watching.add(line(span(1)))
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 5)
    assert watching.said("span_count") == [2]
    assert watching.said("span_count") == []
    watching.add(line(span(3, parent=1)))
    assert watching.said("span_count", is_over=True) == [3]


def test_a_trace_that_begins_to_match_is_told_from_its_first_span_on_and_each_span_once() -> None:
    watching = Watching(SpanTeller, asked(user="usr_0007"))
    watching.add(line(span(2, parent=1, name="query")), line(span(9, trace=2, name="of others")))
    assert watching.said("name") == []
    watching.add(line(span(1, name="request", attributes={"user.id": "usr_0007"})))
    assert sorted(watching.said("name")) == ["query", "request"]
    watching.add(line(span(2, parent=1, name="query"), span(3, parent=1, name="response")))
    assert watching.said("name") == ["response"]


def test_what_was_told_long_ago_is_forgotten() -> None:
    remembered = Remembered(2)
    assert [remembered.add(key) for key in "abacab"] == [True, True, False, True, False, True]
    assert "c" not in remembered


@pytest.mark.parametrize(
    ("last_bytes", "numbers"), [(0, []), (1, [6]), (len(line_of(6)) + 3, [5, 6]), (10**6, [1, 2, 3, 4, 5, 6])]
)
def test_of_a_live_file_only_the_last_bytes_are_read_in_whole_lines(
    tmp_path: Path, last_bytes: int, numbers: list[int]
) -> None:
    (tmp_path / BACKUP).write_bytes(lines_of(100, 101))
    live = tmp_path / "traces.json"
    live.write_bytes(lines_of(1, 2, 3, 4, 5, 6))
    recorder = Recorder()
    feed = Feed([str(live)], recorder, only_last_bytes=last_bytes)
    feed.look()
    assert list(recorder.spans) == numbers
    with live.open("ab") as file:
        file.write(lines_of(7))
    (tmp_path / f"{BACKUP}.gz").write_bytes(b"")
    feed.look()
    assert list(recorder.spans) == [*numbers, 7]
    assert recorder.state.bad_lines == 0
    feed.stop()


def test_half_a_line_at_the_end_is_read_when_its_rest_comes(tmp_path: Path) -> None:
    live = tmp_path / "traces.json"
    live.write_bytes(lines_of(1, 2) + line_of(3)[:20])
    recorder = Recorder()
    feed = Feed([str(live)], recorder, only_last_bytes=0)
    feed.look()
    with live.open("ab") as file:
        file.write(line_of(3)[20:] + b"\n")
    feed.look()
    assert (list(recorder.spans), recorder.state.bad_lines) == ([3], 0)
    feed.stop()
