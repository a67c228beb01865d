"""Calls whose two ends lie in different segments: few, because a trace's spans come in within seconds of each other."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from diamond_viewer.index.call_rows import loose_rows
from diamond_viewer.index.catalogue import DATABASE
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_SERVER

MAX_LOOSE = 5_000  # rows that are looked up one by one: about 100 ms


@dataclass(slots=True)
class LooseEnds:
    """``dropped``: rows that a segment by itself takes for calls, and that are none. ``joined``: the caller's service, the
    segment and the row that was called."""

    dropped: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    joined: list[tuple[str, Segment, int]] = field(default_factory=list)
    is_complete: bool = True


def loose_ends(masks: Sequence[tuple[Segment, Mask]]) -> LooseEnds:
    """Of the traces that the masks choose. Called under the store's lock."""
    ends, looked_up = LooseEnds(), 0
    for segment, mask in masks:
        loose = loose_rows(segment)
        trace = segment.spans["trace"][loose]
        for row in loose[(trace < len(mask)) & mask[np.minimum(trace, len(mask) - 1)]].tolist():
            looked_up += 1
            if looked_up > MAX_LOOSE:
                ends.is_complete = False
                return ends
            if found := _parent(segment, row):
                _join(ends, segment, row, *found)
    return ends


def _parent(segment: Segment, row: int) -> tuple[Segment, int] | None:
    trace, parent_id = int(segment.spans["trace"][row]), segment.spans["parent_id"][row]
    home, number = segment.homes.get(trace, (segment, trace))
    for place, at in home.places_of(number):
        rows = place.rows_of(at)
        held = rows[place.spans["span_id"][rows] == parent_id]
        if place is not segment and len(held):
            return place, int(held[0])
    return None


def _join(ends: LooseEnds, segment: Segment, row: int, place: Segment, parent: int) -> None:
    below, above = segment.spans, place.spans
    service = place.dictionary.texts[int(above["service"][parent])]
    differs = service != segment.dictionary.texts[int(below["service"][row])]
    kind, is_server = int(below["kind"][row]), int(below["kind"][row]) == KIND_SERVER
    peer = segment.dictionary.texts[int(below["peer"][row])]
    if differs or (is_server and above["kind"][parent] == KIND_CLIENT):
        if not (kind == KIND_CONSUMER and peer.startswith("queue\t")):
            ends.joined.append((service, segment, row))
            if kind in (KIND_SERVER, KIND_CONSUMER):
                ends.dropped[segment.number].add(row)  # it did not come from outside
        if above["kind"][parent] == KIND_CLIENT and not above["traits"][parent] & DATABASE:
            ends.dropped[place.number].add(parent)  # it did not go outside
    elif is_server:
        ends.dropped[segment.number].add(row)
    elif below["traits"][row] & above["traits"][parent] & DATABASE:
        other = place.dictionary.texts[int(above["peer"][parent])]
        if peer.split("\t")[:2] == other.split("\t")[:2]:
            ends.dropped[place.number].add(parent)  # it only wraps the call
