"""Time -> percent: where each row's bar and diamonds lie, and what stands on the axis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from diamond_viewer.telemetry.sketch import AnyEvent
from diamond_viewer.telemetry.units import NS_PER_SECOND, format_duration
from diamond_viewer.trace.extent import LAST_TIME_NS, Extent, Scale, extents, scale_of
from diamond_viewer.trace.tree import Row

MIN_BAR_PERCENT = 0.2  # about 2 px on a laptop: a bar nobody can see is a lie
MAX_TICKS = 5
_MARKS_PER_PERCENT = 5  # diamonds nearer to each other than this are one: a span can have a million events
_LONG_STEPS_S = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A diamond on a bar. ``count`` events lie there, ``event`` is the first of them, ``number`` its place in the span."""

    percent: float
    event: AnyEvent
    count: int = 1
    number: int = 0


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Percents of the scale; never wider than it and never thinner than ``MIN_BAR_PERCENT``."""

    left_percent: float
    width_percent: float
    extent: Extent
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    percent: float
    words: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """``bars`` are in the order of the rows. ``colours`` numbers the services: the first row's is 0, the others by name."""

    scale: Scale
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    colours: Mapping[str, int]


def lay_out(rows: Sequence[Row]) -> Waterfall:
    """``rows`` are all rows of the trace, as ``tree.arrange`` gives them."""
    scale = scale_of(row.span for row in rows)
    bars = [bar_of(row, extent, scale) for row, extent in zip(rows, extents(rows, scale), strict=True)]
    return Waterfall(scale, tuple(bars), ticks(scale.duration_ns), colours_of(row.span.service for row in rows))


def colours_of(services: Iterable[str]) -> Mapping[str, int]:
    """
    >>> colours_of(("web", "worker", "player", "web"))
    {'web': 0, 'player': 1, 'worker': 2}
    """
    met = list(dict.fromkeys(services))
    return {service: number for number, service in enumerate(dict.fromkeys([*met[:1], *sorted(met)]))}


def bar_of(row: Row, extent: Extent, scale: Scale, is_window: bool = False, logs: Sequence[AnyEvent] = ()) -> Bar:
    """The bar of a row; ``logs`` are marked on it beside the events of its span.

    Of a window of the trace (the bar lies in part inside) events outside are left out, not put at the edge.
    """
    left, right = scale.percent(extent.start_ns), scale.percent(extent.end_ns)
    if not scale.duration_ns:
        left, right = 0.0, 100.0  # everything happened at once
    width = max(right - left, MIN_BAR_PERCENT)
    events = row.span.events  # decoded by asking
    if logs:
        events = (*events, *logs)
    marks = _marks(events, scale, is_window) if events else ()
    return Bar(min(left, 100 - width), width, extent, marks)


def ticks(duration_ns: int, from_ns: int = 0) -> tuple[Tick, ...]:
    """At most five, at round numbers, from ``from_ns`` on, which is where the axis begins.

    >>> [(tick.words, round(tick.percent, 1)) for tick in ticks(1_840_000_000)]
    [('0', 0.0), ('500 ms', 27.2), ('1 s', 54.3), ('1.5 s', 81.5)]
    >>> [[tick.words for tick in ticks(duration_ns)] for duration_ns in (0, 1, 7, 10_800_000_000_000)]
    [['0'], ['0', '1 ns'], ['0', '2 ns', '4 ns', '6 ns'], ['0', '1 h', '2 h', '3 h']]
    >>> len(ticks(2**64)), [tick.words for tick in ticks(100, 950)]
    (5, ['960 ns', '980 ns', '1 µs', '1.02 µs', '1.04 µs'])
    """
    if duration_ns <= 0:
        return (Tick(0.0, format_duration(from_ns) if from_ns else "0"),)
    step_ns = _step_ns(duration_ns)
    first_ns = -(-from_ns // step_ns) * step_ns
    return tuple(
        Tick(100 * (at_ns - from_ns) / duration_ns, format_duration(at_ns) if at_ns else "0")
        for at_ns in range(first_ns, from_ns + duration_ns + 1, step_ns)
    )


def _step_ns(duration_ns: int) -> int:
    """The smallest round step that gives at most ``MAX_TICKS`` ticks."""
    needed_ns = -(-duration_ns // MAX_TICKS) if duration_ns >= MAX_TICKS else 1
    if needed_ns > 30 * NS_PER_SECOND:
        for step_s in _LONG_STEPS_S:
            if step_s * NS_PER_SECOND >= needed_ns:
                return step_s * NS_PER_SECOND
        unit_ns = 86_400 * NS_PER_SECOND
    else:
        unit_ns = 1
    while True:
        for factor in (1, 2, 5):
            if factor * unit_ns >= needed_ns:
                return factor * unit_ns
        unit_ns *= 10


def _marks(events: Sequence[AnyEvent], scale: Scale, is_window: bool) -> tuple[Mark, ...]:
    """Those without a time are not on the bar; the timeline has them."""
    found: dict[int, list[int]] = {}
    for number, event in enumerate(events):
        if is_window and not scale.start_ns <= event.time_ns <= scale.end_ns:
            continue
        if 0 < event.time_ns <= LAST_TIME_NS:
            found.setdefault(round(scale.percent(event.time_ns) * _MARKS_PER_PERCENT), []).append(number)
    return tuple(
        Mark(scale.percent(events[there[0]].time_ns), events[there[0]], len(there), there[0])
        for _, there in sorted(found.items())
    )
