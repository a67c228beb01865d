"""How far each machine's clock would have to be set for its spans to lie inside their parents. Only ever applied on request.

The rule is Jaeger's (``clockskew.go``), with its lessons: off unless asked for, the shift is shown, recorded times are kept.
One difference: a span whose clock is not known is taken to share its parent's, instead of being shifted at every hop.
"""

from collections.abc import Sequence

from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_PRODUCER
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.extent import Extent
from diamond_viewer.trace.tree import Row

TOLERANCE_NS = 2_000_000  # JavaScript's clocks count whole milliseconds: so much outside of the parent is no skew


def clock_shifts(rows: Sequence[Row], spans: Sequence[SpanSketch], extents: Sequence[Extent]) -> tuple[int, ...]:
    """A shift in ns for each row, 0 for most. Below a span that was timed by another clock all of that clock move with it.

    Work behind a queue may rightly come after its producer: it is not shifted.
    """
    shifts = [0] * len(rows)
    for place, row in enumerate(rows):
        above = row.parent_row
        if above < 0:
            continue
        span, parent = spans[place], spans[above]
        if not span.clock or span.clock == parent.clock:
            shifts[place] = shifts[above]
        elif not (span.kind == KIND_CONSUMER or parent.kind == KIND_PRODUCER):
            shifts[place] = _shift_ns(extents[place], extents[above], shifts[above])
    return tuple(shifts)


def _shift_ns(child: Extent, parent: Extent, parent_shift_ns: int) -> int:
    """What brings the child into its (shifted) parent, in its middle; 0 when it lies there already.

    >>> _shift_ns(Extent(5_000_000_000, 5_010_000_000), Extent(0, 20_000_000), 0)
    -4995000000
    >>> _shift_ns(Extent(1_000_000, 11_000_000), Extent(0, 20_000_000), 0)
    0
    """
    start_ns, end_ns = parent.start_ns + parent_shift_ns, parent.end_ns + parent_shift_ns
    if start_ns - TOLERANCE_NS <= child.start_ns and child.end_ns <= end_ns + TOLERANCE_NS:
        return 0
    if child.duration_ns > parent.duration_ns:
        return start_ns - child.start_ns if child.start_ns < start_ns - TOLERANCE_NS else 0
    return start_ns + (parent.duration_ns - child.duration_ns) // 2 - child.start_ns
