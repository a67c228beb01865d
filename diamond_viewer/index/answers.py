"""The answers to a query, over all segments. Called under the store's lock; what they return are values."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Column, Indexes, sorted_distinct
from diamond_viewer.index.facets import facets_of
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import FLAG_NAMES, Facets, Flag, Histogram, Page, Stats

_SORT_COLUMNS = {"start": "start_ns", "spans": "span_count", "errors": "error_count"}

Matches = list[tuple[Segment, Indexes]]

MAX_LOOKED_AT = 50_000  # distinct values of a field, in all segments together: about 50 ms
MIN_LOOKED_AT = 1_000  # in each segment, however many there are


def matches_of(segments: Sequence[Segment], matching: Matching) -> Matches:
    found = [(segment, matching.traces(segment)) for segment in segments]
    return [(segment, traces) for segment, traces in found if len(traces)]


def _undecided_ns(segments: Sequence[Segment], matching: Matching) -> int:
    """The newest start of a trace that nobody has looked through yet; -1 when every trace is decided."""
    undecided = [(segment, matching.undecided(segment)) for segment in segments if matching.scanned_conditions]
    return max((int(segment.traces["start_ns"][traces].max(initial=-1)) for segment, traces in undecided), default=-1)


def _joined(matches: Matches, column: str, dtype: npt.DTypeLike = np.int64) -> Column:
    """A column of all matching traces, side by side."""
    parts = [segment.traces[column][traces].astype(dtype) for segment, traces in matches]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def search(segments: Sequence[Segment], query: Query, now_ns: int, version: int) -> Page:
    """See ``TraceStore.search``."""
    matching = Matching(segments, query.terms(now_ns))
    matches = matches_of(segments, matching)
    undecided_ns = _undecided_ns(segments, matching)
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


def _figures(matches: Matches, sort: str) -> Column:
    """What the list is sorted by, for each trace."""
    if sort == "duration":
        return _joined(matches, "end_ns") - _joined(matches, "start_ns")
    return _joined(matches, _SORT_COLUMNS[sort])


def _first(matches: Matches, count: int, sort: str) -> list[tuple[Segment, int]]:
    """The first ``count`` traces in an order of ``query.sorting``: the largest first, ties newest first, then by trace id."""
    start_ns = _joined(matches, "start_ns")
    if not len(start_ns):
        return []
    figures = _figures(matches, sort)
    candidates = np.arange(len(start_ns))
    if count < len(start_ns):  # only what can stand on the page is sorted; ties at its end all stay candidates
        last = np.partition(figures, len(figures) - count)[len(figures) - count]
        candidates = np.flatnonzero(figures >= last)
    high, low = _joined(matches, "high", np.uint64)[candidates], _joined(matches, "low", np.uint64)[candidates]
    order = candidates[np.lexsort((low, high, -start_ns[candidates], -figures[candidates]))][:count]
    ends = np.cumsum([len(traces) for _, traces in matches])
    owner = np.searchsorted(ends, order, side="right")
    begins = ends - [len(traces) for _, traces in matches]
    return [
        (matches[at][0], int(matches[at][1][place - begins[at]]))
        for at, place in zip(owner.tolist(), order.tolist(), strict=True)
    ]


def stats(segments: Sequence[Segment], query: Query, now_ns: int) -> Stats:
    """See ``TraceStore.stats``."""
    matching = Matching(segments, query.terms(now_ns))
    matches = matches_of(segments, matching)
    is_complete = _undecided_ns(segments, matching) < 0
    start_ns = _joined(matches, "start_ns")
    if not len(start_ns):
        return Stats(flags=dict.fromkeys(FLAG_NAMES, 0), is_complete=is_complete)
    duration_ns = _joined(matches, "end_ns") - start_ns
    flags = _joined(matches, "flags")
    flag_counts = {name: int(np.count_nonzero(flags & bit.value)) for name, bit in FLAG_NAMES.items()}
    p50_ns, p95_ns, p99_ns = nearest_ranks(duration_ns, (50, 95, 99))
    failed = [
        (segment, traces[(segment.traces["flags"][traces] & Flag.AUTH_FAILURE.value) > 0])
        for segment, traces in matches
    ]
    return Stats(
        traces=len(start_ns),
        spans=int(_joined(matches, "span_count").sum()),
        error_traces=flag_counts["error"],
        error_spans=int(_joined(matches, "error_count").sum()),
        auth_failure_traces=flag_counts["auth-failure"],
        auth_failure_users=_user_count(segments, failed),
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


def nearest_ranks(values: Column, percents: Sequence[int]) -> list[int]:
    """Percentiles by nearest rank: the smallest value that at least this share of the values does not exceed."""
    ranks = [max(0, -(-percent * len(values) // 100) - 1) for percent in percents]
    ordered = np.partition(values, ranks)
    return [int(ordered[rank]) for rank in ranks]


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


def _user_count(segments: Sequence[Segment], matches: Matches) -> int:
    """Distinct users. Counted by hash, eight bytes each: there may be millions of them."""
    hashes = [np.empty(0, np.int64)]
    for segment, mask in masks_of(segments, matches):
        is_theirs = mask[segment.spans["trace"]]
        codes = set(np.unique(segment.spans["user"][is_theirs]).tolist())
        codes |= segment.all_mentions((row for row in segment.mentions if is_theirs[row]), Field.USER)
        hashes.append(np.array([hash(segment.dictionary.texts[code]) for code in codes if code], np.int64))
    return len(sorted_distinct(np.concatenate(hashes)))


def _event_counts(segments: Sequence[Segment], matches: Matches) -> dict[str, int]:
    """How often each event occurs in the matching traces, most frequent first."""
    counts: Counter[str] = Counter()
    for segment, mask in masks_of(segments, matches):
        if segment.events.size:
            traces = segment.spans["trace"][segment.events["row"]]
            found = np.bincount(segment.events["name"][mask[traces]])
            texts = segment.dictionary.texts
            counts.update({texts[code]: int(found[code]) for code in np.flatnonzero(found).tolist()})
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def histogram(segments: Sequence[Segment], query: Query, now_ns: int, buckets: int) -> Histogram:
    """See ``TraceStore.histogram``. Traces that began before the window stand in its first bucket."""
    matches = matches_of(segments, Matching(segments, query.terms(now_ns)))
    start_ns = _joined(matches, "start_ns")
    window = query.window(now_ns)
    first_ns = window.since_ns if window.since_ns is not None else int(start_ns.min(initial=2**63 - 1))
    last_ns = window.until_ns if window.until_ns is not None else now_ns if window.since_ns is not None else None
    if last_ns is None:
        last_ns = int(start_ns.max(initial=0))
    if not len(start_ns) or last_ns < first_ns:
        nothing = (0,) * buckets
        return Histogram(min(first_ns, last_ns), 1, nothing, nothing, nothing)
    width_ns = max(1, -(-(last_ns - first_ns + 1) // buckets))
    bucket = np.clip((start_ns - min(first_ns, 2**63 - 1)) // width_ns, 0, buckets - 1)
    flags = _joined(matches, "flags")
    is_error = (flags & Flag.ERROR.value) > 0
    is_auth = ~is_error & ((flags & Flag.AUTH_FAILURE.value) > 0)
    ok, auth, error = (
        tuple(np.bincount(bucket[chosen], minlength=buckets).tolist())
        for chosen in (~is_error & ~is_auth, is_auth, is_error)
    )
    return Histogram(first_ns, width_ns, ok, auth, error)


def facets(segments: Sequence[Segment], query: Query, now_ns: int, limit: int) -> Facets:
    """See ``TraceStore.facets``."""
    return facets_of(matches_of(segments, Matching(segments, query.terms(now_ns))), limit)


def values(segments: Sequence[Segment], field: Field, text: str, limit: int) -> list[tuple[str, int]]:
    """See ``TraceStore.values``. Case does not matter.

    Of millions of distinct values only the most frequent of each segment are looked at: their counts are exact, and what
    is on many traces is among them.
    """
    wanted = text.casefold()
    candidates: set[str] = set()
    share = max(MIN_LOOKED_AT, MAX_LOOKED_AT // max(1, len(segments)))
    for segment in segments:
        codes, sizes = segment.postings.counts(field)
        if len(codes) > share:
            codes = codes[np.argpartition(sizes, len(codes) - share)[len(codes) - share :]]
        texts = segment.dictionary.texts
        candidates |= {texts[code] for code in codes.tolist() if wanted in texts[code].casefold()}
    counts: Counter[str] = Counter()
    for segment in segments:
        codes, sizes = segment.postings.counts(field)
        held = [(text, code) for text in candidates if (code := segment.dictionary.find(text)) is not None]
        places = np.searchsorted(codes, [code for _, code in held])
        for (value, code), place in zip(held, places.tolist(), strict=True):
            if place < len(codes) and codes[place] == code:
                counts[value] += int(sizes[place])
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
