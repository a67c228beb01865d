"""The platform's metrics: measurements summed up into points, as the SDK's periodic reader exports them."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from diamond_viewer.demo.cast import APP, WORK, WORKER
from diamond_viewer.demo.recorder import Measurement
from diamond_viewer.demo.wire import Json, counter, counter_point, histogram, histogram_point, metrics_line
from diamond_viewer.telemetry.model import AttributeValue, Resource

DELTA, CUMULATIVE = 1, 2
BOUNDS_MS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)

_DESCRIPTIONS = {
    "video.load_time_ms": "Time to load a video",
    "video.resume_time_ms": "Time to resume a video",
    "video.buffering_events_total": "Buffering events",
    "video.resume_failures_total": "Resume failures",
    "progress.save_time_ms": "Time to save progress",
    "progress.updates_total": "Progress updates",
    "job.duration_ms": "",
}

_Attributes = tuple[tuple[str, AttributeValue], ...]


@dataclass(slots=True)
class _Series:
    start_ns: int
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    bucket_counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def add(self, value: float) -> None:
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.bucket_counts[bisect_left(BOUNDS_MS, value)] += 1


class Instruments:
    """The series of one process. The worker exports deltas, the others what they counted since they started."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._temporality = DELTA if resource is WORKER else CUMULATIVE
        self._series: dict[str, dict[_Attributes, _Series]] = {}

    def add(self, measurement: Measurement) -> None:
        series = self._series.setdefault(measurement.metric, {})
        series.setdefault(measurement.attributes, _Series(measurement.time_ns)).add(measurement.value)

    def lines(self, now_ns: int) -> Iterator[bytes]:
        """The export at ``now_ns``: a line, or none when there is nothing to say."""
        metrics = [self._metric(name, now_ns) for name in _DESCRIPTIONS if name in self._series]
        if metrics:
            yield metrics_line(self._resource, WORK if self._temporality == DELTA else APP, metrics)
        if self._temporality == DELTA:
            self._series.clear()

    def _metric(self, name: str, now_ns: int) -> Json:
        series = self._series[name]
        if name.endswith("_total"):
            points = [counter_point(dict(key), one.start_ns, now_ns, one.total) for key, one in series.items()]
            return counter(name, _DESCRIPTIONS[name], self._temporality, points)
        points = [
            histogram_point(dict(key), one.start_ns, now_ns, BOUNDS_MS, one.bucket_counts, one.total, one.low, one.high)
            for key, one in series.items()
        ]
        return histogram(name, _DESCRIPTIONS[name], self._temporality, points)
