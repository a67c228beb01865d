"""Requests and queries of all segments -> figures of operations and statements. Called under the store's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from diamond_viewer.index.answers import Matched
from diamond_viewer.index.buckets import Buckets, buckets_over
from diamond_viewer.index.columns import Column, Indexes, exact_sum, sorted_distinct
from diamond_viewer.index.facets import mask_of
from diamond_viewer.index.requests import is_told, told_requests
from diamond_viewer.index.worked_out import Calls, Queries
from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.model import SLOW_DATABASE_SPAN_NS
from diamond_viewer.telemetry.tallies import (
    BAND_EDGES_NS,
    BANDS,
    OperationKey,
    Operations,
    OperationTally,
    StatementTally,
)

REPEATED_WITHIN_NS = 1_000_000_000
_TRACE_BITS = 32

K = TypeVar("K", OperationKey, str)
Parts = list[tuple[int, Calls]] | list[tuple[int, Queries]]


@dataclass(frozen=True, slots=True)
class _Shown(Generic[K]):
    """The keys that took most time, and which rows are theirs: ``rows`` in order of ``group``."""

    keys: list[K]
    key_count: int
    rows: Indexes
    group: Indexes

    def slices(self) -> list[slice]:
        starts = np.searchsorted(self.group, np.arange(len(self.keys) + 1)).tolist()
        return [slice(first, last) for first, last in pairwise(starts)]


def operations(matched: Matched, window: Overlaps, now_ns: int, limit: int) -> Operations:
    """See ``TraceStore.operations``."""
    segments = matched.segments
    masks = {segment.number: mask_of(segment, traces) for segment, traces in matched.matches}
    calls: list[tuple[int, Calls]] = []
    queries: list[tuple[int, Queries]] = []
    for segment, requests in told_requests(segments):
        if (mask := masks.get(segment.number)) is not None:
            is_all = bool(mask.all())
            calls.append((segment.number, requests.calls if is_all else requests.calls.of(mask[requests.calls.trace])))
            queries.append(
                (segment.number, requests.queries if is_all else requests.queries.of(mask[requests.queries.trace]))
            )
    untold = [int(segment.traces["start_ns"].max(initial=0)) for segment in segments if not is_told(segment)]
    undone_ns = max([matched.undecided_ns, *untold])
    start_ns = _joined([part.start_ns for _, part in calls], np.int64)
    buckets = buckets_over(window, now_ns, start_ns)
    bands = np.searchsorted(
        np.array(BAND_EDGES_NS), _joined([part.duration_ns for _, part in calls], np.int64), "right"
    )
    shown_calls = _most_time([(part.keys, part.key, part.duration_ns) for _, part in calls], limit)
    shown_queries = _most_time([(part.keys, part.key, part.own_ns) for _, part in queries], limit)
    return Operations(
        _operations(calls, shown_calls, buckets, bands),
        _statements(queries, shown_queries, buckets),
        shown_calls.key_count,
        shown_queries.key_count,
        buckets.start_ns,
        buckets.width_ns,
        undone_ns < 0,
        max(0, undone_ns),
        tuple(buckets.counts(start_ns, bands, BANDS).ravel().tolist()),
    )


def _most_time(parts: Sequence[tuple[Sequence[K], Column, Column]], limit: int) -> _Shown[K]:
    """``parts`` are keys, which of them each row has, and what it took. Ties by key."""
    numbers: dict[K, int] = {}
    groups = [np.empty(0, np.int64)]
    for keys, key, _ in parts:
        held = np.flatnonzero(np.bincount(key, minlength=len(keys)))
        number = np.zeros(max(1, len(keys)), np.int64)
        for at in held.tolist():
            number[at] = numbers.setdefault(keys[at], len(numbers))
        groups.append(number[key])
    group = np.concatenate(groups)
    took_ns = _joined([values for _, _, values in parts], np.float64)
    totals = np.bincount(group, weights=took_ns, minlength=len(numbers))
    keys = sorted(numbers, key=lambda key: (-totals[numbers[key]], key))[:limit]
    renumbered = np.full(max(1, len(numbers)), len(keys), np.int64)
    renumbered[[numbers[key] for key in keys]] = np.arange(len(keys))
    group = renumbered[group].astype(np.min_scalar_type(len(keys)))  # small numbers are sorted in one pass
    rows = np.argsort(group, kind="stable")
    rows = rows[: int(np.count_nonzero(group < len(keys)))]
    return _Shown(keys, len(numbers), rows, group[rows])


def _operations(
    parts: list[tuple[int, Calls]], shown: _Shown[OperationKey], buckets: Buckets, bands: Indexes
) -> tuple[OperationTally, ...]:
    if not shown.keys:
        return ()
    count = len(shown.keys)
    start_ns = _joined([part.start_ns for _, part in parts], np.int64)[shown.rows]
    duration_ns = _joined([part.duration_ns for _, part in parts], np.int64)[shown.rows]
    failed = _joined([part.has_failed for _, part in parts], np.float64)[shown.rows]
    who = _joined([part.who for _, part in parts], np.int64)[shown.rows]
    errors = np.bincount(shown.group, weights=failed, minlength=count)
    series = buckets.counts(start_ns, shown.group.astype(np.int64), count)
    in_bands = shown.group.astype(np.int64) * BANDS + bands[shown.rows]
    heat = buckets.counts(start_ns, in_bands, count * BANDS).reshape(count, -1)
    repeated = _repeated(shown.group, who, start_ns, count)
    answer = []
    for at, (key, mine) in enumerate(zip(shown.keys, shown.slices(), strict=True)):
        took_ns = duration_ns[mine]
        p50_ns, p95_ns, p99_ns = _percentiles(took_ns, (50, 95, 99))
        answer.append(
            OperationTally(
                key,
                len(took_ns),
                int(errors[at]),
                exact_sum(took_ns),
                p50_ns,
                p95_ns,
                p99_ns,
                tuple(series[at].tolist()),
                int(repeated[at]),
                tuple(heat[at].tolist()),
            )
        )
    return tuple(answer)


def _repeated(group: Column, who: Column, start_ns: Column, count: int) -> Indexes:
    """How many calls of each operation came within a second of the same call of the same user."""
    known = np.flatnonzero(who)
    order = known[np.lexsort((start_ns[known], who[known], group[known]))]
    if len(order) < 2:
        return np.zeros(count, np.int64)
    before, after = order[:-1], order[1:]
    is_again = (group[before] == group[after]) & (who[before] == who[after])
    is_again &= start_ns[after] - start_ns[before] <= REPEATED_WITHIN_NS
    return np.bincount(group[after[is_again]], minlength=count)


def _statements(parts: list[tuple[int, Queries]], shown: _Shown[str], buckets: Buckets) -> tuple[StatementTally, ...]:
    if not shown.keys:
        return ()
    count = len(shown.keys)
    start_ns = _joined([part.start_ns for _, part in parts], np.int64)[shown.rows]
    own_ns = _joined([part.own_ns for _, part in parts], np.int64)[shown.rows]
    repeats = _joined([part.repeats for _, part in parts], np.int64)[shown.rows]
    places = {number: at for at, number in enumerate(dict.fromkeys(number for number, _ in parts))}
    trace = _joined([part.trace.astype(np.int64) | places[number] << _TRACE_BITS for number, part in parts], np.int64)
    trace = trace[shown.rows]
    group = shown.group.astype(np.int64)
    series = buckets.counts(start_ns, group, count)
    slow = np.bincount(group[own_ns > SLOW_DATABASE_SPAN_NS], minlength=count)
    n_plus_one = np.bincount(group[repeats > 0], minlength=count)
    answer = []
    for at, (key, mine) in enumerate(zip(shown.keys, shown.slices(), strict=True)):
        system, _, statement = key.partition("\n")
        took_ns = own_ns[mine]
        p50_ns, p95_ns = _percentiles(took_ns, (50, 95))
        answer.append(
            StatementTally(
                system,
                statement,
                len(took_ns),
                int(slow[at]),
                exact_sum(took_ns),
                p50_ns,
                p95_ns,
                int(took_ns.max()),
                tuple(series[at].tolist()),
                len(sorted_distinct(trace[mine])),
                int(n_plus_one[at]),
                int(repeats[mine].max()),
            )
        )
    return tuple(answer)


def _percentiles(values: Column, percents: Sequence[int]) -> list[int]:
    """By nearest rank, as ``answers`` has them for traces."""
    ranks = [max(0, -(-percent * len(values) // 100) - 1) for percent in percents]
    ordered = np.partition(values, sorted(set(ranks)))
    return [int(ordered[rank]) for rank in ranks]


def _joined(parts: Sequence[Column], dtype: "np.typing.DTypeLike") -> Column:
    return np.concatenate([part.astype(dtype, copy=False) for part in parts]) if parts else np.empty(0, dtype)
