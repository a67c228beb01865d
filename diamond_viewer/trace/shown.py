"""Which rows of a trace are shown when some are folded away, and where they then hang."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.tree import MAX_GUIDES, Row


@dataclass(frozen=True, slots=True)
class Folding:
    """What the reader has folded. ``level`` keeps that many levels (0: all); ``shut`` and ``opened`` are single places, and
    overrule it. ``hides_plumbing`` leaves out what a framework says of itself, never a failed span or one with events."""

    level: int = 0
    shut: frozenset[int] = frozenset()
    opened: frozenset[int] = frozenset()
    hides_plumbing: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """``places`` of the rows that are shown, ``depths`` how deep each hangs among them; ``shut`` places are folded."""

    places: Sequence[int]
    depths: Sequence[int]
    shut: frozenset[int] = frozenset()
    hidden_plumbing: int = 0

    def guides(self, first: int, last: int) -> list[int]:
        """As ``Row.guides``, of the shown rows ``first`` to ``last``: which branches go on below each."""
        found = [0] * (last - first)
        goes_on = 0
        for at in range(len(self.depths) - 1, first - 1, -1):
            depth = self.depths[at]
            above = goes_on & ((1 << min(depth, MAX_GUIDES)) - 1)
            if at < last:
                found[at - first] = above
            goes_on = above | (1 << (depth - 1)) if 0 < depth <= MAX_GUIDES else above
        return found

    def index_of(self, place: int) -> int:
        """Where a place is shown, or the nearest shown row above it."""
        return max(0, bisect_right(self.places, place) - 1)


def is_plumbing(span: SpanSketch) -> bool:
    return span.is_plumbing and not span.has_events and span.status_code != STATUS_ERROR


def shown_rows(rows: Sequence[Row], spans: Sequence[SpanSketch], folding: Folding, kept: Sequence[int] = ()) -> Shown:
    """``kept`` (sorted) are places that must be seen, whatever was folded: nothing above them stays shut."""
    if folding == Folding():
        return Shown(range(len(rows)), [row.depth for row in rows])
    places, depths, shut = [], [], set()
    ends: list[int] = []  # where the subtree of each shown row above this one ends
    hidden, place, keep = 0, 0, frozenset(kept)
    while place < len(rows):
        while ends and ends[-1] <= place:
            ends.pop()
        if folding.hides_plumbing and place not in keep and is_plumbing(spans[place]):
            hidden += 1
            place += 1
            continue
        depth, end = len(ends), place + 1 + rows[place].descendant_count
        places.append(place)
        depths.append(depth)
        if end > place + 1 and _is_shut(place, depth, folding) and not _any_between(kept, place, end):
            shut.add(place)
            place = end
        else:
            ends.append(end)
            place += 1
    return Shown(places, depths, frozenset(shut), hidden)


def _is_shut(place: int, depth: int, folding: Folding) -> bool:
    if place in folding.shut:
        return True
    return 0 < folding.level <= depth + 1 and place not in folding.opened


def _any_between(kept: Sequence[int], place: int, end: int) -> bool:
    """Whether one of the sorted places lies below ``place``."""
    at = bisect_right(kept, place)
    return at < len(kept) and kept[at] < end
