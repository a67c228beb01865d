"""How fast a backlog is read: by one thread, by the viewer from a cold start, and by what else could be asked."""

import gc
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import GC_THRESHOLDS
from tests.bench.footprint import UNBOUNDED_BYTES, fill, lines_of
from tests.bench.measure import seconds_of, side_by_side
from tests.bench.viewer import Viewer

JQ_RECIPE = "[.resourceSpans[]?.scopeSpans[]?.spans[]? | select(.status.code == 2)] | length"

PLAIN = "`orjson.loads` of every line, nothing kept"
PLAIN_NO_GC = "the same with Python's cyclic collector off"
LIVE = "Diamond Viewer, live path: full index, compressed originals"
SQLITE = "`orjson.loads` into SQLite in memory, 4 indexes"
JQ = "`jq`, counting errors"


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Seconds since the process was started, medians; bytes when all was read."""

    first_page_s: float
    ready_s: float
    plain_s: float
    empty_bytes: int
    resident_bytes: int
    counted_bytes: int
    spans: int


def one_thread(path: Path, rounds: int) -> dict[str, float]:
    """Seconds of each side over the lines of one file, which are in memory before the clock starts."""
    lines = list(lines_of([path]))
    sides: dict[str, Callable[[], object]] = {
        PLAIN: lambda: load(lines),
        PLAIN_NO_GC: lambda: _load_without_gc(lines),
        LIVE: lambda: _follow(lines),
    }
    seconds = side_by_side(sides, rounds)
    seconds[SQLITE] = seconds_of(lambda: _load_sqlite(lines))
    if jq := shutil.which("jq"):
        seconds[JQ] = seconds_of(
            lambda: subprocess.run([jq, JQ_RECIPE, str(path)], check=True, stdout=subprocess.DEVNULL)
        )
    return seconds


def cold_starts(paths: list[Path], rounds: int) -> ColdStart:
    """The viewer and ``orjson.loads`` over the same files, in turn; the files are in the page cache."""
    taken: list[tuple[float, float, float]] = []
    measured = (0, 0, 0, 0)
    for _ in range(rounds):
        plain_s = seconds_of(lambda: load(lines_of(paths)))
        with Viewer([paths[-1]], "--memory", "8GiB") as viewer:
            first_page_s = viewer.seconds_until(viewer.shows_a_page)
            ready_s = viewer.seconds_until(viewer.is_ready)
            health = viewer.json("/api/health")
            measured = (
                viewer.resident_bytes(),
                health["memory_bytes"],
                health["spans"],
                _empty_bytes(paths[-1].parent),
            )
        taken.append((first_page_s, ready_s, plain_s))
    first_page_s, ready_s, plain_s = (median(column) for column in zip(*taken, strict=True))
    resident_bytes, counted_bytes, spans, empty_bytes = measured
    return ColdStart(first_page_s, ready_s, plain_s, empty_bytes, resident_bytes, counted_bytes, spans)


def _empty_bytes(folder: Path) -> int:
    """What the viewer takes while it waits for its first line."""
    with Viewer([folder / "nothing-yet" / "traces.json"]) as viewer:
        viewer.seconds_until(viewer.is_ready)
        viewer.get("/trace-viewer.html")
        return viewer.resident_bytes()


def load(lines: Iterator[bytes] | list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def _load_without_gc(lines: list[bytes]) -> None:
    gc.disable()
    try:
        load(lines)
    finally:
        gc.enable()


def _follow(lines: list[bytes]) -> None:
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)  # as in the server
    try:
        fill(MemoryStore(UNBOUNDED_BYTES), lines)
    finally:
        gc.set_threshold(*before)


def _load_sqlite(lines: list[bytes]) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        fill_sqlite(database, lines)


def fill_sqlite(database: sqlite3.Connection, lines: Iterable[bytes]) -> None:
    database.execute(
        "CREATE TABLE spans (trace TEXT, span TEXT, parent TEXT, name TEXT, service TEXT, kind INT, start INT, end INT,"
        " status INT, lesson TEXT, user TEXT, attributes TEXT)"
    )
    rows = (row for line in lines for row in _rows(orjson.loads(line)))
    database.executemany(f"INSERT INTO spans VALUES ({','.join('?' * 12)})", rows)
    for column in ("trace", "name", "status", "lesson"):
        database.execute(f"CREATE INDEX by_{column} ON spans ({column})")


def _rows(document: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    for resource_spans in document["resourceSpans"]:
        resource = _texts(resource_spans["resource"])
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                said = _texts(span)
                yield (
                    *(span["traceId"], span["spanId"], span.get("parentSpanId"), span["name"]),
                    *(resource.get("service.name"), span["kind"]),
                    *(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]), span["status"].get("code", 0)),
                    *(said.get("lesson.id") or said.get("lessonId"), said.get("user.id") or said.get("userId")),
                    orjson.dumps(span.get("attributes")),
                )


def _texts(attributed: dict[str, Any]) -> dict[str, str]:
    return {pair["key"]: pair["value"].get("stringValue") for pair in attributed.get("attributes", ())}
