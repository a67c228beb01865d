"""Which traces wait to be examined, and what becomes of them: innocents are passed by their columns, suspects are decoded and
held against all rules.

The store's lock is held to choose traces and to write down what was found, not while they are decoded.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS, Diagnosis, diagnose, diagnosis_of
from diamond_viewer.diagnosis.finding import Finding, Thresholds
from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.cut_lines import CutLines
from diamond_viewer.index.opening import read_shared
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.index.suspicion import suspects
from diamond_viewer.index.told import FOUND_ALONE, RULE_FLAGS, WAITING, bits_of, flags_of
from diamond_viewer.telemetry.model import Span, Trace, TraceSummary

MAX_SPANS = MAX_EXAMINED_SPANS
SPANS_AT_ONCE = 4_000  # decoded between two looks at the clock: about 0.1 s; fewer would share less of their lines

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A trace that is to be decoded, and where its lines are. ``span_count`` is what it had when it was chosen."""

    place: Place
    trace_id: str
    span_count: int
    lines: tuple[Excerpt, ...]

    @property
    def has_changed(self) -> bool:
        segment, trace = self.place
        return int(segment.traces["span_count"][trace]) != self.span_count


def waiting_in(segment: Segment) -> Indexes:
    """Traces that live here and have changed since they were last examined, newest start first."""
    traces = segment.traces
    waiting = np.flatnonzero((traces["findings"] & WAITING > 0) & (traces["lives_here"] > 0))
    return waiting[np.argsort(traces["start_ns"][waiting], kind="stable")[::-1]]


def arraign(segment: Segment, traces: Sequence[int], thresholds: Thresholds) -> list[Suspect]:
    """The suspects among these; all others are done with. Under the store's lock."""
    suspected = suspects(segment, traces, thresholds)
    suspected &= segment.traces["span_count"][traces] <= MAX_SPANS
    innocent = np.asarray(traces)[~suspected]
    columns = segment.trace_columns()
    columns["findings"][innocent] &= ~WAITING
    for trace in innocent.tolist():
        segment.summaries.pop(trace, None)
    for trace in innocent[(columns["findings"][innocent] & FOUND_ALONE) > 0].tolist():
        write_down((segment, trace), ())  # something was found in it before it grew
    found = [suspect_of((segment, trace)) for trace in np.asarray(traces)[suspected].tolist()]
    return sorted(found, key=lambda suspect: [line.place for line in suspect.lines])  # neighbours share lines


def suspect_of(place: Place) -> Suspect:
    segment, trace = place
    lines = []
    for part, number in segment.places_of(trace):
        found = sorted(set(part.spans["line"][part.rows_of(number)].tolist()))
        lines += [part.originals.excerpt(line) for line in found]
    return Suspect(place, trace_id_of(segment, trace), int(segment.traces["span_count"][trace]), tuple(lines))


def in_portions(suspects: Sequence[Suspect]) -> Iterator[list[Suspect]]:
    """So many at a time that the clock can be looked at between them; neighbours mostly lie on the same lines."""
    portion: list[Suspect] = []
    span_count = 0
    for suspect in suspects:
        if portion and span_count + suspect.span_count > SPANS_AT_ONCE:
            yield portion
            portion, span_count = [], 0
        portion.append(suspect)
        span_count += suspect.span_count
    if portion:
        yield portion


def whole_traces(wanted: Sequence[Suspect], cut_lines: CutLines) -> list[Trace]:
    """Decoded in full; each line is read once, however many of the traces lie on it."""
    spans: dict[str, list[Span]] = {suspect.trace_id: [] for suspect in wanted}
    for line, text, trace_ids in read_shared((suspect.trace_id, suspect.lines) for suspect in wanted):
        try:
            for span in cut_lines.spans_of(line, text, trace_ids):
                spans[span.trace_id].append(span)
        except msgspec.DecodeError:
            continue  # nested deeper than anything that can be shown
    return [_whole(suspect, spans[suspect.trace_id]) for suspect in wanted]


def findings_of(wanted: Sequence[Suspect], cut_lines: CutLines, thresholds: Thresholds) -> list[tuple[Finding, ...]]:
    """In the order of ``wanted``. A rule that stumbles over a trace costs what is said of that one, and never the others."""
    return [_unless_it_stumbles(diagnose, trace, thresholds, ()) for trace in whole_traces(wanted, cut_lines)]


def diagnoses_of(wanted: Sequence[Suspect], cut_lines: CutLines, thresholds: Thresholds) -> list[Diagnosis]:
    """Likewise, with the flows."""
    nothing = Diagnosis()
    return [_unless_it_stumbles(diagnosis_of, trace, thresholds, nothing) for trace in whole_traces(wanted, cut_lines)]


def found_in(place: Place) -> int:
    """What has been found in the trace alone so far, as bits."""
    segment, trace = place
    return int(segment.traces["findings"][trace] & FOUND_ALONE)


def write_down(place: Place, findings: tuple[Finding, ...]) -> bool:
    """The trace is examined; True when another thing is said of it than before. Under the store's lock."""
    segment, trace = place
    columns = segment.trace_columns()
    before, bits = found_in(place), bits_of(findings)
    columns["findings"][trace] = columns["findings"][trace] & ~(WAITING | FOUND_ALONE) | np.uint64(bits)
    segment.summaries.pop(trace, None)
    if before == bits == 0:
        return False
    segment.told.tell(trace, findings, before > 0)
    columns["flags"][trace] &= ~RULE_FLAGS
    columns["flags"][trace] |= flags_of(columns["findings"][trace : trace + 1])[0]
    return before != bits


def _unless_it_stumbles(ask: Callable[[Trace, Thresholds], T], trace: Trace, thresholds: Thresholds, nothing: T) -> T:
    try:
        return ask(trace, thresholds)
    except Exception:
        log.exception("The rules stumbled over trace %s; nothing is said of it.", trace.trace_id)
        return nothing


def _whole(suspect: Suspect, spans: list[Span]) -> Trace:
    if len(spans) != suspect.span_count:  # a line was kept for its news, but repeats some spans of another
        spans = list({repr(span): span for span in spans}.values())
    unsaid = TraceSummary(suspect.trace_id, "", "", (), 0, 0, len(spans), 0, 0, (), (), 0)  # no rule reads it
    return Trace(unsaid, tuple(spans))
