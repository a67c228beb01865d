"""DotPlot: how long traces last over time, a dot for those that fall together; errors are red and on top."""

import math
from dataclasses import dataclass

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Scatter
from diamond_viewer.telemetry.units import NS_PER_MS, format_duration

COLUMNS = 90
ROWS = 18
HEIGHT_PX = 132
MIN_RADIUS_PX, MAX_RADIUS_PX = 1.9, 4.5  # of one trace, of a thousand and more
_KINDS = ("ok", "auth", "error")  # the last is drawn on top


@dataclass(frozen=True, slots=True)
class Dot:
    """``x`` is a percentage of the chart, ``y`` and ``radius`` are px; ``kind`` is a CSS class's ending."""

    kind: str
    x: str
    y: str
    radius: str


@dataclass(frozen=True, slots=True)
class DotPlot:
    """``low_ms`` and ``high_ms`` are the durations at the bottom and the top; the scale between them is logarithmic."""

    dots: tuple[Dot, ...]
    height: str
    low_ms: str
    high_ms: str
    low_label: str
    high_label: str


def dot_plot(query: Query, store: TraceStore, now_ns: int) -> DotPlot:
    scatter = store.scatter(query, now_ns, COLUMNS, ROWS)
    low_ns, high_ns = scatter.edges_ns[0], scatter.edges_ns[-1]
    return DotPlot(
        dots=_dots(scatter),
        height=str(HEIGHT_PX),
        low_ms=f"{low_ns / NS_PER_MS:.6f}",
        high_ms=f"{high_ns / NS_PER_MS:.6f}",
        low_label=format_duration(low_ns),
        high_label=format_duration(high_ns - 1),
    )


def radius_px(count: int) -> float:
    """
    >>> [round(radius_px(count), 1) for count in (1, 10, 1000, 10**6)]
    [1.9, 2.8, 4.5, 4.5]
    """
    return min(MAX_RADIUS_PX, MIN_RADIUS_PX + (MAX_RADIUS_PX - MIN_RADIUS_PX) * math.log10(count) / 3)


def _dots(scatter: Scatter) -> tuple[Dot, ...]:
    step_px = HEIGHT_PX / (len(scatter.edges_ns) - 1)
    found = []
    for kind in _KINDS:
        for cell in scatter.cells:
            if count := getattr(cell, kind):
                x, y = 100 * (cell.column + 0.5) / COLUMNS, HEIGHT_PX - (cell.row + 0.5) * step_px
                found.append(Dot(kind, f"{x:.2f}%", f"{y:.1f}", f"{radius_px(count):.1f}"))
    return tuple(found)
