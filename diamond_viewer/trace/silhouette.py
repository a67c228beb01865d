"""A whole trace as a small picture: lines of stripes on a grid, for the minimap."""

from collections.abc import Mapping, Sequence

import msgspec

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.extent import Extent, Scale

LINES = 24  # of the picture; a longer trace puts neighbours on one line
COLUMNS = 240
ERROR = -1


class Stripe(msgspec.Struct, frozen=True, gc=False):
    """Columns ``first`` to ``last`` of a line, both included; ``colour`` is a service's number, or ``ERROR``."""

    line: int
    first: int
    last: int
    colour: int


def silhouette(
    spans: Sequence[SpanSketch], extents: Sequence[Extent], scale: Scale, colours: Mapping[str, int]
) -> tuple[Stripe, ...]:
    """Errors lie over everything, rarer services over the one that the trace began with: 100,000 spans are a few hundred."""
    lines = min(LINES, len(spans))
    taken: dict[tuple[int, int], int] = {}  # (line, colour) -> a bit for each column
    duration_ns = max(1, scale.duration_ns)
    for place, (span, extent) in enumerate(zip(spans, extents, strict=True)):
        first = min(COLUMNS - 1, max(0, (extent.start_ns - scale.start_ns) * COLUMNS // duration_ns))
        last = min(COLUMNS - 1, max(first, (extent.end_ns - scale.start_ns) * COLUMNS // duration_ns - 1))
        key = (place * lines // len(spans), ERROR if span.status_code == STATUS_ERROR else colours[span.service])
        taken[key] = taken.get(key, 0) | ((1 << (last - first + 1)) - 1) << first
    found: list[Stripe] = []
    for line in range(lines):
        free = (1 << COLUMNS) - 1
        for colour in sorted((colour for at, colour in taken if at == line), key=lambda c: (c != ERROR, -c)):
            bits = taken[line, colour] & free
            free &= ~bits
            while bits:
                first = (bits & -bits).bit_length() - 1
                run = bits >> first
                length = (~run & (run + 1)).bit_length() - 1
                found.append(Stripe(line, first, first + length - 1, colour))
                bits &= ~(((1 << length) - 1) << first)
    return tuple(found)
