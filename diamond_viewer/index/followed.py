"""FollowedTraces: what is wrong over the traces of a person. Visits in which something has changed are looked at when their
traces have been examined; those that could have something wrong are decoded and held against the rules of journeys.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np

from diamond_viewer.diagnosis.diagnose import DEFAULTS, JOURNEY_RULES, diagnose_steps, way_of
from diamond_viewer.diagnosis.finding import Finding, Thresholds, in_order
from diamond_viewer.diagnosis.journey import Journey, joined
from diamond_viewer.diagnosis.visits import STEP_NS, told_once, visits_of
from diamond_viewer.index.answers import Matches
from diamond_viewer.index.cadence import Cadence
from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.departed_traces import DepartedTraces
from diamond_viewer.index.examination import Suspect, in_portions, suspect_of, whole_traces
from diamond_viewer.index.held import HeldTraces
from diamond_viewer.index.journey_suspicion import Sign, accused
from diamond_viewer.index.log_share import LogShare
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.segment import Place, Segment, by_segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.index.told import FOUND_TOGETHER, UNFOLLOWED, WAITING, journey_bits_of
from diamond_viewer.index.visiting import (
    Finished,
    Key,
    Visit,
    VisitKey,
    key_of,
    newest_of,
    signs_of,
    visits_around,
    visits_by_trace,
)
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Carries, Field, Overlaps

MAX_JOURNEYS = 200
ASKED_AT_ONCE = 1_024  # waiting traces of which is asked in which visits they lie, under one hold of the lock: 3 ms
MAX_WAYS = 4_000  # traces that are kept as what they add to a journey: about 10 MiB
MAX_TOGETHER = 20_000  # traces of which it is kept what was found over several
MAX_MOVED = 20_000  # traces that have not been followed since

_NO_NUMBER = -1  # of a window that is no visit

log = logging.getLogger(__name__)

_ByVisit = dict[tuple[str, int], tuple[Finding, ...]]  # user and number of the visit


@dataclass(frozen=True, slots=True)
class _Case:
    """A visit that is suspect. ``steps`` are the traces that any rule has to look at, in order of time; ``charges`` tell which
    rule at which, by their ids; ``last`` are those that tell until when the person was seen, and nothing else."""

    visit: Visit
    steps: tuple[Suspect, ...]
    charges: Mapping[str, tuple[str, ...]]
    last: tuple[str, ...]


class FollowedTraces(HeldTraces):
    def __init__(
        self,
        departed_traces: DepartedTraces,
        metrics: MetricSeries,
        log_share: LogShare,
        thresholds: Thresholds = DEFAULTS,
    ) -> None:
        super().__init__(departed_traces, metrics, log_share)
        self.thresholds = thresholds
        self.follows_people = True
        self._journeys: OrderedDict[tuple[str, tuple[tuple[str, int], ...]], tuple[Finding, ...]] = OrderedDict()
        self._ways: OrderedDict[str, tuple[int, Journey]] = OrderedDict()  # of traces, with the number of their spans
        self._together: OrderedDict[str, _ByVisit] = OrderedDict()  # by trace id
        self._began: OrderedDict[str, set[int]] = (
            OrderedDict()
        )  # traces whose start has moved since, and when they began, ns
        self._cadence = Cadence()

    def follow(self, deadline_ns: int | None = None, query: Query | None = None, now_ns: int = 0) -> bool:
        """Look at visits in which an examined trace has changed; False when more wait than there was time for. With a query
        at those of traces that it could match, without one at those whose time has come (``cadence``). A store that holds only
        some of people's traces looks at none: what is missing there is nobody's fault."""
        if not self.follows_people:
            with self._lock:
                for held in self._segments.values():
                    held.trace_columns()["findings"] &= ~UNFOLLOWED
            return True
        while True:
            with self._lock:
                began_ns = time.monotonic_ns()
                segment, chosen = self._next_unfollowed(query, now_ns)
                if segment is None:
                    return True
                cases, finished = self._acquit(segment, chosen)
                self._cadence.held_for(time.monotonic_ns() - began_ns)
            steps_of_all = {step.trace_id: step for case in cases for step in case.steps if step.lines}
            in_order_of_lines = sorted(steps_of_all.values(), key=lambda step: [line.place for line in step.lines])
            for portion in in_portions(in_order_of_lines):
                self._ways_of(portion)  # neighbours share lines
            for case in cases:
                found = self._found_over(case)
                with self._lock:
                    self._version += self._write_together(case.visit, finished, case.steps, found)
            if deadline_ns is not None and time.monotonic_ns() > deadline_ns:
                return False

    def people_alike(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        """See ``TraceStore``."""
        with self._lock:
            return len(
                {
                    user
                    for trace_id, by_visit in self._together.items()
                    for (user, _), findings in by_visit.items()
                    for one in findings
                    if one.fingerprint == fingerprint and since_ns <= one.time_ns <= until_ns
                    if self._place_of(trace_id) is not None
                }
            )

    def journey(self, user: str, since_ns: int, until_ns: int) -> tuple[Finding, ...]:
        """See ``TraceStore``."""
        with self._lock:
            places = self._places_of(user, since_ns, until_ns)
            key = user, tuple((trace_id_of(*place), _span_count(place)) for place in places)
            kept = self._journeys.get(key)
            if kept is not None:
                return kept
            visit = Visit(user, _NO_NUMBER, places)
            case = self._case_of(visit, signs_of(list(self._segments.values()), [visit]))
        kept = self._found_over(case) if case else ()
        with self._lock:
            self._journeys[key] = kept
            while len(self._journeys) > MAX_JOURNEYS:
                self._journeys.popitem(last=False)
        return kept

    def together(self, trace_id: str) -> tuple[Finding, ...]:
        """What was found over several traces of its people, this one among them. Under the lock."""
        return told_once(finding for found in self._together.get(trace_id, {}).values() for finding in found)

    def found_over(self, matches: Matches, rules: Sequence[str]) -> tuple[Finding, ...]:
        """What was found over several traces of which one matches, newest first; of these rules if any. Under the lock."""
        found: set[Finding] = set()
        for segment, traces in matches:
            told = traces[(segment.traces["findings"][traces] & FOUND_TOGETHER) > 0]
            found.update(finding for trace in told.tolist() for finding in self.together(trace_id_of(segment, trace)))
        wanted = [finding for finding in found if not rules or finding.rule in rules]
        return tuple(sorted(wanted, key=lambda one: (-one.time_ns, one.rule, one.evidence)))

    def _places_of(self, user: str, since_ns: int, until_ns: int) -> tuple[Place, ...]:
        """The user's traces in the window, oldest first; the newest if they are more than can be decoded at once."""
        segments = list(self._segments.values())
        matching = Matching(segments, (Carries(Field.USER, user), Overlaps(since_ns, until_ns)))
        places = [(segment, trace) for segment in segments for trace in matching.traces(segment).tolist()]
        places.sort(key=lambda place: (int(place[0].traces["start_ns"][place[1]]), trace_id_of(*place)))
        return newest_of(places)

    def _next_unfollowed(self, query: Query | None, now_ns: int) -> tuple[Segment | None, Indexes]:
        """The newest segment in which traces wait that have been examined themselves, and some of those."""
        segments = sorted(self._segments.values(), key=lambda segment: -segment.number)
        matching = Matching(segments, query.terms(now_ns)) if query is not None else None
        self._cadence.keep_only(self._segments)
        for segment in segments:
            bits = segment.traces["findings"]
            is_waiting = ((bits & UNFOLLOWED) > 0) & ((bits & WAITING) == 0) & (segment.traces["lives_here"] > 0)
            waiting = np.flatnonzero(is_waiting)
            if matching is not None and len(waiting):
                asked = np.concatenate([matching.traces(segment), matching.undecided(segment)])
                waiting = waiting[np.isin(waiting, asked)]
            elif len(waiting):
                waiting = self._cadence.due(segment.number, waiting, time.monotonic_ns())
            newest = waiting[np.argsort(segment.traces["start_ns"][waiting], kind="stable")[::-1]]
            some = newest[:ASKED_AT_ONCE]
            if matching is None:
                some = self._due(segment, some)
            if len(some) or len(newest) > ASKED_AT_ONCE:  # of those that are left the next hold asks
                return segment, self._in_one_hold(segment, some)
        return None, np.empty(0, np.int64)

    def _in_one_hold(self, segment: Segment, waiting: Indexes) -> Indexes:
        """The first of these traces, as many as the cadence says, and all that lie in no other visits than they: a visit takes
        as long however many of its traces wait."""
        first = waiting[: self._cadence.at_once]
        if len(first) == len(waiting):
            return waiting
        visits = visits_by_trace(segment, waiting)
        looked_at = {visit for trace in first.tolist() for visit in visits.get(trace, ())}
        return np.array([trace for trace in waiting.tolist() if looked_at.issuperset(visits.get(trace, ()))], np.int64)

    def _due(self, segment: Segment, waiting: Indexes) -> Indexes:
        """Those of these traces of which a visit is to be looked at now. The others are postponed until one is."""
        now_ns = time.monotonic_ns()
        visits = visits_by_trace(segment, waiting)
        late = {trace: due_ns for trace, theirs in visits.items() if (due_ns := self._cadence.due_ns(theirs)) > now_ns}
        for trace, due_ns in late.items():
            self._cadence.postpone(segment.number, trace, due_ns)
        return waiting[~np.isin(waiting, list(late))] if late else waiting

    def _acquit(self, segment: Segment, traces: Indexes) -> tuple[list[_Case], Finished]:
        """Those of the visits of these traces that are suspect; all others are done with."""
        segments = list(self._segments.values())
        left = self._visits_left(segment, traces)
        found = visits_around(segments, segment, traces, chain.from_iterable(left.values()))
        signs = signs_of(segments, found)
        finished = Finished.of(found)
        now_ns = time.monotonic_ns()
        cases = []
        for visit in found:
            self._cadence.looked_at((visit.user, visit.number), len(visit.places), now_ns)
            if case := self._case_of(visit, signs):
                cases.append(case)
            else:
                self._version += self._write_together(visit, finished, (), ())
        for trace, visits in left.items():
            self._version += self._withdraw(segment, trace, visits)
        segment.trace_columns()["findings"][traces] &= ~UNFOLLOWED  # also of those that name nobody
        return cases, finished

    @contextmanager
    def _watching_starts(self, homes: Sequence[Place]) -> Iterator[None]:
        """Notes which of these traces begin in another half hour afterwards: they may have left visits, in which others are
        told of together with them. Under the lock."""
        before = [
            (segment, numbers, segment.traces["start_ns"][numbers], segment.traces["span_count"][numbers])
            for segment, _, numbers in by_segment(homes)
        ]
        yield
        for segment, numbers, starts_ns, span_counts in before:
            steps = segment.traces["start_ns"][numbers] // STEP_NS
            for at in np.flatnonzero((starts_ns // STEP_NS != steps) & (span_counts > 0)).tolist():
                trace_id = trace_id_of(segment, int(numbers[at]))
                self._began.setdefault(trace_id, set()).add(int(starts_ns[at]))
                self._began.move_to_end(trace_id)
        while len(self._began) > MAX_MOVED:
            self._began.popitem(last=False)

    def _visits_left(self, segment: Segment, traces: Indexes) -> dict[int, set[VisitKey]]:
        """Of those of these traces whose start has moved the visits in which they do not lie any more."""
        if not self._began:
            return {}
        left = {}
        for trace, visits in visits_by_trace(segment, traces).items():
            began_ns = self._began.pop(trace_id_of(segment, trace), None)
            if began_ns:
                users = {user for user, _ in visits}
                before = {(user, number) for user in users for start in began_ns for number in visits_of(start)}
                left[trace] = before.difference(visits)
        return left

    def _withdraw(self, segment: Segment, trace: int, visits: Iterable[VisitKey]) -> bool:
        """What was found over a trace and others in visits which it has left. True when another thing is said of it now."""
        trace_id = trace_id_of(segment, trace)
        for visit in visits:
            self._remember(trace_id, visit, ())
        return self._tell_together(segment, trace)

    def _case_of(self, visit: Visit, signs: Mapping[Key, Sequence[Sign]]) -> _Case | None:
        places = visit.places
        numbers = {key_of(place): number for number, place in enumerate(places)}
        together = sorted(sign._replace(trace=numbers[key]) for key in numbers for sign in signs[key])
        charges = accused(together, self.thresholds)
        if not charges:
            return None
        ends = [int(segment.traces["end_ns"][trace]) for segment, trace in places]
        last = {len(places) - 1, ends.index(max(ends))}
        wanted = {rule: sorted(traces) if traces else range(len(places)) for rule, traces in charges.items()}
        chosen = sorted(last.union(*wanted.values()))
        steps = tuple(self._step(places[place]) for place in chosen)
        ids = {place: trace_id_of(*places[place]) for place in chosen}
        told = {rule: tuple(ids[place] for place in theirs) for rule, theirs in wanted.items()}
        return _Case(visit, steps, told, tuple(ids[place] for place in last))

    def _found_over(self, case: _Case) -> tuple[Finding, ...]:
        """Each rule is asked about the traces it has to look at. One that stumbles costs what is said of this visit."""
        try:
            ways = self._ways_of(case.steps)
            seen_until = [Journey((), (), ways[one].end_ns) for one in case.last if one in ways]
            return in_order(
                finding
                for rule in JOURNEY_RULES
                if rule.name in case.charges
                for finding in diagnose_steps(
                    joined([*seen_until, *(ways[one] for one in case.charges[rule.name] if one in ways)]),
                    self.thresholds,
                    (rule,),
                )
            )
        except Exception:
            first = case.steps[0].trace_id
            log.exception("The rules stumbled over the traces around %s; nothing is said of them.", first)
            return ()

    def _ways_of(self, steps: Sequence[Suspect]) -> dict[str, Journey]:
        """What each of these traces adds to a way, by trace id. Each is decoded once, as long as it does not grow."""
        with self._lock:
            known = {step.trace_id: self._ways.get(step.trace_id) for step in steps}
            missing = [
                step if step.lines else suspect_of(step.place)
                for step in steps
                if (kept := known[step.trace_id]) is None or kept[0] != step.span_count
            ]
        ways = {trace_id: kept[1] for trace_id, kept in known.items() if kept is not None}
        for step, trace in zip(missing, whole_traces(missing, self._cut_lines), strict=True):
            ways[step.trace_id] = way_of(trace)
        with self._lock:
            for step in missing:
                self._ways[step.trace_id] = step.span_count, ways[step.trace_id]
                self._ways.move_to_end(step.trace_id)
            while len(self._ways) > MAX_WAYS:
                self._ways.popitem(last=False)
        return ways

    def _step(self, place: Place) -> Suspect:
        """Without its lines where it is known what the trace adds to a way. Under the lock."""
        segment, trace = place
        trace_id, span_count = trace_id_of(segment, trace), _span_count(place)
        kept = self._ways.get(trace_id)
        if kept is None or kept[0] != span_count:
            return suspect_of(place)
        self._ways.move_to_end(trace_id)
        return Suspect(place, trace_id, span_count, ())

    def _write_together(
        self, visit: Visit, finished: Finished, steps: Sequence[Suspect], found: tuple[Finding, ...]
    ) -> bool:
        """True when another thing is said of a trace of the visit than before. Under the lock."""
        of_trace: dict[str, tuple[Finding, ...]] = {}
        for finding in found:
            for trace_id in finding.trace_ids:
                of_trace[trace_id] = (*of_trace.get(trace_id, ()), finding)
        told = {key_of(step.place) for step in steps if step.trace_id in of_trace}
        grown = {key_of(step.place) for step in steps if step.has_changed}
        has_news = False
        for segment, _, traces in by_segment(visit.places):
            findings = segment.trace_columns()["findings"]
            before = findings[traces]
            is_told = [(segment.number, trace) in told for trace in traces.tolist()]
            for trace in traces[is_told | (before & FOUND_TOGETHER > 0)].tolist():
                trace_id = trace_id_of(segment, trace)
                self._remember(trace_id, (visit.user, visit.number), of_trace.get(trace_id, ()))
                has_news |= self._tell_together(segment, trace)
            is_done = (before & WAITING == 0) & finished.are_among(segment, traces, visit.user)
            if grown:
                is_done &= [(segment.number, trace) not in grown for trace in traces.tolist()]
            findings[traces[is_done]] &= ~UNFOLLOWED
        return has_news

    def _tell_together(self, segment: Segment, trace: int) -> bool:
        """Write down what is remembered of a trace; True when that is something else than before. Under the lock."""
        findings = segment.trace_columns()["findings"]
        bits = findings[trace]
        findings[trace] = bits & ~FOUND_TOGETHER | journey_bits_of(self.together(trace_id_of(segment, trace)))
        is_news = bool((bits ^ findings[trace]) & FOUND_TOGETHER)
        if is_news:
            segment.summaries.pop(trace, None)
        return is_news

    def _remember(self, trace_id: str, visit: tuple[str, int], found: tuple[Finding, ...]) -> None:
        by_visit = {**self._together.pop(trace_id, {}), visit: found}
        kept = {one: findings for one, findings in by_visit.items() if findings}
        if kept:
            self._together[trace_id] = kept
            while len(self._together) > MAX_TOGETHER:
                self._together.popitem(last=False)


def _span_count(place: Place) -> int:
    segment, trace = place
    return int(segment.traces["span_count"][trace])
