"""Looking through compressed originals for what no column knows: newest first, for as long as one is given, and each line at
most once for each condition. What was found stays with the segment, so that asking again goes on where the last one stopped.

The store's lock is held to see which lines are wanted and to write down what was found, not to read them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import msgspec
import numpy as np

from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.needles import Haystack, Wanted, may_hold, needles_of
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.evidence import fulfils
from diamond_viewer.query.terms import Condition, Term
from diamond_viewer.telemetry.otlp_cuts import promising_spans

LINES_AT_ONCE = 32  # between two holds of the lock

Wish = tuple[Segment, int, tuple[Condition, ...]]  # segment, line, what to look for on it


@dataclass(frozen=True, slots=True)
class _Reading:
    """One line, and what was found on it: ids of traces for each condition."""

    segment: Segment
    line: int
    conditions: tuple[Condition, ...]
    excerpt: Excerpt


def scan(
    lock: AbstractContextManager[object],
    segments: Callable[[], Sequence[Segment]],
    terms: Sequence[Term],
    budget_ns: int,
) -> None:
    """Look until every trace is decided or the time is used up; at least some lines are read whatever the budget."""
    deadline_ns = time.monotonic_ns() + budget_ns
    while wishes := _wishes(lock, segments, terms):
        waiting = iter(wishes)
        while some := list(islice(waiting, LINES_AT_ONCE)):
            with lock:
                readings = [_Reading(*wish, wish[0].originals.excerpt(wish[1])) for wish in some]
            found = []
            for reading, hits in _read(readings):
                found.append((reading, hits))
                if time.monotonic_ns() > deadline_ns:
                    break
            with lock:
                for reading, hits in found:
                    _write_down(reading, hits)
            if time.monotonic_ns() > deadline_ns:
                return


def _wishes(
    lock: AbstractContextManager[object], segments: Callable[[], Sequence[Segment]], terms: Sequence[Term]
) -> list[Wish]:
    """All lines that have to be read, newest first."""
    with lock:
        held = sorted(segments(), key=lambda segment: -segment.number)
        matching = Matching(held, terms)
        if not matching.scanned_conditions:
            return []
        undecided = {segment.number: matching.undecided(segment) for segment in held}
        return [wish for segment in held for wish in _wishes_of(segment, matching, undecided)]


def _wishes_of(segment: Segment, matching: Matching, undecided: dict[int, Indexes]) -> Iterator[Wish]:
    traces = np.zeros(segment.traces.size, bool)
    traces[undecided[segment.number]] = True
    _mark_guests(segment, traces, undecided)
    if not traces.any():
        return
    is_theirs = traces[segment.spans["trace"]]
    wanted: dict[int, list[Condition]] = {}
    for condition in matching.scanned_conditions:
        rows = matching.open_rows(segment, condition) & is_theirs
        for line in np.unique(segment.spans["line"][rows]).tolist():
            wanted.setdefault(line, []).append(condition)
    for line in sorted(wanted, reverse=True):
        yield segment, line, tuple(wanted[line])


def _mark_guests(segment: Segment, traces: Mask, undecided: dict[int, Indexes]) -> None:
    homes = {number: set(found.tolist()) for number, found in undecided.items() if len(found) and segment.homes}
    for guest, (home, number) in segment.homes.items():
        traces[guest] = number in homes.get(home.number, ())


def _read(readings: Sequence[_Reading]) -> Iterator[tuple[_Reading, dict[Condition, set[str]]]]:
    wanted = {condition: needles_of(condition) for reading in readings for condition in reading.conditions}
    block, haystack, last = b"", Haystack(b""), None
    for reading in readings:
        if last is None or not reading.excerpt.shares_block_with(last.excerpt):
            block = reading.excerpt.read_block()
            haystack = Haystack(block)
            last = reading
        promising = [condition for condition in reading.conditions if haystack.left_over(wanted[condition]) is None]
        line = reading.excerpt.cut(block) if promising else b""
        yield reading, {condition: _trace_ids(line, condition, wanted[condition]) for condition in promising}


def _trace_ids(line: bytes, condition: Condition, wanted: Wanted) -> set[str]:
    """The traces with a span on the line that fulfils the condition."""
    haystack = Haystack(line)
    if haystack.left_over(wanted) is not None:
        return set()
    left_below: dict[tuple[bytes, bytes], Wanted] = {}  # a scope and its resource: what its spans must bring

    def promises(span: bytes, scope: bytes, resource: bytes) -> bool:
        around = (scope, resource)
        if around not in left_below:
            left_below[around] = Haystack(scope).left_over(Haystack(resource).left_over(wanted))
        return haystack.is_odd or may_hold(span, left_below[around])

    found: set[str] = set()
    try:
        for span in promising_spans(line, promises, found):
            if fulfils(span, condition):
                found.add(span.trace_id)
    except msgspec.DecodeError:
        pass  # nested deeper than anything that can be shown
    return found


def _write_down(reading: _Reading, hits: dict[Condition, set[str]]) -> None:
    segment, line = reading.segment, reading.line
    numbers: dict[str, int] = {}
    if any(hits.values()):
        traces = np.unique(segment.spans["trace"][segment.spans["line"] == line])
        highs, lows = segment.traces["high"][traces].tolist(), segment.traces["low"][traces].tolist()
        numbers = {f"{high:016x}{low:016x}": int(n) for high, low, n in zip(highs, lows, traces, strict=True)}
    for condition in reading.conditions:
        found = segment.remembered.of(condition)
        found.scanned(segment.originals.line_count)[line] = True
        # a span that repeats one of another line has no row here: it is found there
        theirs = [numbers[trace_id] for trace_id in hits.get(condition, ()) if trace_id in numbers]
        found.traces(segment.traces.size)[theirs] = True
