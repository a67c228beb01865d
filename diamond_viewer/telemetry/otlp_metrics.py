"""OTLP/JSON's metrics -> points with the names of their series. What cannot be read costs one point, never its line."""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import inf, isnan, nan

import msgspec

from diamond_viewer.telemetry.distribution import Buckets, ExplicitBuckets, ExponentialBuckets
from diamond_viewer.telemetry.metrics import Kind, Labels, MetricBatch, MetricReading, Point, SeriesName
from diamond_viewer.telemetry.model import AttributeValue
from diamond_viewer.telemetry.otlp_values import attributes_from_wire
from diamond_viewer.telemetry.redact import redact_attributes, redact_text
from diamond_viewer.telemetry.semconv import service_name

MAX_TIME_NS = 2**63 - 1
MAX_TEXT = 512  # characters of a name, a unit or a label that are kept
MAX_LABELS = 64  # of one series; what is beyond them makes no series of its own
MAX_BUCKETS = 4_096
CUMULATIVE = (2, "2", "AGGREGATION_TEMPORALITY_CUMULATIVE")
NO_RECORDED_VALUE = 1  # bit of a point's flags: the producer says that there is none

_NO_BYTES = msgspec.Raw(b"")


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    pass


class _Container(_Wire):
    """Of points, whatever their kind; each is decoded by itself."""

    data_points: list[msgspec.Raw] | None = None
    aggregation_temporality: int | str | None = 0
    is_monotonic: bool | None = False


class _Metric(_Wire):
    name: str | None = ""
    description: str | None = ""
    unit: str | None = ""
    sum: _Container | None = None
    gauge: _Container | None = None
    histogram: _Container | None = None
    exponential_histogram: _Container | None = None
    summary: _Container | None = None


class _Scope(_Wire):
    name: str | None = ""


class _ScopeMetrics(_Wire):
    scope: _Scope | None = None
    metrics: list[_Metric] | None = None


class _Resource(_Wire):
    attributes: msgspec.Raw = _NO_BYTES


class _ResourceMetrics(_Wire):
    resource: _Resource | None = None
    scope_metrics: list[_ScopeMetrics] | None = None


class _BucketRun(_Wire):
    offset: int | None = 0
    bucket_counts: list[int] | None = None


class _Point(_Wire):
    attributes: msgspec.Raw = _NO_BYTES
    start_time_unix_nano: int | None = 0
    time_unix_nano: int | None = 0
    flags: int | None = 0
    as_int: int | float | None = None
    as_double: float | None = None
    count: int | None = 0
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bucket_counts: list[int] | None = None
    explicit_bounds: list[float] | None = None
    scale: int | None = 0
    zero_count: int | None = 0
    zero_threshold: float | None = 0.0
    positive: _BucketRun | None = None
    negative: _BucketRun | None = None


_DECODER = msgspec.json.Decoder(list[_ResourceMetrics])
# numbers may be texts: that is how the wire writes 64 bits, NaN and the infinities
_POINT_DECODER = msgspec.json.Decoder(_Point, strict=False)


def decode_metrics(resource_metrics: bytes) -> MetricBatch:
    """The JSON array that stands under ``resourceMetrics``. Raises ``msgspec.DecodeError`` when it is none."""
    readings: list[MetricReading] = []
    invalid_points = 0
    for block in _DECODER.decode(resource_metrics):
        resource, service = _resource(bytes(block.resource.attributes) if block.resource else b"")
        for scope_metrics in block.scope_metrics or ():
            scope = _kept((scope_metrics.scope.name if scope_metrics.scope else "") or "")
            for metric in scope_metrics.metrics or ():
                for reading in _readings(metric, scope, resource, service):
                    if reading is None:
                        invalid_points += 1
                    else:
                        readings.append(reading)
    return MetricBatch(tuple(readings), invalid_points)


def _readings(metric: _Metric, scope: str, resource: Labels, service: str) -> Iterator[MetricReading | None]:
    """None for a point that cannot be used; nothing for one that says it has no value."""
    for container, kind in (
        (metric.sum, Kind.COUNTER if metric.sum and metric.sum.is_monotonic else Kind.LEVEL),
        (metric.gauge, Kind.GAUGE),
        (metric.histogram, Kind.HISTOGRAM),
        (metric.exponential_histogram, Kind.HISTOGRAM),
        (metric.summary, Kind.SUMMARY),
    ):
        if container is None:
            continue
        # a summary has no temporality: its count and sum grow since its start
        is_cumulative = kind is Kind.SUMMARY or container.aggregation_temporality in CUMULATIVE
        is_exponential = container is metric.exponential_histogram
        name, unit = _kept(metric.name or ""), _kept(metric.unit or "")
        description = _kept(metric.description or "")
        for raw in container.data_points or ():
            try:
                wire = _POINT_DECODER.decode(raw)
                if (wire.flags or 0) & NO_RECORDED_VALUE:
                    continue
                point = _point(wire, kind, is_exponential)
                labels = _labels(bytes(wire.attributes))
            except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
                yield None
                continue
            series = SeriesName(name, unit, kind, is_cumulative, service, labels, resource, scope)
            yield MetricReading(series, point, description)


def _point(wire: _Point, kind: Kind, is_exponential: bool) -> Point:
    """Raises ``ValueError`` for a point that has no time, no value or buckets that contradict each other."""
    time_ns = _time(wire.time_unix_nano)
    if not time_ns:
        raise ValueError("a point without a time")
    start_ns = min(_time(wire.start_time_unix_nano), time_ns)
    if kind in (Kind.COUNTER, Kind.LEVEL, Kind.GAUGE):
        value = wire.as_double if wire.as_double is not None else wire.as_int
        if value is None or isnan(value) or value in (inf, -inf) or (kind is Kind.COUNTER and value < 0):
            raise ValueError("a point without a value")
        return Point(start_ns, time_ns, float(value))
    count = wire.count or 0
    if count < 0:
        raise ValueError("a negative count")
    buckets = None if kind is Kind.SUMMARY else _exponential(wire) if is_exponential else _explicit(wire, count)
    low, high = (wire.min, wire.max) if count else (None, None)
    return Point(
        start_ns,
        time_ns,
        float(count),
        nan if wire.sum is None else wire.sum,
        -inf if low is None or isnan(low) else low,
        inf if high is None or isnan(high) else high,
        buckets,
    )


def _explicit(wire: _Point, count: int) -> Buckets | None:
    counts, bounds = tuple(wire.bucket_counts or ()), tuple(wire.explicit_bounds or ())
    if not counts:
        return None  # only count and sum are sent: that is allowed
    is_ascending = all(one < two for one, two in pairwise(bounds))
    if len(counts) != len(bounds) + 1 or len(counts) > MAX_BUCKETS or not is_ascending or min(counts) < 0:
        raise ValueError("buckets that contradict their bounds")
    if sum(counts) != count:
        raise ValueError("buckets that contradict the count")
    return ExplicitBuckets(_shared_bounds(bounds), counts)


@lru_cache(maxsize=64)
def _shared_bounds(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """One object for all points with these bounds: an SDK sends the same with every point, and they outweigh its counts."""
    return bounds


def _exponential(wire: _Point) -> Buckets:
    scale, zero_count = wire.scale or 0, wire.zero_count or 0
    if not -20 <= scale <= 30 or zero_count < 0:
        raise ValueError("a scale that no producer uses")
    return ExponentialBuckets(scale, zero_count, wire.zero_threshold or 0.0, _run(wire.positive), _run(wire.negative))


def _run(run: _BucketRun | None) -> tuple[tuple[int, int], ...]:
    counts = (run.bucket_counts if run else None) or ()
    if len(counts) > MAX_BUCKETS or min(counts, default=0) < 0 or (run and abs(run.offset or 0) > 2**40):
        raise ValueError("more buckets than any producer makes")
    first = (run.offset if run else 0) or 0
    return tuple((first + at, count) for at, count in enumerate(counts) if count)


def _time(time: int | None) -> int:
    return min(max(time or 0, 0), MAX_TIME_NS)


def _kept(text: str) -> str:
    return redact_text(text[: 10 * MAX_TEXT])[:MAX_TEXT]  # a secret that is cut is none that could be told


@lru_cache(maxsize=256)
def _resource(blob: bytes) -> tuple[Labels, str]:
    attributes = attributes_from_wire(blob) if len(blob) > 2 else {}
    return _labels(blob), _kept(service_name(attributes))


@lru_cache(maxsize=4_096)
def _labels(blob: bytes) -> Labels:
    if len(blob) <= 2:
        return ()
    attributes = redact_attributes(attributes_from_wire(blob))
    texts = sorted((key[:MAX_TEXT], label_text(value)[:MAX_TEXT]) for key, value in attributes.items())
    return tuple(texts[:MAX_LABELS])


def label_text(value: AttributeValue) -> str:
    """
    >>> [label_text(value) for value in ("a", True, 3, 0.5, None, ["a", 1])]
    ['a', 'true', '3', '0.5', '', '["a",1]']
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, default=_dumped, ensure_ascii=False, separators=(",", ":"))


def _dumped(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
