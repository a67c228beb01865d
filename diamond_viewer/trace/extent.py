"""When each row of a trace began and ended, as far as it can be told. What cannot be told is said in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from diamond_viewer.telemetry.sketch import AnySpan
from diamond_viewer.telemetry.units import format_duration
from diamond_viewer.trace.tree import Row

LAST_TIME_NS = 2**63 - 1  # April 2262: what lies beyond was never a clock (2**64 - 1 is "no value" in many producers)
SKEW_NS = 50_000_000  # earlier than its parent by this much is worth a word; clocks of a millisecond are not


class Extent(msgspec.Struct, frozen=True, gc=False):
    """``end_ns`` is never before ``start_ns``; both are 0 when the whole trace has no time at all."""

    start_ns: int
    end_ns: int
    problems: tuple[str, ...] = ()

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Scale:
    """The time that the axis shows: from the earliest start to the latest end."""

    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns

    def percent(self, time_ns: int) -> float:
        """0 to 100; what lies outside is put at the edge.

        >>> Scale(100, 300).percent(150), Scale(100, 300).percent(999), Scale(100, 100).percent(100)
        (25.0, 100.0, 0.0)
        """
        if not self.duration_ns:
            return 0.0
        return min(100.0, max(0.0, 100 * (time_ns - self.start_ns) / self.duration_ns))


def is_timed(span: AnySpan) -> bool:
    """Whether it is known when the span began and how long it took."""
    return 0 < span.start_ns <= span.end_ns <= LAST_TIME_NS


def scale_of(spans: Iterable[AnySpan]) -> Scale:
    """Times that are missing or beyond 2262 say nothing of when the trace was: they would stretch it to centuries."""
    starts, ends = [], []
    for span in spans:
        start_ns, end_ns = span.start_ns, span.end_ns
        if not is_timed(span):
            end_ns = end_ns if 0 < end_ns <= LAST_TIME_NS else 0
            start_ns = start_ns if 0 < start_ns <= LAST_TIME_NS else end_ns
            end_ns = max(start_ns, end_ns)
        if start_ns:
            starts.append(start_ns)
            ends.append(end_ns)
    return Scale(min(starts), max(ends)) if starts else Scale(0, 0)


def extents(rows: Sequence[Row], scale: Scale) -> tuple[Extent, ...]:
    """One for each row, in their order, which must be that of the tree: parents first.

    A span without a start begins with its parent, a root without one at the beginning of the scale; a span without an end, or
    that ends before it starts, lasts no time. Children are left where they lie, also outside their parents.
    """
    found: list[Extent] = []
    for row in rows:
        span = row.span
        parent = found[row.parent_row] if row.parent_row >= 0 else None
        if is_timed(span) and not (parent and span.start_ns < parent.start_ns - SKEW_NS):
            found.append(Extent(span.start_ns, span.end_ns))
        else:
            found.append(_told(span, parent, scale))
    return tuple(found)


def _told(span: AnySpan, parent: Extent | None, scale: Scale) -> Extent:
    problems = []
    start_ns, end_ns = span.start_ns, span.end_ns
    if not 0 < start_ns <= LAST_TIME_NS:
        why = "It has no start" if start_ns <= 0 else "Its start lies beyond the year 2262"
        problems.append(
            f"{why}: it is drawn from {'its parent’s start' if parent else 'the beginning of the trace'} on."
        )
        start_ns = parent.start_ns if parent else scale.start_ns
        if 0 < end_ns < start_ns:
            start_ns = end_ns
    elif parent and start_ns < parent.start_ns - SKEW_NS:
        early = format_duration(parent.start_ns - start_ns)
        problems.append(
            f"It starts {early} before its parent: the clocks differ, or it was recorded with an earlier start."
        )
    if not 0 < end_ns <= LAST_TIME_NS:
        why = "It has no end" if end_ns <= 0 else "Its end lies beyond the year 2262"
        problems.append(f"{why}: how long it took is not known.")
        end_ns = start_ns
    elif end_ns < start_ns:
        early = format_duration(start_ns - end_ns)
        problems.append(f"It ends {early} before it starts: a clock was set back.")
        end_ns = start_ns
    return Extent(start_ns, end_ns, tuple(problems))
