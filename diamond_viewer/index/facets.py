"""Facets: how many of the matching traces carry each value. From postings where values are posted; routes and HTTP statuses
from columns, as pairs of value and trace that are kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Indexes, merged_distinct, sorted_distinct
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.told import FOUND
from diamond_viewer.query import over_time
from diamond_viewer.query.over_time import most_frequent
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import Facets
from diamond_viewer.telemetry.rules import RULE_BITS

Matches = Sequence[tuple[Segment, Indexes]]
_TRACE_BITS = 32
_TRACE_MASK = 2**_TRACE_BITS - 1
_NO_PAIRS: Indexes = np.empty(0, np.int64)


def facets_of(matches: Matches, limit: int) -> Facets:
    """See ``TraceStore.facets``; ``matches`` are the traces that match, where they live."""
    masks = [(segment, mask_of(segment, traces)) for segment, traces in matches]
    flag_counts = count_flags(matches)
    errors = flag_counts["error"]
    statuses = {"error": errors, "ok": sum(len(traces) for _, traces in matches) - errors}
    posted = {field.value: most_frequent(counts, limit) for field, counts in _posted(masks).items()}
    return Facets(
        service=posted["service"],
        operation=posted["operation"],
        status=most_frequent(statuses, limit),
        route=most_frequent(_routes(masks), limit),
        http_status=most_frequent(_http_statuses(masks), limit),
        lesson=posted["lesson"],
        user=posted["user"],
        event=posted["event"],
        flag=most_frequent(flag_counts, limit),
        finding=most_frequent(_findings(masks), limit),
    )


def count_flags(matches: Matches) -> dict[str, int]:
    return over_time.count_flags([np.take(segment.traces["flags"], traces) for segment, traces in matches])


def _findings(masks: Sequence[tuple[Segment, Mask]]) -> Mapping[str, int]:
    """Most traces have none: only the others are looked at for each rule."""
    found = [np.empty(0, np.uint64)]
    for segment, mask in masks:
        bits = segment.traces["findings"]
        found.append(bits[mask & ((bits & FOUND) > 0)])
    told = np.concatenate(found)
    return {name: int(np.count_nonzero(told & np.uint64(bit))) for name, bit in RULE_BITS.items()}


def mask_of(segment: Segment, traces: Indexes) -> Mask:
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    return mask


def _posted(masks: Sequence[tuple[Segment, Mask]]) -> Mapping[Field, Counter[str]]:
    counts: dict[Field, Counter[str]] = {field: Counter() for field in Field}
    for segment, mask in masks:
        is_all = np.count_nonzero(mask) == np.count_nonzero(segment.traces["lives_here"])
        tallies = (
            {field: segment.postings.counts(field) for field in Field} if is_all else segment.postings.tallies(mask)
        )
        for field, (codes, found) in tallies.items():
            _add(counts[field], segment.dictionary.texts, codes, found)
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
        values = pairs[np.take(mask, pairs & _TRACE_MASK)] >> _TRACE_BITS
        counts = np.bincount(values)
        found = np.flatnonzero(counts)
        yield segment, found, counts[found]


def _pairs(segment: Segment, column: str) -> Indexes:
    """``value << 32 | trace``, ascending, each once: of the traces that live here, wherever their spans lie. Values have the
    codes that they have here. Kept until more spans of these traces lie elsewhere; new rows are added to what was kept."""
    row_count, kept = segment.pairs.get(column, (0, _NO_PAIRS))
    runs = [kept]
    if row_count < segment.spans.size:
        values = segment.spans[column][row_count:]
        rows = np.flatnonzero(values)
        runs.append(
            sorted_distinct(values[rows].astype(np.int64) << _TRACE_BITS | segment.spans["trace"][row_count:][rows])
        )
        if not row_count:
            runs.append(_pairs_of_guests(segment, column))
        segment.pairs[column] = segment.spans.size, merged_distinct(runs)
    return segment.pairs[column][1] if column in segment.pairs else kept


def _pairs_of_guests(segment: Segment, column: str) -> Indexes:
    """What later segments hold of the traces that live here."""
    pairs: set[int] = set()
    for trace, places in segment.guests.items():
        for place, guest in places:
            values = set(place.spans[column][place.rows_of(guest)].tolist())
            pairs.update(_coded(segment, place, column, value) << _TRACE_BITS | trace for value in values if value)
    return np.array(sorted(pairs), np.int64)


def _coded(segment: Segment, place: Segment, column: str, value: int) -> int:
    return segment.dictionary.intern(place.dictionary.texts[value]) if column == "route" else value
