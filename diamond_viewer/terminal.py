"""What the terminal says: what is shown and where, when the backlog is indexed, and why the viewer does not start."""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any, TextIO

from diamond_viewer.settings.settings import DEFAULT_PATTERN, Settings
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_bytes, format_count, format_duration

STARTED_S = time.monotonic()  # the program imports this before it does anything
MAX_FRAMES = 8  # of an exception's way
LOOK_S = 0.1  # between two looks whether the backlog is indexed
PATIENCE_S = 1.0  # a backlog that is indexed by then needs no bar
BAR_CELLS = 20
CLEAR_LINE = "\r\x1b[2K"

REAL_FILES = "Show your own files with: make run TRACES=/path/to/traces.json"
DEMO_NOTICE = f"This is demo traffic. {REAL_FILES}"
NO_FILE_NOTICE = f"There is no {DEFAULT_PATTERN} on this machine, so this is demo traffic. {REAL_FILES}"


class OneLine(logging.Formatter):
    """A line for each problem. Of an exception its kind and its way through our code: its message may quote telemetry.

    >>> try: {}["user.id=ada"]
    ... except KeyError: where = OneLine().formatException(sys.exc_info())
    >>> "ada" in where, where.startswith("KeyError at ")
    (False, True)
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        where = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        # waitress's messages name addresses, which name users and lessons
        names_address = record.name.startswith("waitress") and any(isinstance(one, str) for one in record.args or ())
        message = str(record.msg) if names_address else record.getMessage()
        said = f"{self.formatTime(record, self.datefmt)} {record.levelname} {message}"
        return "".join(c if c.isprintable() else "·" for c in f"{said} {where}".rstrip())

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's name
        kind, _, trace = ei
        frames = [frame for frame, _ in traceback.walk_tb(trace)]
        places = [f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}" for frame in frames]
        return f"{kind.__name__} at {' > '.join(places[-MAX_FRAMES:])}"


class _Unbreakable(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """A full disk or a pipe that nobody reads any more is no reason to serve worse."""


@contextmanager
def in_one_line() -> Iterator[None]:
    """While the block runs, problems go to stderr, a line each, and requests that are logged to stdout."""
    problems, requests = _Unbreakable(sys.stderr), _Unbreakable(sys.stdout)
    problems.setFormatter(OneLine())
    problems.setLevel(logging.WARNING)
    access, root = logging.getLogger("diamond_viewer.access"), logging.getLogger()
    access.setLevel(logging.INFO)
    access.propagate = False
    root.addHandler(problems)
    access.addHandler(requests)
    try:
        yield
    finally:
        root.removeHandler(problems)
        access.removeHandler(requests)
        access.propagate = True


def say(sentence: str) -> None:
    with suppress(OSError):  # a full disk, or nobody who reads: the viewer goes on
        print(sentence, flush=True)  # noqa: T201  a pipe or a journal must not hold it back


def refuse(error: Exception) -> int:
    """One sentence to stderr; the exit code of bad arguments."""
    print(f"app.py: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return 2


def page_address(settings: Settings, port: int) -> str:
    """Where a reader on this machine finds the page.

    >>> page_address(Settings(host="::1"), 8000)
    'http://[::1]:8000/trace-viewer.html'
    >>> page_address(Settings(host="0.0.0.0", allowed_hosts=("traces.example.org",)), 80)
    'http://traces.example.org:80/trace-viewer.html'
    """
    name = settings.allowed_hosts[0] if settings.listens_everywhere else settings.host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/trace-viewer.html"


def reception(settings: Settings, listening: Sequence[socket]) -> str:
    """Where telemetry is received and what becomes of it; empty when nothing listens."""
    if settings.otlp is None or not listening:
        return ""
    host, port = settings.otlp[0], listening[0].getsockname()[1]
    whither = f"stored in {settings.live_path}" if settings.otlp_store == "file" else "printed here and not stored"
    return f"Receiving OTLP/HTTP at http://{f'[{host}]' if ':' in host else host}:{port}, {whither}"


def greet(
    settings: Settings, listening: Sequence[socket], received: Sequence[socket], patterns: Sequence[str], notice: str
) -> None:
    """The URL, what is read and received, how to stop. ``listening`` serves pages, ``received`` takes telemetry."""
    say(f"Diamond Viewer: {page_address(settings, listening[0].getsockname()[1])}")
    say(notice or f"Reading {', '.join(patterns)}")
    if receiving := reception(settings, received):
        say(receiving)
    if settings.no_redact:
        say("Secrets are shown as they were recorded (--no-redact).")
    say("Stop with Ctrl-C.")


def follow_backlog(store: TraceStore, is_over: Callable[[float], bool], started_s: float = STARTED_S) -> None:
    """``announce_backlog`` in the background, until it is indexed or the viewer stops."""
    arguments = (store, is_over, started_s)
    Thread(target=announce_backlog, args=arguments, name="backlog", daemon=True).start()


def announce_backlog(store: TraceStore, is_over: Callable[[float], bool], started_s: float) -> None:
    """Wait until what stood on disk is indexed, say so once, and until then how far it is.

    A terminal gets a bar that is drawn anew, a pipe or a journal a line every ten percent. ``is_over(seconds)`` waits that
    long and says whether to give up; ``started_s`` is a reading of ``time.monotonic``.
    """
    said_percent = 0
    is_terminal = sys.stdout.isatty()
    while not is_over(LOOK_S):
        health = store.health()
        elapsed_s = time.monotonic() - started_s
        if health.feed.ready:
            words = health.feed.notice if not health.feed.bytes_read and health.feed.notice else ""
            say(f"{CLEAR_LINE if is_terminal else ''}{words or indexed(health.spans, elapsed_s)}")
            return
        percent = 100 * health.feed.bytes_read // max(1, health.feed.bytes_total)
        if elapsed_s >= PATIENCE_S and health.feed.bytes_read:
            words = progress(health.feed.bytes_read, health.feed.bytes_total, elapsed_s)
            if is_terminal:
                with suppress(OSError):
                    print(f"{CLEAR_LINE}{bar(percent)} {words}", end="", flush=True)  # noqa: T201
            elif percent >= said_percent + 10:
                said_percent = percent - percent % 10
                say(f"Indexing: {words}.")


def indexed(span_count: int, elapsed_s: float) -> str:
    return f"Indexed {format_count(span_count)} spans in {format_duration(int(elapsed_s * 1e9))}. Following."


def bar(percent: int) -> str:
    """
    >>> bar(43)
    '[████████▌           ]'
    """
    eighths = percent * BAR_CELLS * 8 // 100
    blocks = "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
    return f"[{blocks:<{BAR_CELLS}}]"


def progress(bytes_read: int, bytes_total: int, elapsed_s: float) -> str:
    """
    >>> progress(430_000_000, 1_000_000_000, 2.0)
    '43 %, 215 MB/s, 2.65 s left'
    """
    bytes_per_s = bytes_read / elapsed_s
    left = format_duration(int((bytes_total - bytes_read) / bytes_per_s * 1e9))
    return f"{100 * bytes_read // bytes_total} %, {format_bytes(int(bytes_per_s))}/s, {left} left"
