"""Sparkline: a series beside a figure, as bars in one SVG path."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.tallies import SERIES_BUCKETS
from diamond_viewer.telemetry.units import format_clock, format_day, format_duration

WIDTH, HEIGHT = SERIES_BUCKETS * 3, 18
MIN_BAR = 1.5  # one beside a thousand must still be seen


@dataclass(frozen=True, slots=True)
class Sparkline:
    """``path`` is drawn in ``view_box``; ``words`` say what it shows."""

    path: str
    words: str
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"


def sparkline(series: Sequence[int], start_ns: int, width_ns: int) -> Sparkline:
    """
    >>> sparkline((0, 4, 1), 1_795_347_498_000_000_000, 60_000_000_000)
    Sparkline(path='M3 18v-18h2v18zM6 18v-4.5h2v4.5z', words='at most 4 in 1 min, at 11:39', view_box='0 0 90 18')
    """
    peak = max(series, default=0)
    if not peak:
        return Sparkline("", "nothing in this time")
    bars = []
    for place, count in enumerate(series):
        if count:
            height = f"{max(MIN_BAR, HEIGHT * count / peak):.1f}".removesuffix(".0")
            bars.append(f"M{3 * place} {HEIGHT}v-{height}h2v{height}z")
    at_ns = start_ns + series.index(peak) * width_ns
    is_one_day = format_day(start_ns) == format_day(start_ns + len(series) * width_ns)
    when = format_clock(at_ns)[:5] if is_one_day else f"{format_day(at_ns)} {format_clock(at_ns)[:5]}"
    return Sparkline("".join(bars), f"at most {peak:,} in {format_duration(width_ns)}, at {when}")
