"""Facets: how many of the matching traces carry each value. From postings where values are posted; routes and HTTP statuses
from columns, as pairs of value and trace that a packed segment works out once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Indexes, sorted_distinct
from diamond_viewer.index.findings import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import FLAG_NAMES, Facets, FacetValues, Flag

Matches = Sequence[tuple[Segment, Indexes]]
_TRACE_BITS = 32
_TRACE_MASK = 2**_TRACE_BITS - 1


def facets_of(matches: Matches, limit: int) -> Facets:
    """See ``TraceStore.facets``; ``matches`` are the traces that match, where they live."""
    masks = [(segment, mask_of(segment, traces)) for segment, traces in matches]
    flags = [segment.traces["flags"][traces] for segment, traces in matches]
    flag_counts = {
        name: sum(int(np.count_nonzero(part & bit.value)) for part in flags) for name, bit in FLAG_NAMES.items()
    }
    errors = sum(int(np.count_nonzero(part & Flag.ERROR.value)) for part in flags)
    statuses = {"error": errors, "ok": sum(map(len, flags)) - errors}
    posted = {field.value: _most(_posted(masks, field), limit) for field in Field}
    return Facets(
        service=posted["service"],
        operation=posted["operation"],
        status=_most(statuses, limit),
        route=_most(_routes(masks), limit),
        http_status=_most(_http_statuses(masks), limit),
        lesson=posted["lesson"],
        user=posted["user"],
        event=posted["event"],
        flag=_most(flag_counts, limit),
    )


def _most(counts: Mapping[str, int], limit: int) -> FacetValues:
    """Most frequent first, ties by value; nothing that was counted as 0."""
    if len(counts) > 4 * limit:  # sorting ten thousand users takes longer than leaving out those that cannot be shown
        numbers = np.fromiter(counts.values(), np.int64, len(counts))
        least = int(np.partition(numbers, len(numbers) - limit)[len(numbers) - limit])
        counts = {value: count for value, count in counts.items() if count >= least}
    found = sorted(((value, count) for value, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    return tuple(found[:limit])


def mask_of(segment: Segment, traces: Indexes) -> Mask:
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    return mask


def _posted(masks: Sequence[tuple[Segment, Mask]], field: Field) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for segment, mask in masks:
        codes, found = segment.postings.counts_among(field, mask)
        _add(counts, segment.dictionary.texts, codes, found)
    return counts


def _routes(masks: Sequence[tuple[Segment, Mask]]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for segment, codes, found in _pair_counts(masks, "route"):
        _add(counts, segment.dictionary.texts, codes, found)
    return counts


def _http_statuses(masks: Sequence[tuple[Segment, Mask]]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for _, codes, found in _pair_counts(masks, "http_status"):
        for status, count in zip(codes.tolist(), found.tolist(), strict=True):
            counts[str(status)] += count
    return counts


def _add(counts: Counter[str], texts: list[str], codes: Column, found: Column) -> None:
    for code, count in zip(codes.tolist(), found.tolist(), strict=True):
        counts[texts[code]] += count


def _pair_counts(masks: Sequence[tuple[Segment, Mask]], column: str) -> Iterator[tuple[Segment, Column, Column]]:
    """Values of a column of spans other than 0, and how many of the traces have each on some span."""
    for segment, mask in masks:
        pairs = _pairs(segment, column)
        pairs = pairs[mask[pairs & _TRACE_MASK]]
        if segment.guests:
            pairs = _with_guests(segment, pairs, mask, column)
        yield (segment, *np.unique(pairs >> _TRACE_BITS, return_counts=True))


def _pairs(segment: Segment, column: str) -> Indexes:
    """``value << 32 | trace``, ascending, each once."""
    kept = segment.pairs.get(column)
    if kept is None:
        values = segment.spans[column]
        rows = np.flatnonzero(values)
        kept = sorted_distinct(values[rows].astype(np.int64) << _TRACE_BITS | segment.spans["trace"][rows])
        if not segment.is_open:
            segment.pairs[column] = kept
    return kept


def _with_guests(segment: Segment, pairs: Indexes, mask: Mask, column: str) -> Indexes:
    """Also what later segments hold of the traces that live here, under the codes that the values have here."""
    more: list[int] = []
    for trace, places in segment.guests.items():
        if mask[trace]:
            for place, guest in places:
                values = np.unique(place.spans[column][place.rows_of(guest)]).tolist()
                more += [_coded(segment, place, column, value) << _TRACE_BITS | trace for value in values if value]
    return sorted_distinct(np.concatenate([pairs, np.array(more, np.int64)])) if more else pairs


def _coded(segment: Segment, place: Segment, column: str, value: int) -> int:
    return segment.dictionary.intern(place.dictionary.texts[value]) if column == "route" else value
