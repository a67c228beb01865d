"""Heatmap: how long calls took, over time, as cells; of all operations or of one. Each cell leads to its traces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.tallies import BAND_EDGES_NS, BANDS, SERIES_BUCKETS
from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    NS_PER_SECOND,
    format_clock,
    format_count,
    format_day,
    format_duration,
    format_minute,
    format_share,
    format_times,
    is_today,
)

CELL_PX = 13
SHADES = 5  # how many calls a cell stands for, logarithmically: the palest one, the darkest as many as the fullest
SLOW_NS = NS_PER_SECOND  # from here on a cell says slow, as the platform does

CellHref = Callable[[int, int, int, int], str]  # since, until, least and most duration, in ns; most 0: no end


@dataclass(frozen=True, slots=True)
class HeatCell:
    """``x`` and ``width`` are percentages of the chart, ``y`` px; ``shade`` is 1 to 5. ``href`` may be empty."""

    x: str
    width: str
    y: str
    shade: str
    is_slow: bool
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class HeatBand:
    """A row of cells: its label, where its text stands, and what the table says of it."""

    label: str
    y: str
    calls: str
    share: str


@dataclass(frozen=True, slots=True)
class Heatmap:
    """``bands`` from the slowest down; only those between the quickest and the slowest call. ``note`` may be empty.

    ``all_href`` shows all operations again; it is empty where they are shown.
    """

    title: str
    cells: tuple[HeatCell, ...]
    bands: tuple[HeatBand, ...]
    height: str
    cell_height: str
    first_label: str
    last_label: str
    summary: str
    all_href: str


def heatmap(
    heat: Sequence[int],
    start_ns: int,
    width_ns: int,
    now_ns: int,
    cell_href: CellHref,
    title: str,
    all_href: str = "",
) -> Heatmap | None:
    """``heat`` as in ``OperationTally``; None when it has no call in it."""
    rows = [heat[band * SERIES_BUCKETS : (band + 1) * SERIES_BUCKETS] for band in range(BANDS)] if heat else []
    held = [band for band, row in enumerate(rows) if any(row)]
    if not held:
        return None
    total, peak = sum(heat), max(heat)
    shown = range(held[-1], held[0] - 1, -1)  # the slowest on top
    end_ns = start_ns + SERIES_BUCKETS * width_ns
    shows_day = not is_today(now_ns, start_ns, end_ns)
    cells = tuple(
        _cell(band, bucket, count, place, peak, start_ns + bucket * width_ns, width_ns, cell_href, shows_day)
        for place, band in enumerate(shown)
        for bucket, count in enumerate(rows[band])
        if count
    )
    fullest = max(held, key=lambda band: sum(rows[band]))
    return Heatmap(
        title,
        cells,
        tuple(_band(band, place, sum(rows[band]), total) for place, band in enumerate(shown)),
        str(CELL_PX * len(shown)),
        str(CELL_PX - 1),
        _label(start_ns, width_ns, shows_day),
        _label(end_ns, width_ns, shows_day),
        f"{format_times(total, 'call')} by how long they took over time; most took {_words(fullest)}, "
        f"the slowest {_words(held[-1])}",
        all_href,
    )


def _cell(
    band: int,
    bucket: int,
    count: int,
    place: int,
    peak: int,
    start_ns: int,
    width_ns: int,
    cell_href: CellHref,
    shows_day: bool,
) -> HeatCell:
    end_ns = start_ns + width_ns - 1
    low_ns, high_ns = _bounds(band)
    step = 100 / SERIES_BUCKETS
    day = f"{format_day(start_ns)[5:]} " if shows_day else ""
    when = f"{day}{format_clock(start_ns)[:8]} – {format_clock(end_ns)[:8]}"
    return HeatCell(
        f"{bucket * step:.2f}%",
        f"{step * 0.94:.2f}%",
        str(place * CELL_PX),
        str(_shade(count, peak)),
        low_ns >= SLOW_NS,
        f"{when}, {_words(band)}: {format_times(count, 'call')}",
        cell_href(start_ns, end_ns, low_ns, high_ns),
    )


def _shade(count: int, peak: int) -> int:
    """
    >>> [_shade(count, 1_000) for count in (1, 10, 100, 1_000)], _shade(1, 1)
    ([1, 2, 4, 5], 5)
    """
    if peak <= 1:
        return SHADES
    return 1 + round((SHADES - 1) * (count.bit_length() - 1) / (peak.bit_length() - 1))


def _bounds(band: int) -> tuple[int, int]:
    """From, and below which; 0 for no end."""
    return (BAND_EDGES_NS[band - 1] if band else 0), (BAND_EDGES_NS[band] if band < BANDS - 1 else 0)


def _words(band: int) -> str:
    """
    >>> [_words(band) for band in (0, 4, 13)]
    ['less than 1 ms', '10 ms to 20 ms', '10 s and more']
    """
    low_ns, high_ns = _bounds(band)
    if not low_ns:
        return f"less than {format_duration(high_ns)}"
    return (
        f"{format_duration(low_ns)} to {format_duration(high_ns)}" if high_ns else f"{format_duration(low_ns)} and more"
    )


def _band(band: int, place: int, calls: int, total: int) -> HeatBand:
    low_ns, high_ns = _bounds(band)
    label = format_duration(low_ns) if low_ns else f"< {format_duration(high_ns)}"
    return HeatBand(label, str(place * CELL_PX + CELL_PX - 3), format_count(calls), format_share(calls, total))


def _label(time_ns: int, width_ns: int, shows_day: bool) -> str:
    clock = format_minute(time_ns) if width_ns >= 5 * NS_PER_SECOND else format_clock(time_ns)[:8]
    return f"{format_day(time_ns)[5:]} {clock}" if shows_day else clock


def duration_term(low_ns: int, high_ns: int) -> str:
    """Conditions of the search language on how long a span lasted.

    >>> duration_term(10_000_000, 20_000_000), duration_term(10**10, 0), duration_term(0, 1_000_000)
    ('duration>=10ms duration<20ms', 'duration>=10000ms', 'duration<1ms')
    """
    terms = [f"duration>={low_ns // NS_PER_MS}ms"] if low_ns else []
    terms += [f"duration<{high_ns // NS_PER_MS}ms"] if high_ns else []
    return " ".join(terms)
