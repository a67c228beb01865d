"""Minimap: the whole trace as a small picture, with the window that the waterfall shows."""

from dataclasses import dataclass

from diamond_viewer.telemetry.units import format_duration, format_offset
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.extent import Scale
from diamond_viewer.web.span_rows import SERVICE_COLOURS
from diamond_viewer.web.trace_address import TraceAddress

LINES = 24  # rows of the picture; a longer trace puts neighbours on one line
HEIGHT_PX = 48
COLUMNS = 240
ZOOM = 2
PAN = 0.5  # of the window


@dataclass(frozen=True, slots=True)
class Stripe:
    x: str
    y: str
    width: str
    tone: str


@dataclass(frozen=True, slots=True)
class Minimap:
    """Percents as texts. ``left`` to ``right`` is the window; hrefs are empty where it cannot go further. ``from_ns`` and
    ``to_ns`` are the window and ``duration_ns`` the whole, for the script that lets the reader drag."""

    stripes: tuple[Stripe, ...]
    stripe_height: str
    left: str
    right_x: str
    right_width: str
    words: str
    duration_ns: int
    from_ns: int
    to_ns: int
    window_href: str
    in_href: str
    out_href: str
    back_href: str
    on_href: str
    all_href: str


def window_of(trace: Arranged, address: TraceAddress) -> Scale:
    """What the waterfall shows: the asked part of the trace, or all of it."""
    start_ns = trace.scale.start_ns + address.from_ns
    end_ns = min(trace.scale.start_ns + address.to_ns, trace.scale.end_ns)
    return Scale(start_ns, end_ns) if address.from_ns < address.to_ns and start_ns < end_ns else trace.scale


def minimap(trace: Arranged, window: Scale, address: TraceAddress) -> Minimap:
    whole = trace.scale
    left, right = whole.percent(window.start_ns), whole.percent(window.end_ns)
    is_all = window == whole
    from_ns, to_ns = window.start_ns - whole.start_ns, window.end_ns - whole.start_ns
    length_ns = to_ns - from_ns
    middle_ns, step_ns = from_ns + length_ns // 2, max(1, round(length_ns * PAN))

    def at(start_ns: int, end_ns: int) -> str:
        start_ns, end_ns = max(0, start_ns), min(whole.duration_ns, end_ns)
        if start_ns <= 0 and end_ns >= whole.duration_ns:
            return address.but(from_ns=0, to_ns=0)
        return address.but(from_ns=start_ns, to_ns=end_ns) if end_ns > start_ns else ""

    return Minimap(
        stripes=_stripes(trace),
        stripe_height=f"{max(1.0, HEIGHT_PX / max(1, min(LINES, len(trace.rows))) - 0.6):.1f}",
        left=f"{left:.2f}%",
        right_x=f"{right:.2f}%",
        right_width=f"{100 - right:.2f}%",
        words=""
        if is_all
        else f"{format_offset(from_ns)} to {format_offset(to_ns)}: {format_duration(length_ns)} of {format_duration(whole.duration_ns)}",
        duration_ns=whole.duration_ns,
        from_ns=from_ns,
        to_ns=to_ns,
        window_href=address.but(from_ns=0, to_ns=0),
        in_href=at(middle_ns - length_ns // (2 * ZOOM), middle_ns + length_ns // (2 * ZOOM)) if length_ns > 10 else "",
        out_href="" if is_all else at(middle_ns - length_ns * ZOOM // 2, middle_ns + length_ns * ZOOM // 2),
        back_href="" if is_all or from_ns <= 0 else at(max(0, from_ns - step_ns), max(0, from_ns - step_ns) + length_ns),
        on_href="" if is_all or to_ns >= whole.duration_ns else _on(at, to_ns, step_ns, length_ns, whole.duration_ns),
        all_href="" if is_all else address.but(from_ns=0, to_ns=0),
    )


def _on(at: "object", to_ns: int, step_ns: int, length_ns: int, duration_ns: int) -> str:
    end_ns = min(duration_ns, to_ns + step_ns)
    assert callable(at)
    return str(at(end_ns - length_ns, end_ns))


def _stripes(trace: Arranged) -> tuple[Stripe, ...]:
    """Neighbouring spans of one colour on one line are one stripe: a picture of 100,000 spans has a few hundred."""
    count = len(trace.rows)
    lines = min(LINES, count)
    cells: dict[tuple[int, int], str] = {}
    runs: list[tuple[int, int, int, str]] = []
    for place, (span, extent) in enumerate(zip(trace.spans, trace.extents, strict=True)):
        line = place * lines // count
        tone = "error" if span.status_code == 2 else str(trace.colours[span.service] % SERVICE_COLOURS)
        first = int(trace.scale.percent(extent.start_ns) * COLUMNS / 100)
        last = max(first, int(trace.scale.percent(extent.end_ns) * COLUMNS / 100) - 1)
        if count <= 2 * LINES:
            runs.append((line, first, last, tone))
        else:
            for column in range(first, last + 1):
                if cells.get((line, column)) != "error":
                    cells[line, column] = tone
    for (line, column), tone in sorted(cells.items()):
        if runs and runs[-1][0] == line and runs[-1][2] == column - 1 and runs[-1][3] == tone:
            runs[-1] = (line, runs[-1][1], column, tone)
        else:
            runs.append((line, column, column, tone))
    height = HEIGHT_PX / max(1, lines)
    return tuple(
        Stripe(
            f"{first * 100 / COLUMNS:.1f}%",
            f"{line * height:.1f}",
            f"{(last - first + 1) * 100 / COLUMNS:.1f}%",
            tone,
        )
        for line, first, last, tone in runs
    )
