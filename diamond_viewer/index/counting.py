"""Counting: what came in since the start, each span counted once, and kept when it has to leave.

Nothing is ever counted anew from what is held: figures that are scraped may only grow. The rows of the open segment are counted
many at a time: when somebody asks, when enough have come, and before the segment is packed, which sorts them. What follows for
spans that come late or twice is written in ``docs/decisions/0012-counted-when-it-comes.md``.
"""

from collections import Counter

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.kin import kin_of
from diamond_viewer.index.request_table import MAX_FOLDED, MAX_TEXT, Arrived, RequestTable
from diamond_viewer.index.requests import works_of
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.telemetry.counts import BACKLOG, LIVE, OTHER, PHASES, UNAUTHORIZED_EVIDENCE, Counts
from diamond_viewer.telemetry.rules import RULE_BITS
from diamond_viewer.telemetry.semconv import AUTH_FAILURE_EVENTS, BUFFERING_EVENT, MISMATCH_EVENT

COUNTED_EVENTS = (*sorted(AUTH_FAILURE_EVENTS), BUFFERING_EVENT, MISMATCH_EVENT)
UNAUTHORIZED = 401
MAX_OCCURRENCES = 200  # of (phase, what, service) that are told apart
MAX_COUNTED = 300  # operations that are told apart at once: a hundred have a row of their own in the end
DUE_ROWS = 8_192  # counted at once at most, once they have come: about 5 ms


class Counting:
    """To be used under the store's lock. ``phase`` is what is read now: the backlog, until ``follow`` is called."""

    def __init__(self) -> None:
        self.phase = BACKLOG
        self._live_since: tuple[int, int] | None = None  # number of the segment, and its first trace that came live
        self._reached = (-1, 0, 0)  # number of a segment, and how many of its rows and events have been counted
        self._spans: Counter[str] = Counter(dict.fromkeys(PHASES, 0))
        self._requests = {phase: RequestTable() for phase in PHASES}
        self._occurrences: Counter[tuple[str, str, str]] = Counter()
        self._findings: Counter[tuple[str, str]] = Counter()

    @property
    def is_live(self) -> bool:
        return self.phase == LIVE

    def follow(self, segment: Segment) -> None:
        """The backlog has been read; ``segment`` is the open one."""
        if not self.is_live:
            self.catch_up(segment)
            self.phase, self._live_since = LIVE, (segment.number, segment.traces.size)

    def is_due(self, segment: Segment) -> bool:
        return segment.spans.size - self._reached_in(segment)[1] >= DUE_ROWS

    def catch_up(self, segment: Segment) -> None:
        """Count what has come into the segment since the last time."""
        _, first_row, first_event = self._reached_in(segment)
        if segment.spans.size > first_row:
            self._reached = segment.number, segment.spans.size, segment.events.size
            self._take(segment, np.arange(first_row, segment.spans.size), first_event)

    def _reached_in(self, segment: Segment) -> tuple[int, int, int]:
        return self._reached if self._reached[0] == segment.number else (segment.number, 0, 0)

    def _take(self, segment: Segment, rows: Indexes, first_event: int) -> None:
        self._spans[self.phase] += len(rows)
        kin = kin_of(segment, rows)
        works = works_of(kin, MAX_COUNTED)
        traces = kin.traces[works.rows]
        duration_ns = kin.column("duration_ns")[works.rows]
        arrived = Arrived(
            works.keys,
            works.key,
            duration_ns,
            kin.column("start_ns")[works.rows] + duration_ns,
            works.has_failed,
            segment.traces["high"][traces],
            segment.traces["low"][traces],
        )
        self._requests[self.phase].add(arrived)
        services = kin.column("service")[works.rows]
        refused = services[kin.column("http_status")[works.rows] == UNAUTHORIZED]
        self._occur(UNAUTHORIZED_EVIDENCE, segment, refused)
        names = segment.events["name"][first_event:]
        for name in COUNTED_EVENTS if len(names) else ():
            code = segment.dictionary.find(name)
            if code is not None:
                happened = segment.events["row"][first_event:][names == code]
                self._occur(name, segment, segment.spans["service"][happened])

    def _occur(self, what: str, segment: Segment, services: Column) -> None:
        for code, count in zip(*np.unique(services, return_counts=True), strict=True) if len(services) else ():
            key = self.phase, what, segment.dictionary.texts[int(code)][:MAX_TEXT]
            if key not in self._occurrences and len(self._occurrences) >= MAX_OCCURRENCES:
                key = self.phase, what, OTHER
            self._occurrences[key] += int(count)

    def add_all(self, other: "Counting") -> None:
        """What another process counted of a sealed file."""
        self._spans.update(other._spans)
        for phase, table in other._requests.items():
            self._requests[phase].add_all(table)
        for (phase, what, service), count in other._occurrences.items():
            known = (phase, what, service) in self._occurrences or len(self._occurrences) < MAX_OCCURRENCES
            self._occurrences[phase, what, service if known else OTHER] += count

    def found(self, place: Place, before: int, after: int) -> None:
        """What rules found in a trace, as bits: each counts the first time that it is found there."""
        news = after & ~before
        if news:
            phase = LIVE if self._came_live(place) else BACKLOG
            for rule, bit in RULE_BITS.items():
                if news & bit:
                    self._findings[phase, rule] += 1

    def _came_live(self, place: Place) -> bool:
        """Whether the first span of a trace did. ``place`` is where it lives."""
        return self._live_since is not None and (place[0].number, place[1]) >= self._live_since

    def counts(self) -> Counts:
        return Counts(
            dict(self._spans),
            tuple(row for phase in PHASES for row in self._requests[phase].counts(phase)),
            dict(self._occurrences),
            dict(self._findings),
            max(table.folded_count for table in self._requests.values()),
            MAX_FOLDED,
        )
