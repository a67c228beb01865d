"""The viewer while files grow: how soon a written span is an answer, what open pages cost, how heavy the first visit is."""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from tests.bench.corpus import copies, read_seed
from tests.bench.measure import nearest_rank
from tests.bench.viewer import Connection, Viewer

SPANS_PER_S = 5_000
PAGES = 50
POLL_EVERY_S = 1.0
WATCHED_S = 12.0
ASKED = ("", "status=error", "flag=slow", "min_ms=100", "service=diamond-district-web")  # the pages' filters, in turn
PROBES = 120
PROBE_EVERY_S = 0.1
LOOK_EVERY_S = 0.001
SETTLED_WITHIN_S, QUIET_CORES = 30, 0.02
SKIPPED_COPIES = 40  # so that the firehose's ids are not those of the corpus


@dataclass(frozen=True, slots=True)
class Living:
    """Seconds from a write to the answer; cores that the server used for ``PAGES`` open pages; bytes of a first visit."""

    answer_p50_s: float
    answer_p99_s: float
    quiet_cores: float
    busy_cores: float
    unwatched_cores: float
    first_visit_bytes: int


def live(folder: Path) -> Living:
    folder.mkdir()
    path = folder / "traces.json"
    path.write_bytes(next(_lines()))
    with Viewer([path], "--memory", "2GiB") as viewer:
        viewer.seconds_until(viewer.is_ready)
        first_visit_bytes = _first_visit_bytes(viewer)
        _settle(viewer)
        quiet_cores = _cores(viewer, PAGES)
        with _firehose(path):
            waits_s = sorted(_probe(viewer, path, number) for number in range(PROBES))
            unwatched_cores = _cores(viewer, 0)
            busy_cores = _cores(viewer, PAGES)
    return Living(
        nearest_rank(waits_s, 50),
        nearest_rank(waits_s, 99),
        quiet_cores,
        busy_cores,
        unwatched_cores,
        first_visit_bytes,
    )


def _lines() -> Iterator[bytes]:
    seed = read_seed()
    for copy in copies(seed, SKIPPED_COPIES):
        begin = 0
        for end in seed.line_ends:
            yield copy[begin:end].tobytes()
            begin = end


@contextmanager
def _firehose(path: Path) -> Iterator[None]:
    """Real lines, whole, at ``SPANS_PER_S``."""
    stopping = threading.Event()
    thread = threading.Thread(target=pour, args=(path, stopping), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


class Stopping(Protocol):
    """An event, of threads or of processes."""

    def wait(self, timeout: float) -> bool: ...


def pour(
    path: Path, stopping: Stopping, spans_per_s: int = SPANS_PER_S, rotate_bytes: int = 2**62, backups: int = 3
) -> None:
    """Real lines, whole, until it is stopped; a file of ``rotate_bytes`` is renamed, and of those the newest are kept."""
    lines = islice(_lines(), 1, None)
    first = [next(lines)]  # made before the clock starts: what it takes would be written at one blow
    began_s, spans, kept = time.perf_counter(), 0, deque[Path]()
    out = path.open("ab", buffering=0)
    for line in chain(first, lines):
        out.write(line)
        spans += line.count(b'"startTimeUnixNano":')
        if stopping.wait(max(0.0, began_s + spans / spans_per_s - time.perf_counter())):
            break
        if out.tell() > rotate_bytes:
            out.close()
            kept.append(path.rename(path.with_stem(f"{path.stem}-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%f}"[:-3])))
            if len(kept) > backups:
                kept.popleft().unlink()
            out = path.open("ab", buffering=0)
    out.close()


def _probe(viewer: Viewer, path: Path, number: int) -> float:
    """Seconds from the write of a line to an answer that holds its span."""
    time.sleep(PROBE_EVERY_S)
    trace_id = f"{0xBEEF:016x}{number + 1:016x}"
    start_ns = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": f"{number + 1:016x}",
        "name": "probe",
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 1000),
        "status": {},
    }
    line = json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}).encode()
    with path.open("ab", buffering=0) as out:
        out.write(line + b"\n")
    began_s = time.perf_counter()
    while viewer.get(f"/api/traces/{trace_id}")[0] != 200:
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - began_s


def _settle(viewer: Viewer) -> None:
    """Until the server has done what a start leaves to do: for a second it has hardly used the processor."""
    for _ in range(SETTLED_WITHIN_S):
        used_s = viewer.cpu_s()
        time.sleep(1)
        if viewer.cpu_s() - used_s < QUIET_CORES:
            return
    raise RuntimeError("The viewer did not come to rest.")


def _cores(viewer: Viewer, pages: int) -> float:
    """Cores that the server uses while so many pages are open, each with a connection of its own."""
    seen = [""] * pages
    connections = [viewer.connect() for _ in range(pages)]
    for number in range(pages):  # the first poll of each page brings everything, the second may find another version
        seen[number] = _poll(connections[number], number, "")
    for number in range(pages):
        seen[number] = _poll(connections[number], number, seen[number])
    cpu_s, began_s = viewer.cpu_s(), time.perf_counter()
    for step in range(int(WATCHED_S / POLL_EVERY_S) * pages):
        due_s = began_s + step * POLL_EVERY_S / pages
        time.sleep(max(0.0, due_s - time.perf_counter()))
        number = step % pages
        seen[number] = _poll(connections[number], number, seen[number])
    if not pages:
        time.sleep(WATCHED_S)
    used = (viewer.cpu_s() - cpu_s) / (time.perf_counter() - began_s)
    for connection in connections:
        connection.close()
    return used


def _poll(connection: Connection, number: int, seen: str) -> str:
    """What a page asks once a second; returns what it has then seen."""
    arguments = [ASKED[number % len(ASKED)], f"seen={seen}" if seen else ""]
    path = f"/trace-viewer.html?{'&'.join(filter(None, arguments))}"
    status, _, headers = connection.get(path, HX_Request="true", HX_Target="div#status", Accept_Encoding="gzip")
    if status not in (200, 204):
        raise RuntimeError(f"A poll was answered with {status}.")
    return headers.get("Diamond-Seen", seen)


def _first_visit_bytes(viewer: Viewer) -> int:
    """The page and everything it loads, as it comes over the wire, without headers."""
    page = viewer.get("/trace-viewer.html", Accept_Encoding="gzip")[1]
    plain = viewer.get("/trace-viewer.html")[1].decode()
    assets = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', plain))
    return len(page) + sum(len(viewer.get(path, Accept_Encoding="gzip")[1]) for path in assets)
