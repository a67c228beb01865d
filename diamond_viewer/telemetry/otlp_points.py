"""OTLP/JSON's metrics -> every point with all that it says, for a place that the collector itself would write to.

``otlp_metrics`` reads what pages need; this reads the rest too: scopes, exemplars, flags, bounds. Nothing is redacted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from diamond_viewer.telemetry.model import Attributes, Resource, Scope
from diamond_viewer.telemetry.otlp_values import attributes_from_wire

MAX_TIME_NS = 2**63 - 1
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
TEMPORALITIES = (
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
)

_NO_BYTES = msgspec.Raw(b"")


@dataclass(frozen=True, slots=True)
class Exemplar:
    attributes: Attributes
    time_ns: int
    value: float
    span_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Run:
    """Buckets of an exponential histogram side by side, the first of them number ``offset``."""

    offset: int = 0
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenPoint:
    """One point of a metric. ``kind`` is one of ``KINDS`` and says which figures count; the others are 0 or empty.

    ``temporality`` is the number of the enum. ``quantiles`` are pairs of a summary: which, and its value.
    """

    kind: str
    name: str
    description: str
    unit: str
    resource: Resource
    scope: Scope
    attributes: Attributes
    start_ns: int
    time_ns: int
    flags: int = 0
    temporality: int = 0
    is_monotonic: bool = False
    value: float = 0.0
    count: int = 0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0
    bucket_counts: tuple[int, ...] = ()
    explicit_bounds: tuple[float, ...] = ()
    scale: int = 0
    zero_count: int = 0
    positive: Run = Run()
    negative: Run = Run()
    quantiles: tuple[tuple[float, float], ...] = ()
    exemplars: tuple[Exemplar, ...] = ()


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """The canonical spelling only."""


class _Attributed(_Wire):
    attributes: msgspec.Raw = _NO_BYTES
    dropped_attributes_count: int | str | None = 0


class _Scope(_Attributed):
    name: str | None = ""
    version: str | None = ""


class _Container(_Wire):
    data_points: list[msgspec.Raw] | None = None
    aggregation_temporality: int | str | None = 0
    is_monotonic: bool | None = False


class _Metric(_Wire):
    name: str | None = ""
    description: str | None = ""
    unit: str | None = ""
    gauge: _Container | None = None
    sum: _Container | None = None
    histogram: _Container | None = None
    exponential_histogram: _Container | None = None
    summary: _Container | None = None


class _ScopeMetrics(_Wire):
    scope: _Scope | None = None
    metrics: list[_Metric] | None = None
    schema_url: str | None = ""


class _ResourceMetrics(_Wire):
    resource: _Attributed | None = None
    scope_metrics: list[_ScopeMetrics] | None = None
    schema_url: str | None = ""


class _Run(_Wire):
    offset: int | None = 0
    bucket_counts: list[int] | None = None


class _Quantile(_Wire):
    quantile: float | None = 0.0
    value: float | None = 0.0


class _Exemplar(_Wire):
    filtered_attributes: msgspec.Raw = _NO_BYTES
    time_unix_nano: int | None = 0
    as_int: int | float | None = None
    as_double: float | None = None
    span_id: str | None = ""
    trace_id: str | None = ""


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
    positive: _Run | None = None
    negative: _Run | None = None
    quantile_values: list[_Quantile] | None = None
    exemplars: list[_Exemplar] | None = None


_DECODER = msgspec.json.Decoder(list[_ResourceMetrics])
# numbers may be texts: that is how the wire writes 64 bits, NaN and the infinities
_POINT_DECODER = msgspec.json.Decoder(_Point, strict=False)


def points_as_written(resource_metrics: bytes) -> Iterator[WrittenPoint | None]:
    """The JSON array that stands under ``resourceMetrics`` -> its points; None for one that has no time or cannot be read.

    Raises ``msgspec.DecodeError`` when it is no such array.
    """
    if len(resource_metrics) <= 2:
        return
    for block in _DECODER.decode(resource_metrics):
        about = block.resource or _Attributed()
        resource = Resource(attributes_from_wire(bytes(about.attributes)), block.schema_url or "")
        for scope_metrics in block.scope_metrics or ():
            named = scope_metrics.scope or _Scope()
            scope = Scope(
                named.name or "",
                named.version or "",
                attributes_from_wire(bytes(named.attributes)),
                scope_metrics.schema_url or "",
                int(named.dropped_attributes_count or 0),
            )
            for metric in scope_metrics.metrics or ():
                yield from _points(metric, resource, scope)


def _points(metric: _Metric, resource: Resource, scope: Scope) -> Iterator[WrittenPoint | None]:
    for kind in KINDS:
        container: _Container | None = getattr(metric, kind)
        for raw in (container.data_points if container else None) or ():
            try:
                wire = _POINT_DECODER.decode(raw)
                yield _point(wire, kind, metric, resource, scope) if wire.time_unix_nano else None
            except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
                yield None


def _point(wire: _Point, kind: str, metric: _Metric, resource: Resource, scope: Scope) -> WrittenPoint:
    container: _Container = getattr(metric, kind)
    return WrittenPoint(
        kind,
        metric.name or "",
        metric.description or "",
        metric.unit or "",
        resource,
        scope,
        attributes_from_wire(bytes(wire.attributes)),
        _time(wire.start_time_unix_nano),
        _time(wire.time_unix_nano),
        wire.flags or 0,
        _temporality(container.aggregation_temporality),
        bool(container.is_monotonic),
        _value(wire),
        max(0, wire.count or 0),
        wire.sum or 0.0,
        wire.min or 0.0,
        wire.max or 0.0,
        tuple(max(0, count) for count in wire.bucket_counts or ()),
        tuple(wire.explicit_bounds or ()),
        wire.scale or 0,
        max(0, wire.zero_count or 0),
        _run(wire.positive),
        _run(wire.negative),
        tuple((pair.quantile or 0.0, pair.value or 0.0) for pair in wire.quantile_values or ()),
        tuple(
            Exemplar(
                attributes_from_wire(bytes(exemplar.filtered_attributes)),
                _time(exemplar.time_unix_nano),
                _value(exemplar),
                (exemplar.span_id or "").lower(),
                (exemplar.trace_id or "").lower(),
            )
            for exemplar in wire.exemplars or ()
        ),
    )


def _value(wire: _Point | _Exemplar) -> float:
    return float(wire.as_double if wire.as_double is not None else wire.as_int or 0)


def _run(run: _Run | None) -> Run:
    return Run(run.offset or 0, tuple(max(0, count) for count in run.bucket_counts or ())) if run else Run()


def _temporality(value: int | str | None) -> int:
    """
    >>> _temporality("AGGREGATION_TEMPORALITY_CUMULATIVE"), _temporality("2"), _temporality(1), _temporality(None)
    (2, 2, 1, 0)
    """
    text = str(value or 0)
    return TEMPORALITIES.index(text) if text in TEMPORALITIES else int(text) if text in ("0", "1", "2") else 0


def _time(time_ns: int | None) -> int:
    return min(max(time_ns or 0, 0), MAX_TIME_NS)
