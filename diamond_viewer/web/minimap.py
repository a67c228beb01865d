"""Minimap: the whole trace as a small picture, with the window that the waterfall shows."""

from dataclasses import dataclass
from functools import partial

from diamond_viewer.telemetry.units import format_duration, format_offset
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.extent import Scale
from diamond_viewer.trace.silhouette import COLUMNS, ERROR, LINES, Stripe
from diamond_viewer.web.span_rows import SERVICE_COLOURS
from diamond_viewer.web.trace_address import TraceAddress

HEIGHT_PX = 46
MAX_STRIPE_PX = 6
PAN = 0.5  # of the window


@dataclass(frozen=True, slots=True)
class DrawnStripe:
    x: str
    y: str
    width: str
    tone: str


@dataclass(frozen=True, slots=True)
class Minimap:
    """Percents as texts. ``left`` to ``right`` is the window; hrefs are empty where it cannot go further. ``from_ns`` and
    ``to_ns`` are the window and ``duration_ns`` the whole, for the script that lets the reader drag."""

    stripes: tuple[DrawnStripe, ...]
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
    lines = max(1, min(LINES, len(trace.rows)))
    from_ns, to_ns = window.start_ns - whole.start_ns, window.end_ns - whole.start_ns
    length_ns = to_ns - from_ns
    middle_ns, step_ns = from_ns + length_ns // 2, max(1, round(length_ns * PAN))

    return Minimap(
        stripes=tuple(map(partial(_drawn, lines=lines), trace.silhouette)),
        stripe_height=f"{max(1.0, min(MAX_STRIPE_PX, HEIGHT_PX / lines) - 0.6):.1f}",
        left=f"{left:.2f}%",
        right_x=f"{right:.2f}%",
        right_width=f"{100 - right:.2f}%",
        words="" if is_all else f"{format_offset(from_ns)} to {format_offset(to_ns)}: {format_duration(length_ns)}",
        duration_ns=whole.duration_ns,
        from_ns=from_ns,
        to_ns=to_ns,
        window_href=address.but(from_ns=0, to_ns=0),
        in_href=_part(address, whole, middle_ns - length_ns // 4, length_ns // 2) if length_ns > 10 else "",
        out_href="" if is_all else _part(address, whole, middle_ns - length_ns, 2 * length_ns),
        back_href=_part(address, whole, max(0, from_ns - step_ns), length_ns) if from_ns > 0 else "",
        on_href=_part(address, whole, min(from_ns + step_ns, whole.duration_ns - length_ns), length_ns)
        if to_ns < whole.duration_ns
        else "",
        all_href="" if is_all else address.but(from_ns=0, to_ns=0),
    )


def _part(address: TraceAddress, whole: Scale, from_ns: int, length_ns: int) -> str:
    """The link to a window, cut to what there is; all of the trace is no window."""
    to_ns = min(whole.duration_ns, from_ns + length_ns)
    from_ns = max(0, from_ns)
    is_all = from_ns == 0 and to_ns == whole.duration_ns
    return address.but(from_ns=0, to_ns=0) if is_all else address.but(from_ns=from_ns, to_ns=to_ns)


def _drawn(stripe: Stripe, lines: int) -> DrawnStripe:
    return DrawnStripe(
        f"{stripe.first * 100 / COLUMNS:.1f}%",
        f"{1 + stripe.line * min(MAX_STRIPE_PX, HEIGHT_PX / lines):.1f}",
        f"{(stripe.last - stripe.first + 1) * 100 / COLUMNS:.1f}%",
        "error" if stripe.colour == ERROR else str(stripe.colour % SERVICE_COLOURS),
    )
