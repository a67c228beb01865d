"""Terms -> the traces that match them. Values are looked up in postings, figures compared as columns; what stands only in the
originals is answered by what was found there so far (``scanning``), and stays open where nobody has looked yet.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.row_masks import Answer, compared, known, needs_originals, passing, row_answer
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.told import CHANGED, FOUND, FOUND_ALONE, FOUND_TOGETHER, WAITING
from diamond_viewer.query.terms import (
    ANY_RULE,
    PLAIN_TERMS,
    AllOf,
    AnyOf,
    Carries,
    CarriesLike,
    Condition,
    Figure,
    HasFinding,
    HasFlag,
    LastsBetween,
    Not,
    OnOneSpan,
    Overlaps,
    PlainTerm,
    Term,
    TraceCounts,
    TraceIs,
    TraceNamed,
)
from diamond_viewer.telemetry.rules import RULE_BITS

_NONE: Indexes = np.empty(0, np.int64)
_COUNTS = {Figure.SPANS: "span_count", Figure.ERRORS: "error_count", Figure.EVENTS: "event_count"}


class Matching:
    """All terms against all segments, as they are now: used under the store's lock and not kept."""

    def __init__(self, segments: Sequence[Segment], terms: Sequence[Term]) -> None:
        self._segments = segments
        flat = list(_flattened(terms))
        self._plain: list[PlainTerm] = [term for term in flat if isinstance(term, PLAIN_TERMS)]
        self._others = [term for term in flat if not isinstance(term, PLAIN_TERMS)]
        self._answers: dict[int, Answer] = {}
        self._on_spans: dict[Condition, dict[int, Answer]] = {}
        self.scanned_conditions = tuple(
            dict.fromkeys(leaf for term in self._others for leaf in _conditions(term) if needs_originals(leaf))
        )
        self.asks_for_findings = any(_asks_for_findings(term) for term in self._others)

    @property
    def may_be_undecided(self) -> bool:
        """Whether somebody may have to look through originals, or examine traces, before every trace is decided."""
        return bool(self.scanned_conditions) or self.asks_for_findings

    def traces(self, segment: Segment) -> Indexes:
        """Numbers of the traces that live in the segment and surely match, ascending."""
        chosen = matching_traces(segment, self._plain)
        return chosen[self._others_answer(segment).surely[chosen]] if self._others and len(chosen) else chosen

    def undecided(self, segment: Segment) -> Indexes:
        """Those that may match or not: somebody must look through originals."""
        if not self.may_be_undecided:
            return _NONE
        chosen = matching_traces(segment, self._plain)
        if not len(chosen):
            return chosen
        answer = self._others_answer(segment)
        return chosen[(answer.possibly & ~answer.surely)[chosen]]

    def open_rows(self, segment: Segment, condition: Condition) -> Mask:
        """Rows that may fulfil the condition and lie on lines that nobody has looked through for it."""
        answer = row_answer(segment, condition)
        scanned = segment.remembered.of(condition).scanned(segment.originals.line_count)
        return answer.possibly & ~answer.surely & ~scanned[segment.spans["line"]]

    def _others_answer(self, segment: Segment) -> Answer:
        if segment.number not in self._answers:
            self._answers[segment.number] = self._answer(segment, AllOf(tuple(self._others)))
        return self._answers[segment.number]

    def _answer(self, segment: Segment, term: Term) -> Answer:
        """Masks over the traces of the segment; those of guests mean nothing."""
        if isinstance(term, AllOf | AnyOf):
            answer = self._answer(segment, term.terms[0])
            for part in term.terms[1:]:
                other = self._answer(segment, part)
                answer = answer & other if isinstance(term, AllOf) else answer | other
            return answer
        if isinstance(term, Not):
            return ~self._answer(segment, term.term)
        if isinstance(term, OnOneSpan):
            return self._on_one_span(term.condition)[segment.number]
        if isinstance(term, HasFinding):
            return _found_by(segment, term)
        return known(_mask(segment, term))

    def _on_one_span(self, condition: Condition) -> dict[int, Answer]:
        """By segment number. A trace is answered where it lives, for its rows in all segments."""
        if condition not in self._on_spans:
            answers = {segment.number: self._local(segment, condition) for segment in self._segments}
            for segment in self._segments:
                guests = answers[segment.number].possibly & (segment.traces["lives_here"] == 0)
                for guest in np.flatnonzero(guests).tolist():
                    if home := segment.homes.get(guest):
                        at_home = answers[home[0].number]
                        at_home.surely[home[1]] |= answers[segment.number].surely[guest]
                        at_home.possibly[home[1]] = True
            self._on_spans[condition] = answers
        return self._on_spans[condition]

    def _local(self, segment: Segment, condition: Condition) -> Answer:
        answer = row_answer(segment, condition)
        surely = _any_row(segment, answer.surely)
        if not needs_originals(condition):
            return Answer(surely, surely.copy())
        found = segment.remembered.of(condition)
        surely |= found.traces(segment.traces.size)
        scanned = found.scanned(segment.originals.line_count)
        if scanned.all():
            return Answer(surely, surely.copy())
        open_rows = answer.possibly & ~answer.surely & ~scanned[segment.spans["line"]]
        return Answer(surely, surely | _any_row(segment, open_rows))


def matching_traces(segment: Segment, terms: Sequence[PlainTerm]) -> Indexes:
    """Numbers of the traces that live in the segment and match every term, ascending. Values are looked up, not scanned for."""
    if not segment.is_open and segment.extent.misses_any(terms):
        return _NONE
    chosen: Indexes | None = None
    for carries in (term for term in terms if isinstance(term, Carries)):
        code = segment.dictionary.find(carries.value)
        if code is None:
            return _NONE
        found = segment.postings.find(carries.field, code)
        chosen = found if chosen is None else found[_of_traces(segment, chosen)[found]]
        if not len(chosen):
            return _NONE
    if chosen is None:
        chosen = np.flatnonzero(segment.traces["lives_here"])
    for term in terms:
        if not isinstance(term, Carries) and len(chosen):
            chosen = chosen[_holds(segment, term, chosen)]
    return chosen


def _holds(segment: Segment, term: HasFlag | LastsBetween | Overlaps, traces: Indexes) -> Column:
    columns = segment.traces
    if isinstance(term, HasFlag):
        has_flag: Column = (columns["flags"][traces] & np.uint32(term.flag.value)) > 0
        return has_flag if term.wanted else ~has_flag
    start_ns, end_ns = columns["start_ns"][traces], columns["end_ns"][traces]
    holds = np.ones(len(traces), bool)
    if isinstance(term, LastsBetween):
        duration_ns = end_ns - start_ns
        if term.low_ns is not None:
            holds &= duration_ns >= term.low_ns
        if term.high_ns is not None:
            holds &= duration_ns <= term.high_ns
    else:
        if term.since_ns is not None:
            holds &= end_ns >= min(term.since_ns, 2**63 - 1)
        if term.until_ns is not None:
            holds &= start_ns <= min(term.until_ns, 2**63 - 1)
    return holds


def _flattened(terms: Sequence[Term]) -> Iterator[Term]:
    for term in terms:
        if isinstance(term, AllOf):
            yield from _flattened(term.terms)
        else:
            yield term


def _conditions(term: Term) -> Iterator[Condition]:
    if isinstance(term, AllOf | AnyOf):
        for part in term.terms:
            yield from _conditions(part)
    elif isinstance(term, Not):
        yield from _conditions(term.term)
    elif isinstance(term, OnOneSpan):
        yield term.condition


def _asks_for_findings(term: Term) -> bool:
    if isinstance(term, AllOf | AnyOf):
        return any(map(_asks_for_findings, term.terms))
    return _asks_for_findings(term.term) if isinstance(term, Not) else isinstance(term, HasFinding)


def _found_by(segment: Segment, term: HasFinding) -> Answer:
    """What waits to be examined (again) may have the finding or not."""
    columns = segment.traces
    wanted = FOUND if term.rule == ANY_RULE else np.uint64(RULE_BITS[term.rule])
    wanted &= FOUND_ALONE if term.alone else FOUND
    waiting = CHANGED if wanted & FOUND_TOGETHER else WAITING  # visits are looked at when their traces have been
    found: Mask = (columns["findings"] & wanted) > 0
    return Answer(found, found | ((columns["findings"] & waiting) > 0))


def _mask(segment: Segment, term: Term) -> Mask:
    """Over the traces of the segment, for a term that columns and postings answer."""
    columns = segment.traces
    if isinstance(term, CarriesLike):
        codes = segment.remembered.passing(term.test, segment.dictionary.texts)
        return _of_traces(segment, segment.postings.find_any(term.field, codes))
    if isinstance(term, TraceCounts):
        if term.figure is Figure.DURATION:
            return compared(columns["end_ns"] - columns["start_ns"], term.test)
        return compared(columns[_COUNTS[term.figure]], term.test)
    if isinstance(term, TraceNamed):
        return passing(segment, term.test, columns["name"])
    if isinstance(term, TraceIs):
        high, low = (np.uint64(int(half, 16)) for half in (term.trace_id[:16], term.trace_id[16:]))
        is_it: Mask = (columns["high"] == high) & (columns["low"] == low)
        return is_it
    if isinstance(term, PLAIN_TERMS):
        return _of_traces(segment, matching_traces(segment, [term]))
    raise AssertionError(f"{term!r} does not speak of a trace.")


def _of_traces(segment: Segment, traces: Indexes) -> Mask:
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    return mask


def _any_row(segment: Segment, rows: Mask) -> Mask:
    return _of_traces(segment, segment.spans["trace"][rows])
