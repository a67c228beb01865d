"""Charts as the server draws them: lines with bands, or stacked bars, over time; with axes, units, titles to point at, a legend
and a table that says the same. ``templates/_chart.html`` prints them, ``static/charts.css`` colours them.

The plot is stretched to the width there is, its height is in px; text is never stretched. Long rows of values are made shorter
before they are drawn, and keep their peaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10

from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    NS_PER_SECOND,
    format_bytes,
    format_clock,
    format_day,
    format_duration,
    format_minute,
    format_percent,
    zone_label,
)

PLOT_WIDTH = 1000  # units of the stretched plot
BESIDE_DAY_PERCENT = 7  # of the plot's width, about half a time of day on a phone
HEIGHT_PX = 132
TONES = 6  # colours of series in tokens.css; more lines than that are told apart by nobody
MAX_SLOTS = 120
MAX_TABLE_ROWS = 60

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DURATION_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": NS_PER_MS, "s": NS_PER_SECOND, "min": 60 * NS_PER_SECOND}
_BYTE_UNITS = {"By": 1, "bytes": 1, "KiBy": 1024, "MiBy": 1024**2, "GiBy": 1024**3}
_NUMBERLESS_UNITS = ("", "1")

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Row:
    """Values of a line or of one colour of bars, one for each slot; None where there is none. ``bands`` surely hold them."""

    label: str
    values: tuple[float | None, ...]
    bands: tuple[tuple[float, float] | None, ...] = ()
    note: str = ""  # beside the label in the legend


@dataclass(frozen=True, slots=True)
class Shape:
    """``kind`` is line | band | bar | dot, ``tone`` the number of the colour, ``path`` an SVG path in units of the plot."""

    kind: str
    tone: int
    path: str


@dataclass(frozen=True, slots=True)
class Tick:
    """``place`` is in px from the top, or in percent from the left. ``begins_there``: the words do, else their middle is."""

    place: str
    label: str
    begins_there: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A column to point at, in units of the plot; ``href`` leads to what it counts, or nowhere."""

    x: str
    width: str
    title: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class LegendLine:
    tone: int
    label: str
    note: str


def _x_tick(percent: float, label: str) -> Tick:
    """Near the left end the words begin at the tick: to the left of it stands the day.

    >>> [_x_tick(percent, "14:40").begins_there for percent in (0, 6.9, 7)]
    [True, True, False]
    """
    return Tick(f"{percent:.2f}%", label, percent < BESIDE_DAY_PERCENT)


@dataclass(frozen=True, slots=True)
class Chart:
    """``table_rows`` are a time, by the clock of ``zone``, and a text for each of ``legend``. ``empty`` says why nothing is
    drawn."""

    title: str
    summary: str
    unit: str
    height: str
    shapes: tuple[Shape, ...] = ()
    hits: tuple[Hit, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    legend: tuple[LegendLine, ...] = ()
    table_rows: tuple[tuple[str, tuple[str, ...]], ...] = ()
    empty: str = ""
    zone: str = "UTC"
    day: str = ""  # of all that is drawn; empty where the ticks name their days


def chart(
    title: str,
    edges_ns: Sequence[int],
    rows: Sequence[Row],
    unit: str = "",
    *,
    is_stacked: bool = False,
    empty: str = "Nothing was measured in this window.",
    hrefs: Sequence[str] = (),
) -> Chart:
    """``edges_ns`` has one more than each row has values: slot ``i`` lasts from edge ``i`` to edge ``i + 1``.

    Stacked rows are bars upon each other and may not be negative; others are lines. At most ``TONES`` rows are drawn.
    ``hrefs`` are a link for each slot, or none at all.
    """
    rows = list(rows)[:TONES]
    shown = [value for row in rows for value in row.values if value is not None]
    shown += [end for row in rows for band in row.bands if band is not None for end in band if isfinite(end)]
    if not shown or len(edges_ns) < 2:
        return Chart(title, f"{title}: {empty}", unit, str(HEIGHT_PX), empty=empty)
    sums = [sum(row.values[at] or 0 for row in rows) for at in range(len(edges_ns) - 1)]
    low, high = min(0.0, *shown), max(sums if is_stacked else shown)
    ticks = nice_ticks(low, high if high > low else low + 1)
    scale = _Scale(edges_ns[0], edges_ns[-1], ticks[0], max(ticks[-1], high))
    form = figure_format(unit)
    shapes = _bars(scale, edges_ns, rows) if is_stacked else _lines(scale, edges_ns, rows)
    words = _time_words(edges_ns[0], edges_ns[-1])
    told = [at for at in range(len(sums)) if any(row.values[at] is not None for row in rows)]
    return Chart(
        title,
        f"{title}, {words(edges_ns[0])} to {words(edges_ns[-1])}; the highest is {form(high)}.",
        unit,
        str(HEIGHT_PX),
        shapes,
        tuple(_hit(scale, edges_ns, at, rows, form, words, hrefs[at] if hrefs else "") for at in told),
        tuple(Tick(f"{scale.y(tick):.1f}", form(tick)) for tick in ticks),
        tuple(_x_tick(scale.x(at) * 100 / PLOT_WIDTH, label) for at, label in time_ticks(*scale.times)),
        tuple(LegendLine(tone, row.label, row.note) for tone, row in enumerate(rows)),
        tuple(
            (words(edges_ns[at]), tuple(_text(row.values[at], form) for row in rows))
            for at in told[:: max(1, ceil(len(told) / MAX_TABLE_ROWS))]
        ),
        zone=zone_label(),
        day=day if (day := format_day(edges_ns[0])) == format_day(edges_ns[-1]) else "",
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    first_ns: int
    last_ns: int
    low: float
    high: float

    @property
    def times(self) -> tuple[int, int]:
        return self.first_ns, self.last_ns

    def x(self, time_ns: int) -> float:
        return PLOT_WIDTH * (time_ns - self.first_ns) / max(1, self.last_ns - self.first_ns)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return HEIGHT_PX - 1 - share * (HEIGHT_PX - 8)


def _bars(scale: _Scale, edges_ns: Sequence[int], rows: Sequence[Row]) -> tuple[Shape, ...]:
    floors = [0.0] * (len(edges_ns) - 1)
    shapes = []
    for tone, row in enumerate(rows):
        path = []
        for at, value in enumerate(row.values):
            if value:
                left, right = scale.x(edges_ns[at]), scale.x(edges_ns[at + 1])
                gap = 0.12 * (right - left)
                bottom, top = scale.y(floors[at]), scale.y(floors[at] + value)
                top = min(top, bottom - 1)  # one beside a thousand must still be seen
                path.append(f"M{left + gap:.1f} {bottom:.1f}V{top:.1f}H{right - gap:.1f}V{bottom:.1f}Z")
                floors[at] += value
        shapes.append(Shape("bar", tone, "".join(path)))
    return tuple(shape for shape in shapes if shape.path)


def _lines(scale: _Scale, edges_ns: Sequence[int], rows: Sequence[Row]) -> tuple[Shape, ...]:
    bands, lines, dots = [], [], []
    for tone, row in enumerate(rows):
        for run in _runs(row.values):
            middles = [scale.x((edges_ns[at] + edges_ns[at + 1]) // 2) for at in run]
            points = [f"{x:.1f} {scale.y(row.values[at] or 0):.1f}" for x, at in zip(middles, run, strict=True)]
            if len(run) == 1:
                dots.append(Shape("dot", tone, f"M{points[0]}h0"))
            else:
                lines.append(Shape("line", tone, "M" + "L".join(points)))
            ends = [band for at in run if row.bands and (band := row.bands[at]) is not None]
            if len(ends) == len(run):
                width = 6.0 if len(run) == 1 else 0.0
                upper = [f"{x - width:.1f} {scale.y(high):.1f}" for x, (_, high) in zip(middles, ends, strict=True)]
                lower = [f"{x + width:.1f} {scale.y(low):.1f}" for x, (low, _) in zip(middles, ends, strict=True)]
                if width:  # a single value's error is a bar, not a line
                    upper += [f"{middles[0] + width:.1f} {scale.y(ends[0][1]):.1f}"]
                    lower += [f"{middles[0] - width:.1f} {scale.y(ends[0][0]):.1f}"]
                    bands.append(Shape("band", tone, "M" + "L".join(upper + lower) + "Z"))
                else:
                    bands.append(Shape("band", tone, "M" + "L".join(upper + lower[::-1]) + "Z"))
    return (*bands, *lines, *dots)


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Slots with values, side by side: a line does not pretend to know what lies in a gap.

    >>> _runs((1, None, 2, 3))
    [[0], [2, 3]]
    """
    runs: list[list[int]] = []
    for at, value in enumerate(values):
        if value is not None:
            if at and values[at - 1] is not None:
                runs[-1].append(at)
            else:
                runs.append([at])
    return runs


def _hit(
    scale: _Scale,
    edges_ns: Sequence[int],
    at: int,
    rows: Sequence[Row],
    form: Format,
    words: Callable[[int], str],
    href: str,
) -> Hit:
    lines = [f"{words(edges_ns[at])} to {words(edges_ns[at + 1])} {zone_label()}"]
    for row in rows:
        if (value := row.values[at]) is not None:
            band = row.bands[at] if row.bands else None
            between = f" (between {form(band[0])} and {form(band[1])})" if band else ""
            lines.append(f"{row.label}: {form(value)}{between}")
    left, right = scale.x(edges_ns[at]), scale.x(edges_ns[at + 1])
    return Hit(f"{left:.1f}", f"{right - left:.1f}", "\n".join(lines), href)


def _text(value: float | None, form: Format) -> str:
    return "" if value is None else form(value)


def figure_format(unit: str) -> Format:
    """How figures of a UCUM unit are written.

    >>> [figure_format(unit)(1500) for unit in ("ms", "s", "By", "1", "{connection}", "")]
    ['1.5 s', '25 min', '1.5 kB', '1,500', '1,500', '1,500']
    >>> figure_format("%")(2.5), figure_format("")(0.125), figure_format("Cel")(-3), figure_format("ms")(float("inf"))
    ('2.5 %', '0.125', '-3 Cel', 'unbounded')
    >>> figure_format("ms")(0), figure_format("s")(0.0), figure_format("us")(0)
    ('0 ms', '0 s', '0 µs')
    """

    def form(value: float) -> str:
        if not isfinite(value):
            return "unbounded" if value else "?"
        if unit in _DURATION_UNITS:
            if not value:
                return f"0 {unit.replace('us', 'µs')}"
            return format_duration(round(value * _DURATION_UNITS[unit]))
        if unit in _BYTE_UNITS:
            return ("-" if value < 0 else "") + format_bytes(round(abs(value) * _BYTE_UNITS[unit]))
        if unit == "%":
            return format_percent(value)
        number = (
            f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
        )
        return number if unit in _NUMBERLESS_UNITS or unit.startswith("{") else f"{number} {unit}"

    return form


def nice_ticks(low: float, high: float, count: int = 3) -> list[float]:
    """Round numbers, about ``count`` steps from at most ``low`` to at least ``high``.

    >>> nice_ticks(0, 9), nice_ticks(0, 0.9), nice_ticks(-3, 1300)
    ([0.0, 5.0, 10.0], [0.0, 0.5, 1.0], [-500.0, 0.0, 500.0, 1000.0, 1500.0])
    """
    rough = (high - low) / count
    size = 10.0 ** floor(log10(rough)) if rough > 1e-300 else 1.0
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    first, last = floor(low / step), ceil(high / step - 1e-9)
    first -= first * step > low  # the quotient of a number next to nothing is nothing
    return [round(at * step, 12) for at in range(first, last + 1)]


def time_ticks(first_ns: int, last_ns: int, count: int = 5) -> list[tuple[int, str]]:
    """Round times of day between the two, with words for each.

    >>> [label for _, label in time_ticks(0, 3600 * NS_PER_SECOND)]
    ['00:00', '00:15', '00:30', '00:45', '01:00']
    """
    span_s = max(1, (last_ns - first_ns) // NS_PER_SECOND)
    step_s = next((step for step in _STEPS_S if step * count >= span_s), 86400 * ceil(span_s / 86400 / count))
    step_ns = step_s * NS_PER_SECOND
    words = _tick_words(step_s, first_ns, last_ns)
    return [(at, words(at)) for at in range(-(-first_ns // step_ns) * step_ns, last_ns + 1, step_ns)]


def _tick_words(step_s: int, first_ns: int, last_ns: int) -> Callable[[int], str]:
    if step_s >= 86400:
        return lambda at: format_day(at)[5:]
    clock: Callable[[int], str] = format_minute if step_s >= 60 else lambda at: format_clock(at)[:8]
    if format_day(first_ns) == format_day(last_ns):
        return clock
    return lambda at: f"{format_day(at)[5:]} {clock(at)}"


def _time_words(first_ns: int, last_ns: int) -> Callable[[int], str]:
    if format_day(first_ns) == format_day(last_ns):
        return lambda at: format_clock(at)[:8]
    return lambda at: f"{format_day(at)} {format_clock(at)[:8]}"


def slot_edges(first_ns: int, last_ns: int, least_ns: int = NS_PER_SECOND, slots: int = 60) -> tuple[int, ...]:
    """At most ``slots`` equal slots from ``first_ns`` to ``last_ns``, none shorter than ``least_ns``."""
    span_ns = max(1, last_ns - first_ns)
    count = max(1, min(slots, span_ns // max(1, least_ns)))
    return tuple(first_ns + span_ns * at // count for at in range(count + 1))


def peaks_kept(times_ns: Sequence[int], values: Sequence[float], slots: int = MAX_SLOTS) -> list[tuple[int, float]]:
    """At most four points a slot: its first, lowest, highest and last, which draws the same line as all of them (M4: Jugel
    and others, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014).

    >>> peaks_kept([0, 1, 2, 3, 4, 5], [1, 1, 9, 1, 0, 1], slots=1)
    [(0, 1), (2, 9), (4, 0), (5, 1)]
    """
    if len(times_ns) <= slots:
        return list(zip(times_ns, values, strict=True))
    edges = slot_edges(times_ns[0], times_ns[-1] + 1, 1, slots)
    kept: list[tuple[int, float]] = []
    at = 0
    for _, end_ns in pairwise(edges):
        begin = at
        while at < len(times_ns) and times_ns[at] < end_ns:
            at += 1
        if begin < at:
            places = range(begin, at)
            chosen = {begin, at - 1, min(places, key=values.__getitem__), max(places, key=values.__getitem__)}
            kept += [(times_ns[place], values[place]) for place in sorted(chosen)]
    return kept
