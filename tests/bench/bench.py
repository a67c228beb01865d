"""First numbers: MB/s to index, bytes per span, list latency; each beside plain ``orjson.loads`` over the same bytes.

python -m tests.bench [--spans 300000] [--rounds 5] [--out docs/benchmarks.md]
"""

import argparse
import gc
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from werkzeug.test import Client

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.web.app import create_app
from tests.bench.corpus import write_corpus
from tests.bench.footprint import UNBOUNDED_BYTES, fill, lines_of
from tests.bench.measure import Latency, Machine, latency, side_by_side, this_machine

ROOT = Path(__file__).parents[2]
PACKAGES = ("orjson", "msgspec", "numpy", "zstandard", "xxhash", "Flask")
ASKED_TIMES = 200  # each question in the store
REQUESTED_TIMES = 60  # each page over HTTP
NS_PER_SECOND = 10**9

INDEX = "Diamond Viewer: full index, compressed originals"
PLAIN = "`orjson.loads` of every line, nothing kept"
PLAIN_NO_GC = "the same with Python's cyclic collector off"


@dataclass(frozen=True, slots=True)
class Corpus:
    spans: int
    lines: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes: what the process grew by, and what the store says it holds."""

    spans: int
    read_bytes: int
    grown_bytes: int
    store_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    machine: Machine
    corpus: Corpus
    rounds: int
    seconds: dict[str, float]
    footprint: Footprint
    asked: dict[str, Latency]
    requested: dict[str, Latency]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("--spans", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder:
        figures = measure(Path(folder), chosen.spans, chosen.rounds)
    text = report(figures, datetime.now(UTC))
    chosen.out.write_text(text, encoding="utf-8")
    print(text)


def measure(folder: Path, span_count: int, rounds: int) -> Figures:
    paths, spans = write_corpus(folder, span_count)
    seconds, line_count = _read(paths, rounds)
    corpus = Corpus(spans, line_count, len(paths), sum(path.stat().st_size for path in paths))
    footprint = _footprint(paths)
    store = MemoryStore(UNBOUNDED_BYTES)
    fill(store, lines_of(paths))
    now_ns = store.stats(Query(), 0).last_start_ns
    questions = _questions(store, now_ns)
    asked = {name: latency(_asking(store, query, now_ns), ASKED_TIMES) for name, query in questions.items()}
    newest = store.search(Query(), now_ns).traces[0].trace_id
    asked["open the newest trace"] = latency(lambda: store.trace(newest), ASKED_TIMES)
    asked["stats over everything"] = latency(lambda: store.stats(Query(), now_ns), ASKED_TIMES)
    client = Client(create_app(store))
    paths_asked = {f"page: {name}": f"/trace-viewer.html?{query.to_args()}" for name, query in questions.items()}
    paths_asked |= {f"API: {name}": f"/api/traces?{query.to_args()}" for name, query in questions.items()}
    paths_asked["page: the newest trace"] = f"/traces/{newest}"
    requested = {name: latency(_requesting(client, path), REQUESTED_TIMES) for name, path in paths_asked.items()}
    return Figures(this_machine(PACKAGES), corpus, rounds, seconds, footprint, asked, requested)


def report(figures: Figures, now: datetime) -> str:
    """The document: what was measured, on what, and how the two sides compare."""
    machine, corpus, footprint = figures.machine, figures.corpus, figures.footprint
    plain_s, megabytes = figures.seconds[PLAIN], corpus.size_bytes / 1e6
    text = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {now:%Y-%m-%d}. Absolute figures belong to the machine; the ratios are what to compare.",
        "",
        f"* Machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB; Python {machine.python}",
        f"* Versions: {', '.join(f'{name} {number}' for name, number in machine.packages)}",
        f"* Corpus: {corpus.spans:,} spans on {corpus.lines:,} lines in {corpus.files} files, {megabytes:,.0f} MB "
        f"({corpus.size_bytes / corpus.spans:.0f} bytes a span): `tests/data/corpus.tar.zst`, copied with new ids by "
        "`tests/bench/corpus.py`",
        f"* Method: the sides take turns in one process, one thread, lines in memory; medians of {figures.rounds} rounds",
        "",
        "## Reading",
        "",
        "| what | MB/s | spans/s | ratio to plain `orjson.loads` |",
        "|---|---:|---:|---:|",
    ]
    for name, seconds in figures.seconds.items():
        text.append(f"| {name} | {megabytes / seconds:.0f} | {corpus.spans / seconds:,.0f} | {plain_s / seconds:.2f} |")
    text += [
        "",
        "## Memory",
        "",
        "| what | bytes per span | share of the JSON |",
        "|---|---:|---:|",
        _memory_row("the JSON on disk", footprint.read_bytes, footprint),
        _memory_row("the process grew by (RSS, a process of its own)", footprint.grown_bytes, footprint),
        _memory_row("the store says it holds", footprint.store_bytes, footprint),
        "",
        "## Latency",
        "",
        f"What a question costs beside reading the files again with `orjson.loads` ({plain_s:.2f} s for this corpus).",
        "",
        "| question to the store | p50 ms | p95 ms | reading again takes |",
        "|---|---:|---:|---:|",
        *_latency_rows(figures.asked, plain_s),
        "",
        "| request to the WSGI application | p50 ms | p95 ms | reading again takes |",
        "|---|---:|---:|---:|",
        *_latency_rows(figures.requested, plain_s),
        "",
    ]
    return "\n".join(text)


def _memory_row(name: str, size_bytes: int, footprint: Footprint) -> str:
    return f"| {name} | {size_bytes / footprint.spans:.0f} | {size_bytes / footprint.read_bytes:.1%} |"


def _latency_rows(latencies: dict[str, Latency], plain_s: float) -> list[str]:
    return [
        f"| {name} | {one.p50_s * 1e3:.2f} | {one.p95_s * 1e3:.2f} | {plain_s / one.p50_s:,.0f} times as long |"
        for name, one in latencies.items()
    ]


def _read(paths: list[Path], rounds: int) -> tuple[dict[str, float], int]:
    """Seconds of each side over the same lines, which are in memory before the clock starts; and how many lines."""
    lines = list(lines_of(paths))
    sides: dict[str, Callable[[], object]] = {
        PLAIN: lambda: _load(lines),
        PLAIN_NO_GC: lambda: _load_without_gc(lines),
        INDEX: lambda: fill(MemoryStore(UNBOUNDED_BYTES), lines),
    }
    return side_by_side(sides, rounds), len(lines)


def _load(lines: list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def _load_without_gc(lines: list[bytes]) -> None:
    gc.disable()
    try:
        _load(lines)
    finally:
        gc.enable()


def _footprint(paths: list[Path]) -> Footprint:
    command = [sys.executable, "-m", "tests.bench.footprint", *map(str, paths)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    spans, read_bytes, before_bytes, after_bytes, store_bytes = map(int, printed.split())
    return Footprint(spans, read_bytes, after_bytes - before_bytes, store_bytes)


def _questions(store: MemoryStore, newest_ns: int) -> dict[str, Query]:
    """The questions a reader asks, with the commonest user and lesson of the corpus and its last minute."""
    last_minute = datetime.fromtimestamp(newest_ns // NS_PER_SECOND - 60, UTC).isoformat()
    user = store.values("user", "", 1)[0][0]
    lesson = store.values("lesson", "", 1)[0][0]
    return {
        "newest 50": Query(),
        "newest 1000": Query(limit=1000),
        "by lesson": Query((("lesson", lesson),)),
        "by user and lesson": Query((("lesson", lesson), ("user", user))),
        "errors": Query((("status", "error"),)),
        "slow database, last minute": Query((("flag", "slow-db"), ("since", last_minute))),
        "page 100": Query(page=100),
    }


def _asking(store: MemoryStore, query: Query, now_ns: int) -> Callable[[], object]:
    return lambda: store.search(query, now_ns)


def _requesting(client: Client, path: str) -> Callable[[], object]:
    def request() -> None:
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status}.")

    return request


if __name__ == "__main__":
    main()
