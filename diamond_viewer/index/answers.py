"""The answers to a query, over all segments. Called under the store's lock; what they return are values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Column, Indexes, sorted_distinct
from diamond_viewer.index.facets import count_flags, facets_of
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.query.over_time import nearest_ranks
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.query.terms import Field, Term
from diamond_viewer.telemetry.model import FLAG_NAMES, Facets, Flag, Page, Stats

_SORT_COLUMNS = {"start": "start_ns", "spans": "span_count", "errors": "error_count"}

Matches = list[tuple[Segment, Indexes]]


@dataclass(frozen=True, slots=True)
class Matched:
    """The traces of all ``segments`` that match. ``undecided_ns`` is the newest start of a trace that nobody has looked through
    yet, -1 when every trace is decided; ``is_final`` when looking through originals would not add to it."""

    segments: Sequence[Segment]
    matches: Matches
    undecided_ns: int
    is_final: bool

    @property
    def size_bytes(self) -> int:
        return sum(traces.nbytes for _, traces in self.matches)


def matched(segments: Sequence[Segment], terms: Sequence[Term]) -> Matched:
    matching = Matching(segments, terms)
    found = [(segment, matching.traces(segment)) for segment in segments]
    undecided = [(segment, matching.undecided(segment)) for segment in segments if matching.may_be_undecided]
    return Matched(
        segments,
        [(segment, traces) for segment, traces in found if len(traces)],
        max((int(segment.traces["start_ns"][traces].max(initial=-1)) for segment, traces in undecided), default=-1),
        is_final=not matching.may_be_undecided,
    )


def joined(matches: Matches, column: str, dtype: npt.DTypeLike = np.int64) -> Column:
    """A column of all matching traces, side by side."""
    parts = [np.take(segment.traces[column], traces).astype(dtype, copy=False) for segment, traces in matches]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def search(found: Matched, query: Query, version: int) -> Page:
    """See ``TraceStore.search``."""
    matches, undecided_ns = found.matches, found.undecided_ns
    total = sum(len(traces) for _, traces in matches)
    newer = 0
    if query.anchor:
        below = [(segment, traces[_at_or_below(segment, traces, query.anchor)]) for segment, traces in matches]
        newer = total - sum(len(traces) for _, traces in below)
        matches = [(segment, traces) for segment, traces in below if len(traces)]
    first = (query.page - 1) * query.limit
    rows = _first(matches, first + query.limit, query.sort)[first:]
    summaries = tuple(summary(segment, trace) for segment, trace in rows)
    return Page(summaries, total, version, newer, undecided_ns < 0, max(0, undecided_ns))


def _at_or_below(segment: Segment, traces: Indexes, anchor: Anchor) -> Column:
    start_ns = segment.traces["start_ns"][traces]
    high, low = (np.uint64(int(half, 16)) for half in (anchor.trace_id[:16], anchor.trace_id[16:]))
    highs, lows = segment.traces["high"][traces], segment.traces["low"][traces]
    same = (start_ns == anchor.start_ns) & ((highs > high) | ((highs == high) & (lows >= low)))
    found: Column = (start_ns < anchor.start_ns) | same
    return found


def _figures(segment: Segment, traces: Indexes, sort: str) -> Column:
    """What the list is sorted by, for each trace."""
    columns = segment.traces
    if sort == "duration":
        lasted: Column = columns["end_ns"][traces] - columns["start_ns"][traces]
        return lasted
    return columns[_SORT_COLUMNS[sort]][traces].astype(np.int64, copy=False)


def _first(matches: Matches, count: int, sort: str) -> list[tuple[Segment, int]]:
    """The first ``count`` traces in an order of ``query.sorting``: the largest first, ties newest first, then by id.

    Of each segment only what may stand on the page is looked at: no less than ``count`` of those seen so far.
    """
    best, least = np.empty(0, np.int64), -(2**63)
    candidates: list[tuple[Segment, Indexes, Column]] = []
    for segment, traces in sorted(matches, key=lambda pair: -pair[0].number):  # the newest leave least of the others
        figures = _figures(segment, traces, sort)
        is_among_best = np.flatnonzero(figures >= least)
        if len(is_among_best):
            candidates.append((segment, traces[is_among_best], figures[is_among_best]))
            best = np.concatenate([best, figures[is_among_best]])
        if len(best) > count:
            best = np.partition(best, len(best) - count)[len(best) - count :]
            least = int(best.min())
    kept = [(segment, traces[figures >= least], figures[figures >= least]) for segment, traces, figures in candidates]
    if not kept:
        return []
    found = [(segment, traces) for segment, traces, _ in kept]
    start_ns, high, low = joined(found, "start_ns"), joined(found, "high", np.uint64), joined(found, "low", np.uint64)
    order = np.lexsort((low, high, -start_ns, -np.concatenate([figures for _, _, figures in kept])))[:count]
    ends = np.cumsum([len(traces) for _, traces in found])
    begins = ends - [len(traces) for _, traces in found]
    owner = np.searchsorted(ends, order, side="right")
    return [
        (found[at][0], int(found[at][1][place - begins[at]]))
        for at, place in zip(owner.tolist(), order.tolist(), strict=True)
    ]


def stats(found: Matched) -> Stats:
    """See ``TraceStore.stats``."""
    segments, matches, is_complete = found.segments, found.matches, found.undecided_ns < 0
    start_ns = joined(matches, "start_ns")
    if not len(start_ns):
        return Stats(flags=dict.fromkeys(FLAG_NAMES, 0), is_complete=is_complete)
    duration_ns = joined(matches, "end_ns") - start_ns
    flag_counts = count_flags(matches)
    p50_ns, p95_ns, p99_ns = nearest_ranks(duration_ns, (50, 95, 99))
    failed = [
        (segment, traces[(segment.traces["flags"][traces] & Flag.AUTH_FAILURE.value) > 0])
        for segment, traces in matches
    ]
    return Stats(
        traces=len(start_ns),
        spans=_sum(matches, "span_count"),
        error_traces=flag_counts["error"],
        error_spans=_sum(matches, "error_count"),
        auth_failure_traces=flag_counts["auth-failure"],
        auth_failure_users=_user_count(failed),
        slow_traces=flag_counts["slow"],
        slow_db_traces=flag_counts["slow-db"],
        p50_ns=p50_ns,
        p95_ns=p95_ns,
        p99_ns=p99_ns,
        first_start_ns=int(start_ns.min()),
        last_start_ns=int(start_ns.max()),
        events=_event_counts(segments, matches),
        flags=flag_counts,
        is_complete=is_complete,
    )


def _sum(matches: Matches, column: str) -> int:
    return sum(int(np.take(segment.traces[column], traces).sum(dtype=np.int64)) for segment, traces in matches)


def masks_of(segments: Sequence[Segment], matches: Matches) -> Iterator[tuple[Segment, Column]]:
    """Which traces of each segment match, guests by what their home says. Segments without any are left out."""
    chosen = {segment.number: np.zeros(segment.traces.size, bool) for segment in segments}
    for segment, traces in matches:
        chosen[segment.number][traces] = True
    for segment in segments:
        mask = chosen[segment.number]
        for guest, (home, number) in segment.homes.items():
            mask[guest] = chosen[home.number][number]
        if mask.any():
            yield segment, mask


def _user_count(matches: Matches) -> int:
    """Distinct users. Counted by hash, eight bytes each: there may be millions of them."""
    hashes = [np.empty(0, np.int64)]
    for segment, traces in (pair for pair in matches if len(pair[1])):
        mask = np.zeros(segment.traces.size, bool)
        mask[traces] = True
        codes, _ = segment.postings.counts_among(Field.USER, mask)
        hashes.append(np.array([hash(segment.dictionary.texts[code]) for code in codes.tolist()], np.int64))
    return len(sorted_distinct(np.concatenate(hashes)))


def _event_counts(segments: Sequence[Segment], matches: Matches) -> dict[str, int]:
    """How often each event occurs in the matching traces, most frequent first."""
    counts: Counter[str] = Counter()
    for segment, mask in masks_of(segments, matches):
        if segment.events.size:
            traces = np.take(segment.spans["trace"], segment.events["row"])
            found = np.bincount(segment.events["name"][np.take(mask, traces)])
            texts = segment.dictionary.texts
            counts.update({texts[code]: int(found[code]) for code in np.flatnonzero(found).tolist()})
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def facets(found: Matched, limit: int) -> Facets:
    """See ``TraceStore.facets``."""
    return facets_of(found.matches, limit)
