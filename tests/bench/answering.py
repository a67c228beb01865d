"""How long answers take, from a store of a million spans and from one of ten."""

import copy
import gc
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from werkzeug.test import Client

from diamond_viewer.feed.sealed import SealedFile, read_sealed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.query import Query
from diamond_viewer.resident import GC_THRESHOLDS
from diamond_viewer.telemetry.lines import DEFAULT_MAX_LINE_BYTES
from diamond_viewer.web.app import create_app
from tests.bench.footprint import UNBOUNDED_BYTES
from tests.bench.measure import Latency, latencies_in_turn

NS_PER_SECOND = 10**9
BUCKETS = 60
ASKED_OF_MILLION = 20
ASKED_OF_TEN_MILLION = 8  # with so few, p95 is the slowest
MAX_FACET_VALUES = 7
LIST, PAGE, STATS, FACETS = "list (API)", "page fragment (HTML)", "stats + histogram", "facets"
FILTERING = {"HX-Request": "true", "HX-Target": "main#page"}  # unlike a poll's, its answer is shared with nobody
SHIFT_NS = 7_200 * NS_PER_SECOND


def packed(paths: Iterable[Path], span_count: int) -> list[Segment]:
    """Segments of at least as many spans, as backfill workers make them of the files."""
    segments: list[Segment] = []
    for path in paths:
        if sum(segment.spans.size for segment in segments) >= span_count:
            break
        status = path.stat()
        file = SealedFile(str(path), (status.st_dev, status.st_ino), status.st_size, DEFAULT_MAX_LINE_BYTES)
        reading = read_sealed(file, MemoryStore.packer)
        if reading is None or not isinstance(reading.spans, Segment):
            raise RuntimeError(f"{path} is not a sealed file.")
        segments.append(reading.spans)
    return segments


def store_of(segments: Iterable[Segment], copies: int = 1) -> MemoryStore:
    """Each segment as many times, under new ids and at other times; copies share originals, which lists never read."""
    store = MemoryStore(UNBOUNDED_BYTES)
    for segment in segments:
        for number in range(copies):
            store.adopt(_copy(segment, number))
    return store


def _copy(segment: Segment, number: int) -> Segment:
    originals, segment.originals = segment.originals, type(segment.originals)()
    made = copy.deepcopy(segment)
    segment.originals = made.originals = originals
    mask = np.uint64(0x9E3779B97F4A7C15 * number % 2**64)
    for column in ("high", "low"):
        made.traces[column][:] ^= mask
    for column in ("start_ns", "end_ns"):
        made.traces[column][:] -= number * SHIFT_NS
    made.spans["start_ns"][:] -= number * SHIFT_NS
    made.digests = {digest + number.to_bytes(2, "big"): count for digest, count in made.digests.items()}
    return made


def latencies(store: MemoryStore, asked_times: int) -> dict[str, dict[str, Latency]]:
    """Question -> what was asked of it (LIST, PAGE, STATS, FACETS) -> how long it took."""
    gc.collect()
    gc.freeze()  # as in the server, whose index is not searched for circles
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        return _latencies(store, asked_times)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _latencies(store: MemoryStore, asked_times: int) -> dict[str, dict[str, Latency]]:
    now_ns = store.stats(Query(), 0).last_start_ns
    client = Client(create_app(store, clock=lambda: now_ns))
    asked = questions(store, now_ns)
    kinds: dict[str, Callable[[Query], object]] = {
        LIST: lambda query: _request(client, f"/api/traces?{query.to_args()}", {}),
        PAGE: lambda query: _request(client, f"/trace-viewer.html?{query.to_args()}", FILTERING),
        STATS: lambda query: (store.stats(query, now_ns), store.histogram(query, now_ns, BUCKETS)),
        FACETS: lambda query: store.facets(query, now_ns, MAX_FACET_VALUES),
    }
    # question after question, round after round: the store remembers what matched the last one
    taken = {
        kind: latencies_in_turn({n: partial(ask, q) for n, q in asked.items()}, asked_times)
        for kind, ask in kinds.items()
    }
    return {name: {kind: taken[kind][name] for kind in kinds} for name in asked}


def questions(store: MemoryStore, newest_ns: int) -> dict[str, Query]:
    """No filter, every single one, and every pair of different ones, with the commonest values of the corpus."""
    last_hour = datetime.fromtimestamp(newest_ns // NS_PER_SECOND - 3600, UTC).isoformat()
    filters = {
        "lesson": ("lesson", _commonest(store, "lesson")),
        "user": ("user", _commonest(store, "user")),
        "service": ("service", _commonest(store, "service")),
        "operation": ("operation", _commonest(store, "operation")),
        "event": ("event", _commonest(store, "event")),
        "errors": ("status", "error"),
        "slow database": ("flag", "slow-db"),
        "over 100 ms": ("min_ms", "100"),
        "last hour": ("since", last_hour),
    }
    singles = {name: Query((pair,)) for name, pair in filters.items()}
    pairs = {f"{one} and {other}": Query((filters[one], filters[other])) for one, other in combinations(filters, 2)}
    return {"no filter": Query(), **singles, **pairs}


def _commonest(store: MemoryStore, field: str) -> str:
    return store.values(field, "", 1)[0][0]


def _request(client: Client, path: str, headers: dict[str, str]) -> None:
    response = client.get(path, headers=headers)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status}.")
