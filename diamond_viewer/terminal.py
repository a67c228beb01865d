"""What the terminal says: what is shown and where, when the backlog is indexed, and why the viewer does not start."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from diamond_viewer.settings import DEFAULT_PATTERN, Settings
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_count, format_duration

LOOK_S = 0.1  # between two looks whether the backlog is indexed

REAL_FILES = "Show your own files with: make run TRACES=/path/to/traces.json"
DEMO_NOTICE = f"This is demo traffic. {REAL_FILES}"
NO_FILE_NOTICE = f"There is no {DEFAULT_PATTERN} on this machine, so this is demo traffic. {REAL_FILES}"


def say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201  a pipe or a journal must not hold it back


def refuse(error: Exception) -> int:
    """One sentence to stderr; the exit code of bad arguments."""
    print(f"app.py: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return 2


def has_telemetry(live: Path) -> bool:
    """True when the live file or a rotated backup stands there, or when nobody may look: then the feed says so."""
    try:
        names = [path.name for path in live.parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return any(name.startswith(live.stem) and live.suffix in name for name in names)


def page_address(settings: Settings, port: int) -> str:
    """Where a reader on this machine finds the page.

    >>> page_address(Settings(host="::1"), 8000)
    'http://[::1]:8000/trace-viewer.html'
    >>> page_address(Settings(host="0.0.0.0", allowed_hosts=("traces.example.org",)), 80)
    'http://traces.example.org:80/trace-viewer.html'
    """
    name = settings.allowed_hosts[0] if settings.listens_everywhere else settings.host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/trace-viewer.html"


def greet(address: str, patterns: Sequence[str], notice: str) -> None:
    """The URL, what is read, how to stop."""
    say(f"Diamond Viewer: {address}")
    say(notice or f"Reading {', '.join(patterns)}")
    say("Stop with Ctrl-C.")


def announce_backlog(store: TraceStore, is_over: Callable[[float], bool], started_s: float) -> None:
    """Wait until what stood on disk is indexed, then say so once.

    ``is_over(seconds)`` waits that long and says whether to give up; ``started_s`` is a reading of ``time.monotonic``.
    """
    while not is_over(LOOK_S):
        health = store.health()
        if health.feed.ready:
            elapsed = format_duration(int((time.monotonic() - started_s) * 1e9))
            say(f"Indexed {format_count(health.spans)} spans in {elapsed}. Following.")
            return
