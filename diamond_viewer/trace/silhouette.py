"""A whole trace as a small picture: lines of stripes on a grid, for the minimap."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

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
    if not lines:
        return ()
    taken: dict[tuple[int, int], int] = {}  # (line, colour) -> a bit for each column
    for line, colour, first, last in _places(spans, extents, scale, colours, lines):
        key = (line, colour)
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


def _places(
    spans: Sequence[SpanSketch], extents: Sequence[Extent], scale: Scale, colours: Mapping[str, int], lines: int
) -> set[tuple[int, int, int, int]]:
    """Line, colour, first and last column of every span, each once: most of 100,000 lie where others do."""
    start_ns = np.array([extent.start_ns for extent in extents], np.int64) - scale.start_ns
    end_ns = np.array([extent.end_ns for extent in extents], np.int64) - scale.start_ns
    column_ns = max(1, scale.duration_ns) / COLUMNS
    first = np.clip(start_ns // column_ns, 0, COLUMNS - 1).astype(np.int64)
    last = np.minimum(np.maximum(end_ns // column_ns - 1, first), COLUMNS - 1).astype(np.int64)
    line = np.arange(len(spans)) * lines // len(spans)
    colour = np.array([ERROR if span.status_code == STATUS_ERROR else colours[span.service] for span in spans])
    together = ((colour - ERROR) * lines + line) * COLUMNS**2 + first * COLUMNS + last
    found = set()
    for code in np.unique(together).tolist():
        rest, where = divmod(code, COLUMNS**2)
        found.add((rest % lines, rest // lines + ERROR, *divmod(where, COLUMNS)))
    return found
