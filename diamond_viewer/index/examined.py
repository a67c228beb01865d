"""ExaminedTraces: what is wrong with the traces that are held. They are examined once they have come to rest, newest first, at
quiet moments; those that somebody asks for at once. Their people's visits follow.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diamond_viewer.diagnosis.diagnose import DEFAULTS, Diagnosis
from diamond_viewer.diagnosis.finding import Finding, Thresholds
from diamond_viewer.diagnosis.found import FoundFinding, FoundPage
from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.counting import Counting
from diamond_viewer.index.departed_traces import DepartedTraces
from diamond_viewer.index.examination import (
    MAX_SPANS,
    Suspect,
    arraign,
    diagnoses_of,
    findings_of,
    found_in,
    in_portions,
    suspect_of,
    waiting_in,
    write_down,
)
from diamond_viewer.index.followed import FollowedTraces
from diamond_viewer.index.found import alike_count, newest_findings
from diamond_viewer.index.log_share import LogShare
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.told import bits_of
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.counts import Counts

# while nobody asks: who does something each second is looked at once for several of these
FOLLOW_EVERY_NS = 2_000_000_000
AT_ONCE = 1_000  # traces whose columns are looked at under one hold of the lock: about 10 ms
# a trace that has not grown for so long has come to rest; its parts come with the exporters' batches
REST_NS = 700_000_000
MAX_KEPT = 4_000  # diagnoses: about 10 MiB
EXAMINE_NS = 200_000_000  # spent on examining before a search for findings answers with what is known


@dataclass(slots=True)
class _Growth:
    """A trace that is still growing. ``due_ns``: it is examined then all the same, and after twice as long again."""

    span_count: int
    since_ns: int
    due_ns: int
    patience_ns: int = 2 * REST_NS


class ExaminedTraces(FollowedTraces):
    def __init__(
        self,
        departed_traces: DepartedTraces,
        metrics: MetricSeries,
        log_share: LogShare,
        thresholds: Thresholds = DEFAULTS,
    ) -> None:
        super().__init__(departed_traces, metrics, log_share, thresholds)
        self._oldest = min(self._segments)  # segment, when diagnoses were kept last
        self._growing: dict[tuple[int, int], _Growth] = {}
        self._diagnoses: OrderedDict[str, tuple[int, Diagnosis]] = OrderedDict()  # with the number of spans examined
        self._counting = Counting()
        self._follow_again_ns = 0

    @property
    def is_followed(self) -> bool:
        return True

    def examine(self, budget_ns: int | None = None, query: Query | None = None, now_ns: int = 0) -> bool:
        """Examine traces that wait for it; False when more do than there was time for.

        With a query all that it could match, whether or not they have come to rest; else those that have.
        """
        deadline_ns = None if budget_ns is None else time.monotonic_ns() + budget_ns
        while True:
            with self._lock:
                segment, chosen = self._next(query, now_ns)
                waiting = arraign(segment, chosen.tolist(), self.thresholds) if segment is not None else []
                self._version += segment is not None  # a list may show more of the innocent as well, now that they rest
            if segment is None:
                is_in_passing = deadline_ns is not None and query is None
                if is_in_passing and time.monotonic_ns() < self._follow_again_ns:
                    return True
                has_followed = self.follow(deadline_ns, query, now_ns)
                if is_in_passing and has_followed:
                    self._follow_again_ns = time.monotonic_ns() + FOLLOW_EVERY_NS
                return has_followed
            for portion in in_portions(waiting):
                told = (
                    self._told(portion) if segment.is_open else findings_of(portion, self._cut_lines, self.thresholds)
                )
                with self._lock:
                    for suspect, findings in zip(portion, told, strict=True):
                        if not suspect.has_changed:  # else it waits on
                            self._counting.found(suspect.place, found_in(suspect.place), bits_of(findings))
                            self._version += write_down(suspect.place, findings)
                if deadline_ns is not None and time.monotonic_ns() > deadline_ns:
                    return False

    def counts(self) -> Counts:
        """See ``CountingStore``."""
        with self._lock:
            self._counting.catch_up(self._open)
            return self._counting.counts()

    def diagnoses(self, trace_ids: Sequence[str], span_budget: int = MAX_SPANS) -> dict[str, Diagnosis]:
        """See ``TraceStore``."""
        found: dict[str, Diagnosis] = {}
        missing = []
        with self._lock:
            for trace_id, place in self._held_places(trace_ids).items():
                span_count = int(place[0].traces["span_count"][place[1]])
                kept = self._diagnoses.get(trace_id)
                is_stale = kept is None or kept[0] != span_count
                if is_stale and span_count <= span_budget:
                    span_budget -= span_count
                    missing.append(suspect_of(place))
                elif kept is not None:
                    self._diagnoses.move_to_end(trace_id)
                    found[trace_id] = kept[1]
        found |= self._diagnose(missing)
        with self._lock:
            over = {trace_id: self.together(trace_id) for trace_id in found}
        return {one: replace(said, journey=over[one]) if over[one] else said for one, said in found.items()}

    def _told(self, portion: Sequence[Suspect]) -> list[tuple[Finding, ...]]:
        """What is found in traces that somebody may be looking at. Diagnoses are kept, and those kept are not made again."""
        with self._lock:
            if (oldest := min(self._segments)) != self._oldest:  # spans have left: as many may be others now
                self._diagnoses.clear()
                self._oldest = oldest
            kept = {one.trace_id: self._diagnoses.get(one.trace_id) for one in portion}
        known = {
            one.trace_id: held[1]
            for one in portion
            if (held := kept[one.trace_id]) is not None and held[0] == one.span_count
        }
        known |= self._diagnose([one for one in portion if one.trace_id not in known])
        return [known[one.trace_id].findings for one in portion]

    def _diagnose(self, missing: Sequence[Suspect]) -> dict[str, Diagnosis]:
        found: dict[str, Diagnosis] = {}
        for portion in in_portions(missing):
            made = diagnoses_of(portion, self._cut_lines, self.thresholds)
            with self._lock:
                for suspect, diagnosis in zip(portion, made, strict=True):
                    found[suspect.trace_id] = diagnosis
                    self._diagnoses[suspect.trace_id] = suspect.span_count, diagnosis
                while len(self._diagnoses) > MAX_KEPT:
                    self._diagnoses.popitem(last=False)
        return found

    def findings(self, query: Query, now_ns: int) -> FoundPage:
        """See ``TraceStore``."""
        super()._scan(query, now_ns, EXAMINE_NS)
        is_complete = self.examine(EXAMINE_NS, query, now_ns)
        with self._lock:
            segments = list(self._segments.values())
            matching = Matching(segments, query.terms(now_ns))
            matches = [(segment, matching.traces(segment)) for segment in segments]
            is_complete &= not any(len(matching.undecided(segment)) for segment in segments)
            first = (query.page - 1) * query.limit
            page, total = newest_findings(matches, query.values("finding"), first, query.limit)
            over = self.found_over(matches, query.values("finding"))[: query.limit]
            version = self._version
        known = self.diagnoses([one.trace_id for one in page], 2**62)
        found = []
        for one in page:
            said = known.get(one.trace_id, Diagnosis()).findings
            found += [FoundFinding(it, one.alike) for it in said if it.fingerprint == one.fingerprint]
        return FoundPage(tuple(found), total, version, is_complete, over)

    def similar(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        """See ``TraceStore``."""
        with self._lock:
            return alike_count(self._segments.values(), fingerprint, since_ns, until_ns)

    def _scan(self, query: Query, now_ns: int, budget_ns: int) -> None:
        if _asks_for_findings(query, now_ns):
            self.examine(min(budget_ns, EXAMINE_NS), query, now_ns)
        super()._scan(query, now_ns, budget_ns)

    def _next(self, query: Query | None, now_ns: int) -> tuple[Segment | None, Indexes]:
        """The newest segment in which traces wait, and some of those."""
        segments = sorted(self._segments.values(), key=lambda segment: -segment.number)
        matching = Matching(segments, query.terms(now_ns)) if query is not None else None
        for segment in segments:
            waiting = waiting_in(segment)
            if matching is not None and len(waiting):
                asked = np.concatenate([matching.traces(segment), matching.undecided(segment)])
                waiting = waiting[np.isin(waiting, asked)]
            elif len(waiting):
                waiting = self._at_rest(segment, waiting)
            if len(waiting):
                return segment, waiting[:AT_ONCE]
        return None, np.empty(0, np.int64)

    def _at_rest(self, segment: Segment, waiting: Indexes) -> Indexes:
        """Traces of a packed segment rest, unless parts of them come to younger ones."""
        if not segment.is_open and not segment.guests:
            self._forget_growth(segment)
            return waiting
        now_ns = time.monotonic_ns()
        counts = segment.traces["span_count"][waiting].tolist()
        rested = []
        for trace, count in zip(waiting.tolist(), counts, strict=True):
            if not segment.is_open and trace not in segment.guests:
                self._growing.pop((segment.number, trace), None)
                rested.append(trace)
                continue
            growth = self._growing.setdefault((segment.number, trace), _Growth(count, now_ns, now_ns + 2 * REST_NS))
            if growth.span_count != count:
                growth.span_count, growth.since_ns = count, now_ns
            if now_ns - growth.since_ns >= REST_NS:
                del self._growing[segment.number, trace]
                rested.append(trace)
            elif now_ns >= growth.due_ns:
                growth.patience_ns *= 2
                growth.due_ns = now_ns + growth.patience_ns
                rested.append(trace)
        return np.array(rested, np.int64)

    def _forget_growth(self, packed: Segment) -> None:
        """Of its traces, which rest by themselves now, and of those of segments that have left."""
        self._growing = {
            place: growth
            for place, growth in self._growing.items()
            if place[0] in self._segments and place[0] != packed.number
        }


def _asks_for_findings(query: Query, now_ns: int) -> bool:
    return Matching([], query.terms(now_ns)).asks_for_findings
