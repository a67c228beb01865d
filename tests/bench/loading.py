"""A hundred readers and a busy collector, against a viewer of its own; writes its chapter of ``docs/benchmarks.md``.

    python -m tests.bench.loading [--seconds 60] [--readers 100] [--memory 512MiB] [--chapter Load] [--out docs/benchmarks.md]

A reader has a page open, which asks once a second what is new, and every fifth time looks at something else: another page, a
trace, a search, the API. Readers and collector are other processes than the viewer, and share the machine's cores with it.
"""

import argparse
import gzip
import json
import multiprocessing
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench import PACKAGES, ROOT
from tests.bench.document import GOALS, merged
from tests.bench.goals import Goal
from tests.bench.living import SPANS_PER_S, pour
from tests.bench.measure import Machine, nearest_rank, this_machine
from tests.bench.viewer import Connection, Viewer

READERS = 100
SECONDS = 60.0
WARM_S = 10.0  # before anything counts: first visits, first answers
EVERY_S = 1.0
ELSEWHERE = (  # what is looked at beside the open page; {trace} is one that the list has just shown
    *("/trace-viewer.html?status=error", "/traces/{trace}", "/errors", "/operations", "/health", "/journeys"),
    *("/api/traces?flag=slow", "/api/stats", "/api/traces/{trace}", "/trace-viewer.html?q=db.system%3Apostgresql"),
)
EVICTED = b"was evicted from memory"
LIMIT_P99_MS = 300
LIMIT_GROWTH_MIB = 64  # beyond what the index itself has taken


@dataclass(slots=True)
class Readers:
    """What came of all requests: seconds each took, in any order, and what was no answer. ``evicted`` are answers that a trace
    had to leave memory between the list that showed it and this request: at a small ``--memory`` that is the truth."""

    taken_s: list[float] = field(default_factory=list)
    evicted: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    by_kind_s: dict[str, list[float]] = field(default_factory=dict)

    def note(self, kind: str, taken_s: float, status: int, body: bytes) -> None:
        is_evicted = status == 404 and EVICTED in body
        self.evicted += is_evicted
        if status in (200, 204) or is_evicted:
            self.taken_s.append(taken_s)
            self.by_kind_s.setdefault(kind, []).append(taken_s)
        else:
            self.failures[f"{kind}: {status or 'no answer'}"] += 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """MiB are of the whole process; ``index_mib`` is how much of the growth the index says it took."""

    readers: int
    seconds: float
    requests: int
    failures: Counter[str]
    evicted: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    slowest: tuple[tuple[str, float], ...]
    begin_mib: float
    end_mib: float
    most_mib: float
    index_mib: float
    spans: int
    lag_s: float
    cores: float

    @property
    def growth_mib(self) -> float:
        return self.end_mib - self.begin_mib - max(0.0, self.index_mib)


def read(port: int, number: int, stopping: threading.Event, counts: threading.Event, readers: Readers) -> None:
    """One reader, with a connection of its own, until ``stopping``; what is done before ``counts`` is not noted."""
    connection, seen = Connection(port), ""
    chance = random.Random(number)
    due_s = time.perf_counter() + chance.random() * EVERY_S
    step = number
    while not stopping.wait(max(0.0, due_s - time.perf_counter())):
        due_s = max(due_s + EVERY_S, time.perf_counter())  # a reader who was kept waiting does not ask twice
        step += 1
        kind = chance.choice(ELSEWHERE) if step % 5 == 0 else ""
        # looked up just before: one of a minute ago may have had to leave a small memory
        trace = newest(connection) if "{trace}" in kind else ""
        if kind and (trace or "{trace}" not in kind):
            path, headers = kind.format(trace=trace), {"Accept_Encoding": "gzip"}
        else:
            kind = "what is new"
            path = f"/trace-viewer.html{f'?seen={seen}' if seen else ''}"
            headers = {"HX_Request": "true", "HX_Target": "div#status", "Accept_Encoding": "gzip"}
        began_s = time.perf_counter()
        status, body, answered = connection.get(path, **headers)
        taken_s = time.perf_counter() - began_s
        if status == 404 and answered.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if counts.is_set():
            readers.note(kind, taken_s, status, body)
        seen = answered.get("Diamond-Seen", seen)
    connection.close()


def newest(connection: Connection) -> str:
    """The id of the trace at the top of the list; empty when there is none."""
    status, body, _ = connection.get("/api/traces?limit=1")
    found = json.loads(body)["traces"] if status == 200 else []
    return str(found[0]["trace_id"]) if found else ""


def load(folder: Path, seconds: float, reader_count: int, memory: str) -> Loaded:
    folder.mkdir(exist_ok=True)
    live = folder / "traces.json"
    live.touch()
    spawn = multiprocessing.get_context("spawn")
    is_over = spawn.Event()
    collector = spawn.Process(target=pour, args=(live, is_over, SPANS_PER_S, 100 * 2**20, 3), daemon=True)
    stopping, counts, readers = threading.Event(), threading.Event(), Readers()
    with Viewer([live], "--memory", memory) as viewer:
        viewer.seconds_until(viewer.is_ready)
        collector.start()
        viewer.seconds_until(lambda: viewer.json("/api/health")["spans"] > 0)  # it has to make its first lines
        threads = [
            threading.Thread(target=read, args=(viewer.port, number, stopping, counts, readers), daemon=True)
            for number in range(reader_count)
        ]
        for thread in threads:
            thread.start()
        time.sleep(WARM_S)
        began_s, before = time.perf_counter(), viewer.json("/api/health")
        begin_bytes = most_bytes = viewer.resident_bytes()
        used_s = viewer.cpu_s()
        counts.set()
        while time.perf_counter() - began_s < seconds:
            time.sleep(0.5)
            most_bytes = max(most_bytes, viewer.resident_bytes())
            viewer.get("/healthz")  # or the server closes a connection that is idle for two minutes
        counts.clear()
        cores = (viewer.cpu_s() - used_s) / (time.perf_counter() - began_s)
        after, end_bytes = viewer.json("/api/health"), viewer.resident_bytes()
        stopping.set()
        for thread in threads:
            thread.join(30)
        is_over.set()
        collector.join(30)
    taken_s = sorted(readers.taken_s)
    slowest = {kind: nearest_rank(sorted(taken), 99) for kind, taken in readers.by_kind_s.items()}
    return Loaded(
        readers=reader_count,
        seconds=seconds,
        requests=len(taken_s),
        failures=readers.failures,
        evicted=readers.evicted,
        p50_ms=1e3 * nearest_rank(taken_s, 50),
        p99_ms=1e3 * nearest_rank(taken_s, 99),
        worst_ms=1e3 * taken_s[-1],
        slowest=tuple(sorted(((kind, 1e3 * p99_s) for kind, p99_s in slowest.items()), key=lambda row: -row[1])[:5]),
        begin_mib=begin_bytes / 2**20,
        end_mib=end_bytes / 2**20,
        most_mib=max(most_bytes, end_bytes) / 2**20,
        index_mib=(after["memory_bytes"] - before["memory_bytes"]) / 2**20,
        spans=after["spans"]
        + after["counters"]["evicted_spans"]
        - before["spans"]
        - before["counters"]["evicted_spans"],
        lag_s=after["lag_seconds"],
        cores=cores,
    )


def chapter(title: str, loaded: Loaded, machine: Machine, load_average: float, memory: str, on: datetime) -> str:
    """The chapter, and its rows of the goals."""
    under = f"{loaded.readers} readers and {SPANS_PER_S:,} spans/s for {loaded.seconds / 60:.3g} min"
    asked = loaded.requests + sum(loaded.failures.values())
    goals = [
        Goal(f"{under}: requests that were answered", 100, 100 * loaded.requests / max(1, asked), "%", is_floor=True),
        Goal(f"{under}: p99", LIMIT_P99_MS, loaded.p99_ms, "ms"),
        Goal(f"{under}: growth of memory beyond the index's", LIMIT_GROWTH_MIB, max(0.0, loaded.growth_mib), "MiB"),
    ]
    failures = ", ".join(f"{what} ({count})" for what, count in loaded.failures.items()) or "none"
    slowest = "; ".join(f"`{kind}` {p99_ms:.0f} ms" for kind, p99_ms in loaded.slowest)
    rows = "\n".join(goal.row(on) for goal in goals)
    return f"""## {GOALS}

| what | goal | measured | | on |
|---|---:|---:|---|---|
{rows}

## {title}

Measured on {on:%Y-%m-%d}: {machine.processor}, {machine.cores} cores, Python {machine.python}, load average before \
{load_average:.1f}; `tests/bench/loading.py`, `--memory {memory}`. Readers, collector and viewer share the cores.

{under.capitalize()}: {loaded.requests:,} requests, {loaded.requests / loaded.seconds:.0f} a second; failed: {failures}. \
Traces that were evicted between the list and their page: {loaded.evicted}.

| | |
|---|---:|
| p50 | {loaded.p50_ms:.1f} ms |
| p99 | {loaded.p99_ms:.0f} ms |
| slowest of all | {loaded.worst_ms:.0f} ms |
| memory of the process at the beginning | {loaded.begin_mib:.0f} MiB |
| at the end | {loaded.end_mib:.0f} MiB |
| at most | {loaded.most_mib:.0f} MiB |
| of its growth, what the index took | {loaded.index_mib:.0f} MiB |
| cores that the viewer used, of {machine.cores} | {loaded.cores:.2f} |
| spans indexed | {loaded.spans:,} |
| delay at the end | {loaded.lag_s:.2f} s |

Slowest at the 99th percentile: {slowest}.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.loading", description="Load a viewer, and write it down."
    )
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--chapter", default="Load")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    load_average = float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])
    with TemporaryDirectory(prefix="diamond-viewer-load-") as folder:
        loaded = load(Path(folder), chosen.seconds, chosen.readers, chosen.memory)
    now = datetime.now(UTC)
    text = chapter(chosen.chapter, loaded, this_machine(PACKAGES), load_average, chosen.memory, now)
    before = chosen.out.read_text(encoding="utf-8") if chosen.out.exists() else ""
    chosen.out.write_text(merged(before, text), encoding="utf-8")
    print(text)
    return 1 if loaded.failures else 0


if __name__ == "__main__":
    sys.exit(main())
