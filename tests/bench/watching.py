"""Watching a live file: how long after a line is written `jq` shows its span, and how long after it `tail` does.

All sides follow the same file at the same time, each as somebody types it.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests import writing

ROOT = Path(__file__).parents[2]
SPANS = ".resourceSpans[].scopeSpans[].spans[]"
LINES = 20
BOUND_S = 60.0


@dataclass(frozen=True, slots=True)
class Watched:
    """Median seconds from the end of a write until the span, or its trace, is shown."""

    jq_s: float
    spans_s: float
    traces_s: float


class _Side:
    """What one command shows; ``seen`` gets a moment for each line of it."""

    def __init__(self, words: str) -> None:
        self.process = subprocess.Popen(
            ["bash", "-c", words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.seen: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as shown:
            for line in shown:
                self.seen.put((time.perf_counter(), line))

    def moment_of(self, trace_id: str, wait_s: float = BOUND_S) -> float:
        """When the trace was shown; raises ``queue.Empty`` when it is not for so long."""
        while True:
            at_s, line = self.seen.get(timeout=wait_s)
            if trace_id.encode() in line:
                return at_s

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()


def watching(folder: Path, lines: int = LINES) -> Watched:
    """Writes ``lines`` lines of a span each, one when every side has shown the last."""
    folder.mkdir(parents=True, exist_ok=True)
    live = folder / "traces.json"
    live.write_bytes(_line(1))
    ours = f"exec {sys.executable} -m diamond_viewer tail -n 0"
    commands = {
        "jq": f"tail -f {live} | jq --unbuffered -c '{SPANS} | {{name, traceId, status}}'",  # as into a terminal
        "spans": f"{ours} --spans {live}",
        "traces": f"{ours} {live}",
    }
    with _running(commands) as sides:
        number = _first_that_all_show(sides, live)
        waits_s: dict[str, list[float]] = {name: [] for name in sides}
        for one in range(number + 1, number + 1 + lines):
            written_s = _append(live, one)
            for name, side in sides.items():
                waits_s[name].append(side.moment_of(writing.trace_id(one)) - written_s)
    return Watched(median(waits_s["jq"]), median(waits_s["spans"]), median(waits_s["traces"]))


@contextmanager
def _running(commands: Mapping[str, str]) -> Iterator[Mapping[str, _Side]]:
    sides: dict[str, _Side] = {}
    try:
        for name, words in commands.items():
            sides[name] = _Side(words)
        yield sides
    finally:
        for side in sides.values():
            side.end()


def _first_that_all_show(sides: Mapping[str, _Side], live: Path) -> int:
    """Programs take a while to begin: lines are written until each has shown one. The number of the last."""
    number = 1
    for side in sides.values():
        give_up_s = time.perf_counter() + BOUND_S
        while True:
            number += 1
            _append(live, number)
            try:
                side.moment_of(writing.trace_id(number), wait_s=2.0)
                break
            except queue.Empty:
                if time.perf_counter() > give_up_s:
                    raise RuntimeError("One of the sides shows nothing.") from None
    return number


def _line(number: int) -> bytes:
    return writing.line(writing.span(number, trace=number, start_ns=time.time_ns())) + b"\n"


def _append(live: Path, number: int) -> float:
    with live.open("ab") as file:
        file.write(_line(number))
    return time.perf_counter()


def watching_report(watched: Watched) -> Sequence[str]:
    return (
        f"Watching live: a line of the file is shown {watched.jq_s * 1e3:.1f} ms after it was written by `tail -f | jq`, "
        f"after {watched.spans_s * 1e3:.0f} ms by `tail --spans`, and its trace after {watched.traces_s:.2f} s by `tail`, "
        f"which waits a second for more of it. Medians of {LINES} lines that all three follow at the same time.",
        "",
    )
