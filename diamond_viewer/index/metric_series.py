"""MetricSeries: the series of all metrics in memory, bounded in number and in bytes; what is older is held more coarsely.

When a series is full, neighbours in its older half become one: what is recent stays as it came, an hour ago is coarse, a week
ago coarser. Sums, extremes and highest rates survive that, moments do not.
"""

import threading
from bisect import bisect_left

from diamond_viewer.telemetry.distribution import Buckets, ExplicitBuckets
from diamond_viewer.telemetry.metrics import (
    MetricBatch,
    MetricCatalogue,
    MetricOutline,
    MetricReading,
    Point,
    SeriesName,
    SeriesPoints,
    thinned,
)

MAX_POINTS = 240  # of one series: with an export a minute the last two hours as they came
MIN_POINTS = 8  # is left of a series when all must give way
SERIES_BYTES = 2_000  # of a series without its points: names, labels, dicts
POINT_BYTES = 300  # measured with tests/index/test_metric_series.py
COUNT_BYTES = 16  # of one bucket
SHARE = 32  # of the whole budget, one part
MAX_OTHERS = 100_000  # refused series that are told apart: a bound on remembering what is not held


class _Series:
    __slots__ = ("points", "size_bytes")

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.size_bytes = SERIES_BYTES


class MetricSeries:
    """May be asked from any thread; one writer. ``limit_bytes`` is what all series together may take."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._series: dict[str, dict[SeriesName, _Series]] = {}
        self._descriptions: dict[str, str] = {}
        self._others: set[int] = set()
        self._unreadable_points = 0
        self._size_bytes = 0
        self._least_bytes = 0  # of all series when everything has given way
        self._series_count = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes + 60 * len(self._others)

    def add(self, batch: MetricBatch) -> None:
        """A point that is held already, whole or within a coarser one, changes nothing."""
        with self._lock:
            self._unreadable_points += batch.invalid_points
            for reading in batch.readings:
                self._take(reading)
            if self._size_bytes > self._limit_bytes:
                self._make_room()

    def add_all(self, other: "MetricSeries") -> None:
        """What another process read of a file of its own."""
        for held in other._series.values():
            readings = [MetricReading(name, point) for name, series in held.items() for point in series.points]
            self.add(MetricBatch(readings))
        with self._lock:
            self._descriptions |= {n: text for n, text in other._descriptions.items() if n in self._series}
            self._unreadable_points += other._unreadable_points
            self._others |= set(list(other._others)[: max(0, MAX_OTHERS - len(self._others))])

    def catalogue(self) -> MetricCatalogue:
        with self._lock:
            outlines = [self._outline(name, held) for name, held in sorted(self._series.items())]
            return MetricCatalogue(
                tuple(outlines),
                self._series_count,
                len(self._others),
                len(self._others) >= MAX_OTHERS,
                self._unreadable_points,
                self.size_bytes,
            )

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        with self._lock:
            held = self._series.get(metric, {})
            return tuple(SeriesPoints(name, tuple(series.points)) for name, series in held.items() if series.points)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def _take(self, reading: MetricReading) -> None:
        held = self._series.setdefault(reading.name.metric, {})
        series = held.get(reading.name)
        if series is None:
            least_bytes = SERIES_BYTES + MIN_POINTS * _size_of(reading.point)
            if self._least_bytes + least_bytes > self._limit_bytes:
                if len(self._others) < MAX_OTHERS:
                    self._others.add(hash(reading.name))
                if not held:
                    del self._series[reading.name.metric]
                return
            series = held[reading.name] = _Series()
            self._series_count += 1
            self._least_bytes += least_bytes
            self._size_bytes += SERIES_BYTES
        if reading.description:
            self._descriptions.setdefault(reading.name.metric, reading.description)
        if _insert(reading.name, series.points, reading.point):
            self._grow(series, _size_of(reading.point))
            if len(series.points) > MAX_POINTS:
                self._thin(reading.name, series)

    def _grow(self, series: _Series, by_bytes: int) -> None:
        series.size_bytes += by_bytes
        self._size_bytes += by_bytes

    def _thin(self, name: SeriesName, series: _Series) -> None:
        """About a quarter goes. Where nothing can be merged (a process that began anew with every point) the oldest go."""
        by_age = sorted(series.points, key=lambda point: point.time_ns)
        is_older = by_age[len(by_age) // 2].time_ns
        older = [point for point in series.points if point.time_ns < is_older]
        recent = [point for point in series.points if point.time_ns >= is_older]
        fewer = thinned(name, older)
        if len(fewer) > len(older) * 3 // 4:
            oldest = sorted(fewer, key=lambda point: point.time_ns)[len(fewer) // 2].time_ns
            fewer = [point for point in fewer if point.time_ns >= oldest]
        series.points = sorted(fewer + recent, key=lambda point: _place(name, point))
        self._grow(series, SERIES_BYTES + sum(map(_size_of, series.points)) - series.size_bytes)

    def _make_room(self) -> None:
        """Everything gets coarser, the longest series first, until it fits or nothing more can give way."""
        while self._size_bytes > self._limit_bytes * 7 // 8:  # not for every point anew
            every = [(name, series) for held in self._series.values() for name, series in held.items()]
            longest = max((len(series.points) for _, series in every), default=0)
            if longest <= MIN_POINTS:
                return
            for name, series in every:
                if len(series.points) > max(MIN_POINTS, longest // 2):
                    self._thin(name, series)

    def _outline(self, metric: str, held: dict[SeriesName, _Series]) -> MetricOutline:
        points = [series.points for series in held.values() if series.points]
        return MetricOutline(
            name=metric,
            unit=next((name.unit for name in held if name.unit), ""),
            description=self._descriptions.get(metric, ""),
            kinds=tuple(sorted({name.kind for name in held})),
            series_count=len(held),
            services=tuple(sorted({name.service for name in held})),
            label_keys=tuple(sorted({key for name in held for key, _ in name.labels})),
            first_ns=min((min(p.time_ns for p in part) for part in points), default=0),
            last_ns=max((max(p.time_ns for p in part) for part in points), default=0),
        )


def _place(name: SeriesName, point: Point) -> tuple[int, int]:
    """Totals are sorted by the life they belong to; the rest by time alone."""
    return (point.start_ns if name.is_flow and name.is_cumulative else 0, point.time_ns)


def _insert(name: SeriesName, points: list[Point], point: Point) -> bool:
    """False when it is held already: the same line comes again under another digest, or its point is part of a coarser one."""
    place = _place(name, point)
    at = bisect_left(points, place, key=lambda held: _place(name, held))
    if at < len(points) and _place(name, points[at]) == place:
        return False
    is_delta = name.is_flow and not name.is_cumulative
    if is_delta and at < len(points) and points[at].start_ns <= point.start_ns and point.start_ns:
        return False  # the next one begins before it: it was made of this one and others
    points.insert(at, point)
    return True


def _size_of(point: Point) -> int:
    return POINT_BYTES + COUNT_BYTES * _bucket_count(point.buckets)


def _bucket_count(buckets: Buckets | None) -> int:
    if buckets is None:
        return 0
    if isinstance(buckets, ExplicitBuckets):
        return len(buckets.counts)
    return 4 * (len(buckets.positive) + len(buckets.negative))
