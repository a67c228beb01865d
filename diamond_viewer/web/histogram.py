"""HistogramChart: traces over time as stacked bars, or each by how long it lasts; drawn by the server."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Histogram
from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    format_clock,
    format_count,
    format_day,
    format_duration,
    format_minute,
    format_rfc3339,
    format_times,
    is_today,
)
from diamond_viewer.web.address import DURATIONS, Address
from diamond_viewer.web.busy_time import BusyTime
from diamond_viewer.web.dot_plot import DotPlot, dot_plot
from diamond_viewer.web.window import window_moves

HEIGHT_PX = 44
MIN_BAR_PX = 2.0  # one trace beside a thousand must still be seen
GAP_SHARE = 0.16  # of a bar's width

_STACK = ("ok", "auth", "error")  # from the bottom


@dataclass(frozen=True, slots=True)
class BarPart:
    """``kind`` is a CSS class's ending; ``y`` and ``height`` are in px of the chart."""

    kind: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """``x`` and ``width`` are percentages of the chart."""

    href: str
    title: str
    x: str
    width: str
    parts: tuple[BarPart, ...]
    when: str
    counts: tuple[str, str, str]  # ok, auth, error


@dataclass(frozen=True, slots=True)
class FaceLink:
    label: str
    title: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class HistogramChart:
    """``bars`` leaves out empty buckets. ``dots`` is there when the chart shows durations.

    ``start_ms`` and ``end_ms`` (since 1970) are what the chart spans; ``select_href`` is this page without a window, for a
    script that knows one.
    """

    bars: tuple[Bar, ...]
    dots: DotPlot | None
    faces: tuple[FaceLink, ...]
    moves: tuple[tuple[str, str, str], ...]
    start_ms: str
    end_ms: str
    select_href: str
    height: str
    first_label: str
    last_label: str
    summary: str
    note: str


def histogram_chart(address: Address, store: TraceStore, busy: BusyTime, now_ns: int) -> HistogramChart:
    """One old trace among many new ones would leave the reader a single bar: the chart shows ``busy`` alone."""
    histogram, totals = busy.histogram, busy.totals
    peak = max(totals, default=0)
    end_ns = histogram.start_ns + histogram.width_ns * len(totals)
    shows_day = not is_today(now_ns, histogram.start_ns, end_ns)
    href_of = address.windows()
    bars = tuple(_bar(href_of, histogram, bucket, peak, shows_day) for bucket in range(len(totals)) if totals[bucket])
    counted = (format_times(sum(totals), "trace"), sum(histogram.auth), sum(histogram.error))
    return HistogramChart(
        bars=bars,
        dots=dot_plot(busy.query, store, now_ns) if address.face and bars else None,
        faces=_faces(address),
        moves=window_moves(address, now_ns),
        start_ms=f"{histogram.start_ns / NS_PER_MS:.3f}",
        end_ms=f"{end_ns / NS_PER_MS:.3f}",
        select_href=address.between("", ""),
        height=str(HEIGHT_PX),
        first_label=_label(histogram.start_ns, histogram.width_ns, shows_day) if bars else "",
        last_label=_label(end_ns, histogram.width_ns, shows_day) if bars else "",
        summary=(
            f"{counted[0]} over time, {counted[2]:,} with errors, {counted[1]:,} with failed sign-in; "
            f"a bar is {format_duration(histogram.width_ns)}"
        ),
        note=f"{format_times(busy.earlier, 'trace')} earlier" if busy.earlier else "",
    )


def _faces(address: Address) -> tuple[FaceLink, ...]:
    return tuple(
        FaceLink(label, title, replace(address, face=face).href, face == address.face)
        for face, label, title in (
            ("", "Count", "Traces over time"),
            (DURATIONS, "Duration", "How long each trace lasts, over time"),
        )
    )


def _bar(href_of: Callable[[str, str], str], histogram: Histogram, bucket: int, peak: int, shows_day: bool) -> Bar:
    start_ns = histogram.start_ns + bucket * histogram.width_ns
    end_ns = start_ns + histogram.width_ns - 1
    counts = {"ok": histogram.ok[bucket], "auth": histogram.auth[bucket], "error": histogram.error[bucket]}
    total = sum(counts.values())
    step = 100 / max(1, len(histogram.ok))
    day = f"{format_day(start_ns)[5:]} " if shows_day else ""
    when = f"{day}{format_clock(start_ns)[:8]} – {format_clock(end_ns)[:8]}"
    said = [format_times(total, "trace")]
    said += [f"{counts['error']:,} with errors"] if counts["error"] else []
    said += [f"{counts['auth']:,} with failed sign-in"] if counts["auth"] else []
    return Bar(
        href=href_of(format_rfc3339(start_ns), format_rfc3339(end_ns)),
        title=f"{when}: {', '.join(said)}",
        x=f"{bucket * step + step * GAP_SHARE / 2:.2f}%",
        width=f"{step * (1 - GAP_SHARE):.2f}%",
        parts=_parts(counts, peak),
        when=when,
        counts=(format_count(counts["ok"]), format_count(counts["auth"]), format_count(counts["error"])),
    )


def _parts(counts: dict[str, int], peak: int) -> tuple[BarPart, ...]:
    """From the bottom up, each at least ``MIN_BAR_PX`` high; the pile never grows out of the chart."""
    heights = {kind: max(MIN_BAR_PX, HEIGHT_PX * counts[kind] / peak) for kind in _STACK if counts[kind]}
    overflow = sum(heights.values()) - HEIGHT_PX
    if overflow > 0:
        tallest = max(heights, key=lambda kind: heights[kind])
        heights[tallest] -= overflow
    parts, top = [], float(HEIGHT_PX)
    for kind, height in heights.items():
        top -= height
        parts.append(BarPart(kind, f"{top:.1f}", f"{height:.1f}"))
    return tuple(parts)


def _label(time_ns: int, width_ns: int, shows_day: bool) -> str:
    clock = format_minute(time_ns) if width_ns >= 5_000_000_000 else format_clock(time_ns)[:8]
    return f"{format_day(time_ns)[5:]} {clock}" if shows_day else clock
