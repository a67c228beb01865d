"""How often visits are looked at while nobody asks: the longer one is, the more it takes, and the less a new trace changes."""

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np

from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.visiting import VisitKey

FOLLOW_EVERY_NS = 2_000_000_000  # who does something each second is looked at once for several of these
SHORT = 32  # traces: a visit of ten times as many is looked at a tenth as often
MAX_VISITS = 20_000
HOLD_NS = 10_000_000  # that others wait for the lock, about
MOST_AT_ONCE = 64  # traces


class Cadence:
    """Times are of a clock that only grows, in ns."""

    def __init__(self) -> None:
        self._due_ns: OrderedDict[VisitKey, int] = OrderedDict()
        self._postponed: dict[int, dict[int, int]] = {}  # segment number -> trace -> until when
        self._at_once = MOST_AT_ONCE

    def looked_at(self, visit: VisitKey, trace_count: int, now_ns: int) -> None:
        self._due_ns[visit] = now_ns + FOLLOW_EVERY_NS * max(1, trace_count // SHORT)
        self._due_ns.move_to_end(visit)
        while len(self._due_ns) > MAX_VISITS:
            self._due_ns.popitem(last=False)

    def due_ns(self, visits: Iterable[VisitKey]) -> int:
        """When the first of these is to be looked at; 0 where one never was."""
        return min((self._due_ns.get(visit, 0) for visit in visits), default=0)

    def postpone(self, segment: int, trace: int, until_ns: int) -> None:
        self._postponed.setdefault(segment, {})[trace] = until_ns

    def due(self, segment: int, traces: Indexes, now_ns: int) -> Indexes:
        """Those of these traces that are not postponed."""
        postponed = self._postponed.get(segment)
        if not postponed:
            return traces
        return np.array([trace for trace in traces.tolist() if postponed.get(trace, 0) <= now_ns], np.int64)

    def keep_only(self, segments: Iterable[int]) -> None:
        """The others have left."""
        for number in self._postponed.keys() - set(segments):
            del self._postponed[number]

    @property
    def at_once(self) -> int:
        """Traces whose visits, if each lies in others, can be looked at under one hold of the lock, judged by the last."""
        return self._at_once

    def held_for(self, took_ns: int) -> None:
        """
        >>> cadence = Cadence()
        >>> cadence.held_for(4 * HOLD_NS)
        >>> cadence.at_once
        16
        >>> cadence.held_for(0)
        >>> cadence.at_once
        32
        """
        if took_ns > HOLD_NS:
            self._at_once = max(1, self._at_once * HOLD_NS // took_ns)
        else:
            self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
