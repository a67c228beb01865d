"""How long searches take, beside their goals; about two minutes on two cores. Writes ``docs/benchmarks-search.md``.

python -m tests.bench.searching [--spans 1000000] [--out docs/benchmarks-search.md]
"""

import argparse
import time
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
from tests.bench.answering import packed, store_of
from tests.bench.corpus import write_corpus
from tests.bench.goals import Goal
from tests.bench.measure import Latency, latency, seconds_of, this_machine

ROOT = Path(__file__).parents[2]
MILLION = 1_000_000
ASKED_TIMES = 40
FACET_VALUES = 7
PARTIAL_SWAP = {"HX-Request": "true", "HX-Target": "main#page"}

ANSWERED_BY_COLUMNS = (
    "status:error duration>1s",
    "lesson:lesson-011 user:usr_0007",
    "user:usr_00* -service:diamond-district-worker",
    "event:auth.failed OR flag:slow-db",
    "span:{kind:server http.status>=400}",
    "name~progress",
    "route:/api/video/* -status:error",
    "NOT (flag:slow OR flag:error) trace.spans>20",
    "trace.name~lessons lesson:* -user:*",
    "duration<5ms",
)
RARE = "no.such.attribute:anywhere"
RARELY_HIT = "exception.type:P2003"


@dataclass(frozen=True, slots=True)
class Searching:
    """``scan_bytes_per_s`` is original JSON looked through in a second of one core, ``plain_bytes_per_s`` what plain
    decoding does.

    ``first_hits_s`` is the time to a page with the first traces of a search that has never been asked.
    """

    spans: int
    lists: dict[str, Latency]
    facets: dict[str, Latency]
    scan_bytes_per_s: float
    plain_bytes_per_s: float
    first_hits_s: float
    hints: Latency


def measure(folder: Path, span_count: int) -> Searching:
    paths, spans = write_corpus(folder / "corpus", span_count)
    segments = packed(reversed(paths), span_count)
    size_bytes = sum(path.stat().st_size for path in paths)
    store = store_of(segments)
    now_ns = store.stats(Query(), 0).last_start_ns
    client = Client(create_app(store, clock=lambda: now_ns))
    plain_s = core_seconds_of(lambda: decode_all(paths[-1]))
    first_hits_s = seconds_of(lambda: first_hits(client))
    lists = {q: latency(searching(store, q, now_ns), ASKED_TIMES) for q in ANSWERED_BY_COLUMNS}
    facets = {q: latency(searching(store, q, now_ns, with_facets=True), ASKED_TIMES) for q in ANSWERED_BY_COLUMNS}
    return Searching(
        spans=spans,
        lists=lists,
        facets=facets,
        scan_bytes_per_s=size_bytes / core_seconds_of(lambda: scan_all(store, now_ns)),
        plain_bytes_per_s=paths[-1].stat().st_size / plain_s,
        first_hits_s=first_hits_s,
        hints=latency(lambda: client.get("/search-hints?q=status:error+user:usr_0&cursor=23"), ASKED_TIMES),
    )


def searching(store: MemoryStore, search: str, now_ns: int, with_facets: bool = False) -> Callable[[], object]:
    query = Query((("q", search),))

    def ask() -> None:
        store.search(query, now_ns)
        if with_facets:
            store.facets(query, now_ns, FACET_VALUES)

    return ask


def core_seconds_of(work: Callable[[], object]) -> float:
    """Of this thread alone: what others do on the machine meanwhile is not in it."""
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


def scan_all(store: MemoryStore, now_ns: int) -> None:
    """Until everything has been looked through; nothing of it was asked before."""
    while not store.search(Query((("q", RARE),)), now_ns).is_complete:
        pass


def first_hits(client: Client) -> None:
    text = client.get(f"/trace-viewer.html?q={RARELY_HIT}", headers=PARTIAL_SWAP).get_data(as_text=True)
    if 'class="row row--' not in text:
        raise RuntimeError(f"The first page for {RARELY_HIT} has no hits.")


def decode_all(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        orjson.loads(line)


def goals(found: Searching) -> list[Goal]:
    worst_list = max(one.p95_s for one in found.lists.values())
    worst_facets = max(one.p95_s for one in found.facets.values())
    ratio = found.scan_bytes_per_s / found.plain_bytes_per_s
    return [
        Goal("a search that columns answer, page of 50: p95 of the slowest", 20, 1e3 * worst_list, "ms"),
        Goal("the same with all facets", 60, 1e3 * worst_facets, "ms"),
        Goal(
            "looking through originals for a rare attribute, per core",
            300,
            found.scan_bytes_per_s / 1e6,
            "MB/s",
            True,
        ),
        Goal("the same beside `orjson.loads` of the originals", 1, ratio, "x", True),
        Goal("first hits of it on the page", 300, 1e3 * found.first_hits_s, "ms"),
        Goal("suggestions while typing: p95", 50, 1e3 * found.hints.p95_s, "ms"),
    ]


def report(found: Searching, load_average: float, now: datetime) -> str:
    machine = this_machine(("numpy", "orjson", "msgspec", "zstandard"))
    rows = [
        f"| `{q.replace('|', chr(92) + '|')}` | {1e3 * found.lists[q].p50_s:.1f} / {1e3 * found.lists[q].p95_s:.1f} "
        f"| {1e3 * found.facets[q].p50_s:.1f} / {1e3 * found.facets[q].p95_s:.1f} |"
        for q in found.lists
    ]
    return "\n".join(
        [
            "# Benchmarks of searching",
            "",
            f"Written by `make bench-search` on {now:%Y-%m-%d}: {found.spans:,} spans; {machine.processor}, {machine.cores} "
            f"cores, Python {machine.python}, {', '.join(' '.join(pair) for pair in machine.packages)}; load average before "
            f"the run {load_average:.1f}.",
            "",
            "| what | goal | measured | | on |",
            "|---|---:|---:|---|---|",
            *(goal.row(now) for goal in goals(found)),
            "",
            "p50 / p95 in ms, of the store:",
            "",
            "| search | page of 50 | with facets |",
            "|---|---:|---:|",
            *rows,
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.searching")
    parser.add_argument("--spans", type=int, default=MILLION)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks-search.md")
    chosen = parser.parse_args(arguments)
    load_average = float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder:
        began_s = time.perf_counter()
        found = measure(Path(folder), chosen.spans)
    chosen.out.write_text(report(found, load_average, datetime.now(UTC)), encoding="utf-8")
    print(chosen.out.read_text(encoding="utf-8"), f"{time.perf_counter() - began_s:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
