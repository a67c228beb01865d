"""What the terminal says."""

import sys
import time
from collections.abc import Iterator
from socket import socket

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.settings.settings import Settings
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.terminal import CLEAR_LINE, announce_backlog, greet, refuse


@pytest.fixture
def listening() -> Iterator[socket]:
    with socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def test_the_greeting_is_three_lines(listening: socket, capsys: pytest.CaptureFixture[str]) -> None:
    greet(Settings(), [listening], [], ("a.json", "b.json"), "")
    port = listening.getsockname()[1]
    assert capsys.readouterr().out == (
        f"Diamond Viewer: http://127.0.0.1:{port}/trace-viewer.html\nReading a.json, b.json\nStop with Ctrl-C.\n"
    )


def test_secrets_that_are_shown_are_said(listening: socket, capsys: pytest.CaptureFixture[str]) -> None:
    greet(Settings(no_redact=True), [listening], [], ("a.json",), "")
    assert "Secrets are shown as they were recorded (--no-redact).\n" in capsys.readouterr().out


def test_a_notice_stands_instead_of_the_patterns(listening: socket, capsys: pytest.CaptureFixture[str]) -> None:
    greet(Settings(), [listening], [], ("/tmp/x/traces.json",), "This is demo traffic.")
    assert capsys.readouterr().out.splitlines()[1] == "This is demo traffic."


def test_the_backlog_is_announced_once_it_is_indexed(capsys: pytest.CaptureFixture[str]) -> None:
    store, looks = MemoryStore(64 * 1024**2), []

    def is_over(seconds: float) -> bool:
        looks.append(capsys.readouterr().out)
        if len(looks) == 3:
            store.report(FeedState(ready=True))
        return False

    announce_backlog(store, is_over, time.monotonic())
    assert looks == ["", "", ""]
    assert capsys.readouterr().out.startswith("Indexed 0 spans in ")


def test_a_viewer_that_stops_early_announces_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    announce_backlog(MemoryStore(64 * 1024**2), lambda seconds: True, time.monotonic())
    assert capsys.readouterr().out == ""


def test_a_refusal_is_a_sentence_on_stderr_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse(ValueError("Not like this.")) == 2
    assert capsys.readouterr() == ("", "app.py: Not like this.\n")


def test_a_long_backlog_is_announced_every_ten_percent_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = MemoryStore(64 * 1024**2)
    percents = iter(range(0, 101, 5))

    def is_over(seconds: float) -> bool:
        percent = next(percents)
        store.report(FeedState(ready=percent == 100, bytes_read=percent, bytes_total=100))
        return False

    announce_backlog(store, is_over, time.monotonic() - 10)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" %")[0] for line in lines[:-1]] == [f"Indexing: {percent}" for percent in range(10, 100, 10)]
    assert lines[-1].startswith("Indexed 0 spans in ")


def test_a_terminal_gets_a_bar_with_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    store = MemoryStore(64 * 1024**2)
    percents = iter((43, 100))

    def is_over(seconds: float) -> bool:
        percent = next(percents)
        store.report(FeedState(ready=percent == 100, bytes_read=percent * 10**6, bytes_total=10**8))
        return False

    announce_backlog(store, is_over, time.monotonic() - 10)
    drawn, last = capsys.readouterr().out.split(CLEAR_LINE)[1:]
    assert drawn.startswith("[████████▌           ] 43 %, ")
    assert "/s, " in drawn
    assert drawn.endswith(" left")
    assert last.startswith("Indexed 0 spans in ")
