"""Root causes of all segments -> groups of errors. Called under the store's lock; what it returns are values."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.index.answers import Matched
from diamond_viewer.index.buckets import buckets_over
from diamond_viewer.index.causes import is_told, told_causes
from diamond_viewer.index.columns import Column, Indexes, sorted_distinct
from diamond_viewer.index.facets import mask_of
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.query.terms import Field, Overlaps
from diamond_viewer.telemetry.tallies import OTHER_ERRORS, ErrorGroup, ErrorGroups, ErrorKey

_TRACE_BITS = 32
_TRACE_MASK = 2**_TRACE_BITS - 1
MAX_TIED = 1_000


class _Gathering:
    """Causes of all segments side by side. ``trace`` has the place of the segment above 32 bits of number."""

    def __init__(self, segments: Sequence[Segment], masks: dict[int, Column]) -> None:
        self.segments = list(segments)
        place_of = {segment.number: at for at, segment in enumerate(self.segments)}
        self.numbers: dict[ErrorKey, int] = {}
        groups, starts, traces = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for segment, causes in told_causes(segments):
            chosen = np.flatnonzero(masks[segment.number][causes.trace])
            if len(chosen):
                keys = causes.key[chosen]
                number = np.zeros(len(causes.keys), np.int64)
                for key in np.unique(keys).tolist():
                    number[key] = self.numbers.setdefault(causes.keys[key], len(self.numbers))
                groups.append(number[keys])
                starts.append(causes.start_ns[chosen])
                traces.append(causes.trace[chosen] | place_of[segment.number] << _TRACE_BITS)
        self.group, self.start_ns, self.trace = np.concatenate(groups), np.concatenate(starts), np.concatenate(traces)

    def only(self, fingerprint: str) -> None:
        """Forget all groups but one."""
        wanted = [number for key, number in self.numbers.items() if key.fingerprint == fingerprint]
        chosen = np.isin(self.group, wanted)
        self.group, self.start_ns, self.trace = self.group[chosen], self.start_ns[chosen], self.trace[chosen]
        self.numbers = {key: number for key, number in self.numbers.items() if number in wanted}

    def trace_id(self, trace: int) -> str:
        return trace_id_of(self.segments[trace >> _TRACE_BITS], trace & _TRACE_MASK)


def errors(matched: Matched, window: Overlaps, now_ns: int, limit: int, fingerprint: str, examples: int) -> ErrorGroups:
    """See ``TraceStore.errors``."""
    segments = matched.segments
    masks = {segment.number: np.zeros(segment.traces.size, bool) for segment in segments}
    for segment, traces in matched.matches:
        masks[segment.number] = mask_of(segment, traces)
    gathering = _Gathering(segments, masks)
    if fingerprint:
        gathering.only(fingerprint)
    untold = [int(segment.traces["start_ns"].max(initial=0)) for segment in segments if not is_told(segment)]
    undone_ns = max([matched.undecided_ns, *untold])
    group, count = gathering.group, len(gathering.numbers)
    buckets = buckets_over(window, now_ns, gathering.start_ns)
    if not len(group):
        return ErrorGroups((), 0, 0, buckets.start_ns, buckets.width_ns, undone_ns < 0, max(0, undone_ns))
    size = max(gathering.numbers.values()) + 1
    totals = np.bincount(group, minlength=size)
    keys = sorted(gathering.numbers, key=lambda key: (-totals[gathering.numbers[key]], key))[:limit]
    shown = np.array([gathering.numbers[key] for key in keys])
    renumbered = np.full(size, -1, np.int64)
    renumbered[shown] = np.arange(len(shown))
    kept = renumbered[group] >= 0
    group, start_ns, trace = renumbered[group[kept]], gathering.start_ns[kept], gathering.trace[kept]
    series = buckets.counts(start_ns, group, len(keys))
    order = np.lexsort((start_ns, group))
    starts = np.searchsorted(group[order], np.arange(len(keys)))
    ends = np.append(starts[1:], len(order)) - 1
    pairs = _distinct_pairs(group, trace)
    people = {field: _people(gathering.segments, pairs, len(keys), field) for field in (Field.USER, Field.LESSON)}
    trace_counts = np.bincount(pairs[0], minlength=len(keys))
    groups = []
    for at, key in enumerate(keys):
        rows = order[starts[at] : ends[at] + 1]
        groups.append(
            ErrorGroup(
                key,
                len(rows),
                int(trace_counts[at]),
                int(people[Field.USER][at]),
                int(people[Field.LESSON][at]),
                int(start_ns[rows[0]]),
                int(start_ns[rows[-1]]),
                tuple(series[at].tolist()),
                _newest(gathering, start_ns[rows], trace[rows], examples),
            )
        )
    others = OTHER_ERRORS in gathering.numbers
    return ErrorGroups(
        tuple(groups),
        count - others,
        int(totals.sum()),
        buckets.start_ns,
        buckets.width_ns,
        undone_ns < 0,
        max(0, undone_ns),
    )


def _distinct_pairs(group: Indexes, trace: Indexes) -> tuple[Indexes, Indexes]:
    """Groups and traces, each pair once, sorted by trace."""
    order = np.lexsort((group, trace))
    group, trace = group[order], trace[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (group[1:] != group[:-1]) | (trace[1:] != trace[:-1])
    return group[is_new], trace[is_new]


def _people(segments: Sequence[Segment], pairs: tuple[Indexes, Indexes], count: int, field: Field) -> Indexes:
    """How many distinct users or lessons the traces of each group name. Counted by hash, eight bytes each."""
    group, trace = pairs
    places = trace >> _TRACE_BITS
    found_groups, found_hashes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for at in np.unique(places).tolist():
        segment = segments[at]
        mine = slice(*np.searchsorted(places, [at, at + 1]))
        numbers = trace[mine] & _TRACE_MASK
        mask = np.zeros(segment.traces.size, bool)
        mask[numbers] = True
        codes, traces = segment.postings.pairs_among(field, mask)
        order = np.argsort(traces, kind="stable")
        codes, traces = codes[order], traces[order]
        distinct, which = np.unique(codes, return_inverse=True)
        hashes = np.array([hash(segment.dictionary.texts[code]) for code in distinct.tolist()], np.int64)
        first, last = np.searchsorted(traces, numbers, "left"), np.searchsorted(traces, numbers, "right")
        sizes = last - first
        rows = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
        found_groups.append(np.repeat(group[mine], sizes))
        found_hashes.append(hashes[which[rows]] if len(rows) else np.empty(0, np.int64))
    groups, hashes = np.concatenate(found_groups), np.concatenate(found_hashes)
    _, numbers = np.unique(hashes, return_inverse=True)
    width = int(numbers.max(initial=0)) + 1
    people: Indexes = np.bincount(sorted_distinct(groups * width + numbers) // width, minlength=count)
    return people


def _newest(gathering: _Gathering, start_ns: Indexes, traces: Indexes, count: int) -> tuple[str, ...]:
    """Trace ids by their newest cause, ties by id (as long as no more than a thousand tie); ``start_ns`` ascends."""
    found: dict[int, int] = {}
    last_ns = 0
    for place in range(len(traces) - 1, -1, -1):
        began_ns = int(start_ns[place])
        if len(found) >= count and (began_ns < last_ns or len(found) >= MAX_TIED):
            break
        trace = int(traces[place])
        if trace not in found:
            found[trace] = last_ns = began_ns
    ids = sorted((-began_ns, gathering.trace_id(trace)) for trace, began_ns in found.items())
    return tuple(trace_id for _, trace_id in ids[:count])
