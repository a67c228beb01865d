"""Metric points as the producers sent them, and what happened between two of them.

OTLP metrics data model (opentelemetry-specification, ``metrics/data-model.md``): a *series* is one metric with one set of
attributes from one process (a resource). Counters and histograms tell a *flow*: how much was added in a stretch of time,
whether the producer sent differences (delta) or totals since its start (cumulative). Gauges tell *readings*.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite, nan

import msgspec

from diamond_viewer.telemetry.distribution import (
    Buckets,
    ExplicitBuckets,
    Percentile,
    is_below,
    minus,
    percentile,
    plus,
    ranges_of,
)

NS_PER_SECOND = 1_000_000_000
Labels = tuple[tuple[str, str], ...]  # sorted by key


class Kind(StrEnum):
    """``LEVEL`` is a sum that may fall, such as open connections."""

    COUNTER = "counter"
    LEVEL = "level"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


class SeriesName(msgspec.Struct, frozen=True, gc=False):
    """What makes a series this one and no other. Labels are texts, secrets taken out."""

    metric: str
    unit: str
    kind: Kind
    is_cumulative: bool
    service: str
    labels: Labels
    resource: Labels
    scope: str = ""

    @property
    def is_flow(self) -> bool:
        """Amounts to be added up; else readings, of which the latest holds."""
        return self.kind is not Kind.GAUGE and not (self.kind is Kind.LEVEL and self.is_cumulative)


class Point(msgspec.Struct, frozen=True, gc=False):
    """One point, or several that time has made one.

    ``amount`` is the value of a number, the count of a histogram or summary. ``total`` is the sum of what was counted, NaN when
    it was not said; ``low`` and ``high`` bound what was counted, or read of a gauge. ``peak_per_s`` is the highest rate among
    points that were merged into this one.
    """

    start_ns: int
    time_ns: int
    amount: float
    total: float = nan
    low: float = -inf
    high: float = inf
    buckets: Buckets | None = None
    peak_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Increment:
    """What was added in ``(start_ns, end_ns]``. ``total`` is NaN when unknown."""

    start_ns: int
    end_ns: int
    amount: float
    total: float
    low: float
    high: float
    buckets: Buckets | None
    peak_per_s: float

    @property
    def duration_ns(self) -> int:
        return max(1, self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class SeriesPoints:
    """A series as it is held. ``points`` are sorted by the start of their process's counting, then by time."""

    name: SeriesName
    points: tuple[Point, ...]

    def increments(self) -> tuple[Increment, ...]:
        """In the order of time; empty for gauges."""
        if not self.name.is_flow:
            return ()
        found = _from_totals(self.points) if self.name.is_cumulative else map(_increment, self.points)
        return tuple(sorted(found, key=lambda increment: (increment.end_ns, increment.start_ns)))


@dataclass(frozen=True, slots=True)
class MetricOutline:
    """A metric that is held: what can be picked. ``label_keys`` are those of its points, without the resource's."""

    name: str
    unit: str
    description: str
    kinds: tuple[Kind, ...]
    series_count: int
    services: tuple[str, ...]
    label_keys: tuple[str, ...]
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class MetricCatalogue:
    """``others`` series came after as many as there is room for; ``unreadable_points`` said nothing that could be used."""

    metrics: tuple[MetricOutline, ...] = ()
    series_count: int = 0
    others: int = 0
    others_is_least: bool = False
    unreadable_points: int = 0
    size_bytes: int = 0

    def find(self, name: str) -> MetricOutline | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


class MetricReading(msgspec.Struct, frozen=True, gc=False):
    """One point of a line with the series it belongs to."""

    name: SeriesName
    point: Point
    description: str = ""


@dataclass(frozen=True, slots=True)
class MetricBatch:
    """The points of one line; ``invalid_points`` could not be read."""

    readings: Sequence[MetricReading] = ()
    invalid_points: int = 0


def _increment(point: Point) -> Increment:
    """A delta says it itself. Without a start it lasts no time that is known."""
    start_ns = min(point.start_ns or point.time_ns, point.time_ns)
    return _made(start_ns, point, point.amount, point.total, point.buckets)


def _from_totals(points: Sequence[Point]) -> Iterator[Increment]:
    """Points with one start are one life of a counter: its first point counts from that start, each later one from the one
    before. A total that falls within a life began anew at the point before. A first point without a start says nothing: how
    much of it is old is unknown."""
    before: Point | None = None
    for point in points:
        if before is None or before.start_ns != point.start_ns:
            if point.start_ns:
                yield _made(point.start_ns, point, point.amount, point.total, point.buckets)
        elif has_fallen(before, point):
            yield _made(before.time_ns, point, point.amount, point.total, point.buckets)
        else:
            yield _made(
                before.time_ns,
                point,
                point.amount - before.amount,
                point.total - before.total,
                minus(point.buckets, before.buckets),
            )
        before = point


def has_fallen(before: Point, point: Point) -> bool:
    """
    >>> has_fallen(Point(1, 2, 5), Point(1, 3, 5)), has_fallen(Point(1, 2, 5), Point(1, 3, 4))
    (False, True)
    """
    return point.amount < before.amount or is_below(point.buckets, before.buckets)


def _made(start_ns: int, point: Point, amount: float, total: float, buckets: Buckets | None) -> Increment:
    start_ns = min(start_ns, point.time_ns)
    seconds = (point.time_ns - start_ns) / NS_PER_SECOND
    rate = amount / seconds if seconds > 0 else 0.0
    return Increment(
        start_ns, point.time_ns, amount, total, point.low, point.high, buckets, max(rate, point.peak_per_s)
    )


def thinned(name: SeriesName, points: Sequence[Point]) -> list[Point]:
    """Neighbours in pairs made one, so that about half remain: amounts, extremes and the highest rate survive, moments do not.

    Totals of different lives, and those on both sides of a fall, are kept apart.

    >>> name = SeriesName("m", "", Kind.COUNTER, False, "s", (), ())
    >>> [(p.start_ns, p.time_ns, p.amount) for p in thinned(name, [Point(0, 1, 2), Point(1, 2, 3), Point(2, 3, 4)])]
    [(1, 2, 5), (2, 3, 4)]
    """
    kept: list[Point] = []
    at = 0
    while at < len(points):
        pair = points[at : at + 2]
        merged = _merged(name, kept[-1] if kept else None, *pair) if len(pair) == 2 else None
        kept.append(merged or pair[0])
        at += 2 if merged else 1
    return kept


def _merged(name: SeriesName, before: Point | None, one: Point, two: Point) -> Point | None:
    if not name.is_flow:
        return _changed(two, low=min(_low(one), _low(two)), high=max(_high(one), _high(two)), start_ns=one.start_ns)
    peak = max(_rate(name, before, one), _rate(name, one, two))
    if name.is_cumulative:
        if one.start_ns != two.start_ns or has_fallen(one, two):
            return None
        return _changed(two, peak_per_s=peak)
    buckets = plus(one.buckets, two.buckets) if one.buckets and two.buckets else None
    if (one.buckets or two.buckets) and buckets is None:
        return None  # bounds have changed between them
    return Point(
        min(one.start_ns or one.time_ns, two.start_ns or two.time_ns),
        two.time_ns,
        one.amount + two.amount,
        one.total + two.total,
        min(one.low, two.low),
        max(one.high, two.high),
        buckets,
        peak,
    )


def _changed(point: Point, **changes: object) -> Point:
    return msgspec.structs.replace(point, **changes)


def _rate(name: SeriesName, before: Point | None, point: Point) -> float:
    pair = [point] if before is None or not name.is_cumulative else [before, point]
    return SeriesPoints(name, tuple(pair)).increments()[-1].peak_per_s if point.start_ns or len(pair) == 2 else 0.0


def _low(point: Point) -> float:
    return point.low if isfinite(point.low) else point.amount


def _high(point: Point) -> float:
    return point.high if isfinite(point.high) else point.amount


@dataclass(frozen=True, slots=True)
class Flow:
    """Increments added up; ``buckets`` has an entry for each set of bounds."""

    amount: float = 0.0
    total: float = 0.0
    low: float = inf
    high: float = -inf
    buckets: tuple[Buckets, ...] = ()


def within(increments: Iterable[Increment], since_ns: int, until_ns: int) -> tuple[tuple[Increment, ...], bool]:
    """Those that end in ``(since_ns, until_ns]``, and whether one was left out because it began too long before.

    One that merely reaches over the edge counts where it ends, as counters always do; one that is mostly older does not.
    """
    chosen, is_cut = [], False
    for increment in increments:
        if not since_ns < increment.end_ns <= until_ns:
            continue
        if increment.start_ns < since_ns and since_ns - increment.start_ns > increment.end_ns - since_ns:
            is_cut = True
        else:
            chosen.append(increment)
    return tuple(chosen), is_cut


def added_up(increments: Iterable[Increment]) -> Flow:
    amount = total = 0.0
    low, high = inf, -inf
    held: dict[object, Buckets] = {}  # by what can be added to each other
    for increment in increments:
        amount += increment.amount
        total += increment.total
        if increment.amount:
            low, high = min(low, increment.low), max(high, increment.high)
        if (buckets := increment.buckets) is not None:
            shape = buckets.bounds if isinstance(buckets, ExplicitBuckets) else "exponential"
            held[shape] = plus(held.get(shape), buckets) or buckets
    return Flow(amount, total, low, high, tuple(held.values()))


def percentile_of(flow: Flow, percent: float) -> Percentile:
    """Of all that was counted, whatever the buckets; NaN when nothing was, or without buckets."""
    ranges = [part for buckets in flow.buckets for part in ranges_of(buckets, flow.low, flow.high)]
    return percentile(ranges, percent)
