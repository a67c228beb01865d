"""One metric over a window: its figures, and a chart of it, split by an attribute when asked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from diamond_viewer.telemetry.distribution import Percentile
from diamond_viewer.telemetry.metrics import (
    Flow,
    Increment,
    Kind,
    MetricOutline,
    SeriesPoints,
    added_up,
    percentile_of,
    within,
)
from diamond_viewer.telemetry.units import format_count, format_date_time, format_rate, zone_label
from diamond_viewer.web.charts import TONES, Chart, Row, chart, figure_format, slot_edges

SERVICE_LABEL = "service.name"
MAX_PARTS = 200  # of a split, in the API; the page draws TONES
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Window:
    """``since_ns`` and ``until_ns`` as asked (open ends are far away)."""

    since_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one value of the split added up to; ``label`` is "" when nothing is split. ``is_cut`` as in ``metrics.within``."""

    label: str
    increments: tuple[Increment, ...]
    flow: Flow
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class MetricPanel:
    """``figures`` over the whole window, then the chart. ``note`` says what was left out."""

    name: str
    description: str
    kind: str
    figures: tuple[Figure, ...]
    chart: Chart
    note: str


def label_of(series: SeriesPoints, split_by: str) -> str:
    """The value that the split sorts a series under."""
    if not split_by:
        return ""
    if split_by == SERVICE_LABEL:
        return series.name.service
    labels = {**dict(series.name.resource), **dict(series.name.labels)}
    return labels.get(split_by) or "(none)"


def parts_of(series: Sequence[SeriesPoints], window: Window, split_by: str) -> tuple[Part, ...]:
    """Largest first; series that only tell readings have no part."""
    gathered: dict[str, list[Increment]] = defaultdict(list)
    is_cut: dict[str, bool] = defaultdict(bool)
    for one in series:
        if one.name.is_flow:
            label = label_of(one, split_by)
            chosen, cut = within(one.increments(), window.since_ns, window.until_ns)
            gathered[label] += chosen
            is_cut[label] |= cut
    parts = [Part(label, tuple(found), added_up(found), is_cut[label]) for label, found in gathered.items()]
    return tuple(sorted(parts, key=lambda part: (-part.flow.amount, part.label)))


def metric_panel(outline: MetricOutline, series: Sequence[SeriesPoints], window: Window, split_by: str) -> MetricPanel:
    """``series`` are all of the metric."""
    if not any(one.name.is_flow for one in series):
        return _readings_panel(outline, series, window, split_by)
    parts = parts_of(series, window, split_by)
    whole = parts_of(series, window, "")[0]
    edges = _edges(whole.increments, window)
    is_timed = Kind.HISTOGRAM in outline.kinds and bool(whole.flow.buckets)
    noun = "measurements" if Kind.HISTOGRAM in outline.kinds or Kind.SUMMARY in outline.kinds else outline.unit
    drawn = (
        chart(outline.name, edges, _percentile_rows(parts, edges), outline.unit, empty=_empty(outline))
        if is_timed
        else chart(
            outline.name,
            edges,
            _amount_rows(parts, edges),
            "" if noun == "measurements" else outline.unit,
            is_stacked=True,
            empty=_empty(outline),
        )
    )
    return MetricPanel(
        outline.name,
        outline.description,
        ", ".join(outline.kinds),
        _timed_figures(whole.flow, outline.unit) if is_timed else _counted_figures(whole, outline.unit, edges),
        drawn,
        _note(parts),
    )


def _empty(outline: MetricOutline) -> str:
    newest = f"{format_date_time(outline.last_ns)[:19]} {zone_label()}"
    return f"Nothing was measured in this window; the newest is of {newest}."


def _note(parts: Sequence[Part]) -> str:
    said = []
    if len(parts) > TONES:
        said.append(f"{len(parts) - TONES + 1:,} of {len(parts):,} values are drawn together as others.")
    if any(part.is_cut for part in parts):
        said.append("What had been counted long before the window began is left out.")
    return " ".join(said)


def _edges(increments: Sequence[Increment], window: Window) -> tuple[int, ...]:
    """No slot is shorter than an export lasts: it would be empty every other time."""
    if not increments:
        return ()
    first_ns = max(window.since_ns, min(increment.start_ns for increment in increments))
    last_ns = max(increment.end_ns for increment in increments)
    durations = sorted(increment.duration_ns for increment in increments)
    return slot_edges(min(first_ns, last_ns - 1), last_ns, durations[len(durations) // 2])


def _slots(increment: Increment, edges: Sequence[int]) -> list[tuple[int, float]]:
    """Which slots an increment belongs to, and with what share: one that is longer than a slot is spread evenly."""
    first_ns, width_ns = edges[0], max(1, edges[1] - edges[0])
    count = len(edges) - 1
    last = min(max((increment.end_ns - 1 - first_ns) // width_ns, 0), count - 1)
    if increment.duration_ns <= width_ns * 1.5:
        return [(last, 1.0)]
    first = min(max((increment.start_ns - first_ns) // width_ns, 0), last)
    return [(at, 1 / (last - first + 1)) for at in range(first, last + 1)]


def _amount_rows(parts: Sequence[Part], edges: Sequence[int]) -> list[Row]:
    rows = []
    for part in _few(parts):
        amounts = [0.0] * max(0, len(edges) - 1)
        for increment in part.increments:
            for at, share in _slots(increment, edges):
                amounts[at] += increment.amount * share
        note = f"{part.flow.amount:,.10g}" if part.label else ""
        rows.append(Row(part.label or "all", tuple(amounts), note=note))
    return rows


def _percentile_rows(parts: Sequence[Part], edges: Sequence[int]) -> list[Row]:
    is_split = any(part.label for part in parts)
    rows = []
    for percent in (95,) if is_split else (95, 50):
        for part in _few(parts):
            slots: list[list[Increment]] = [[] for _ in range(max(0, len(edges) - 1))]
            for increment in part.increments:
                for at, _ in _slots(increment, edges):
                    slots[at].append(increment)
            found = [percentile_of(added_up(held), percent) if any(i.amount for i in held) else None for held in slots]
            rows.append(
                Row(
                    f"p{percent} {part.label}".strip(),
                    tuple(_estimate(one) for one in found),
                    tuple((one.low, one.high) if one and isfinite(one.low) else None for one in found),
                    f"{part.flow.amount:,.10g} measured" if part.label else "",
                )
            )
    return rows


def _estimate(found: Percentile | None) -> float | None:
    return found.estimate if found is not None and isfinite(found.estimate) else None


def _few(parts: Sequence[Part]) -> list[Part]:
    """As many as can be told apart; the smallest together."""
    if len(parts) <= TONES:
        return list(parts)
    rest = parts[TONES - 1 :]
    increments = tuple(increment for part in rest for increment in part.increments)
    return [*parts[: TONES - 1], Part(OTHERS, increments, added_up(increments), any(part.is_cut for part in rest))]


def _timed_figures(flow: Flow, unit: str) -> tuple[Figure, ...]:
    form = figure_format(unit)
    found = [(percent, percentile_of(flow, percent)) for percent in (50, 95, 99)]
    figures = [Figure("measured", f"{flow.amount:,.10g}", "")]
    for percent, one in found:
        if isfinite(one.estimate):
            between = "" if one.low == one.high else f"{form(one.low)} to {form(one.high)}"
            figures.append(Figure(f"p{percent}", form(one.estimate), between))
    if isfinite(flow.total) and flow.amount:
        figures.append(Figure("mean", form(flow.total / flow.amount), ""))
    return tuple(figures)


def _counted_figures(part: Part, unit: str, edges: Sequence[int]) -> tuple[Figure, ...]:
    form = figure_format(unit)
    figures = [Figure("total", form(part.flow.amount), "")]
    if edges and part.flow.amount > 0:
        figures.append(Figure("rate", format_rate(round(part.flow.amount), edges[-1] - edges[0]) or "0/s", ""))
        peak = max(increment.peak_per_s for increment in part.increments)
        figures.append(Figure("highest", f"{peak:,.3g}/s", "of one export"))
    if part.flow.amount and isfinite(part.flow.total):
        figures.append(Figure("mean", form(part.flow.total / part.flow.amount), ""))
    return tuple(figures)


def _readings_panel(
    outline: MetricOutline, series: Sequence[SeriesPoints], window: Window, split_by: str
) -> MetricPanel:
    """Gauges and levels: processes side by side. Where several share a label the highest reading is drawn."""
    form = figure_format(outline.unit)
    readings: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    for one in series:
        label = label_of(one, split_by) if split_by else _full_label(one, len(outline.services) > 1)
        for point in one.points:
            if window.since_ns < point.time_ns <= window.until_ns:
                low = point.low if isfinite(point.low) else point.amount
                high = point.high if isfinite(point.high) else point.amount
                readings[label].append((point.time_ns, point.amount, low, high))
    chosen = sorted(readings.items(), key=lambda pair: (-max(reading[3] for reading in pair[1]), pair[0]))
    times = [reading[0] for held in readings.values() for reading in held]
    edges = slot_edges(min(times) - 1, max(times), _usual_gap_ns(series)) if times else ()
    rows = [_reading_row(label, held, edges) for label, held in chosen[:TONES]]
    lasts = sum(max(held)[1] for held in readings.values())
    figures = (
        (
            Figure("now, all together", form(lasts), ""),
            Figure("highest", form(max(r[3] for _, h in chosen for r in h)), ""),
        )
        if chosen
        else ()
    )
    note = f"The {TONES} highest of {format_count(len(chosen))} are drawn." if len(chosen) > TONES else ""
    drawn = chart(outline.name, edges, rows, outline.unit, empty=_empty(outline))
    return MetricPanel(outline.name, outline.description, ", ".join(outline.kinds), figures, drawn, note)


def _full_label(one: SeriesPoints, names_service: bool) -> str:
    words = [value for _, value in one.name.labels]
    return " · ".join([*words, *([one.name.service] if names_service or not words else [])])


def _usual_gap_ns(series: Sequence[SeriesPoints]) -> int:
    """Between readings of one series: a slot that is shorter would be empty every other time."""
    gaps = [after.time_ns - before.time_ns for one in series for before, after in pairwise(one.points)]
    rising = sorted(gap for gap in gaps if gap > 0)
    return rising[len(rising) // 2] if rising else 1


def _reading_row(label: str, held: Sequence[tuple[int, float, float, float]], edges: Sequence[int]) -> Row:
    """The highest of each slot, with the lowest as the other end of the band: no peak is lost."""
    slots: list[list[tuple[float, float]]] = [[] for _ in range(len(edges) - 1)]
    width_ns = max(1, edges[1] - edges[0])
    for time_ns, _, low, high in held:
        slots[min(max((time_ns - 1 - edges[0]) // width_ns, 0), len(slots) - 1)].append((low, high))
    values: list[float | None] = [max(high for _, high in slot) if slot else None for slot in slots]
    bands = [(min(low for low, _ in slot), max(high for _, high in slot)) if slot else None for slot in slots]
    return Row(label, tuple(values), tuple(b if b and b[0] != b[1] else None for b in bands))


def split_keys(outlines: Sequence[MetricOutline]) -> tuple[str, ...]:
    """What any of the metrics can be split by."""
    return (SERVICE_LABEL, *sorted({key for outline in outlines for key in outline.label_keys} - {SERVICE_LABEL}))


def figures_of(part: Part) -> Mapping[str, object]:
    """A part as the API gives it."""
    percentiles = {}
    for percent in (50, 95, 99):
        found = percentile_of(part.flow, percent)
        if found.low == found.low:
            percentiles[f"p{percent}"] = {name: _finite(getattr(found, name)) for name in ("estimate", "low", "high")}
    return {
        "label": part.label,
        "amount": part.flow.amount,
        "sum": _finite(part.flow.total),
        "is_cut": part.is_cut,
        **percentiles,
        "increments": [
            {
                "start_unix_nano": str(increment.start_ns),
                "end_unix_nano": str(increment.end_ns),
                "amount": increment.amount,
            }
            for increment in part.increments
        ],
    }


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
