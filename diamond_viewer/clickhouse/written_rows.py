"""Spans, log records and metric points as rows of the exporter's tables: a dict each, keys are columns, times are ns.

``TIMES`` are the columns with times.
"""

from collections.abc import Callable, Container, Mapping
from typing import Any

from diamond_viewer.clickhouse.texts import plain, text_of, texts_of
from diamond_viewer.telemetry.model import Attributes, Log, Resource, Span
from diamond_viewer.telemetry.otlp_points import MAX_TIME_NS, WrittenPoint
from diamond_viewer.telemetry.semconv import SERVICE_KEY

Row = dict[str, Any]


class Rendering:
    """How a table takes attributes: JSON columns keep types, maps have texts. To be used from one thread."""

    def __init__(self, column_type: str) -> None:
        self.keeps_types = column_type.startswith(("JSON", "Object"))
        self._render = _plain_attributes if self.keeps_types else texts_of
        self._resource: Resource | None = None
        self._of_resource: Mapping[str, Any] = {}

    def __call__(self, attributes: Attributes) -> Mapping[str, Any]:
        return self._render(attributes) if attributes else {}

    def resource(self, resource: Resource) -> Mapping[str, Any]:
        """One resource has many spans, which come together: it is rendered once for all of them."""
        if resource is not self._resource:
            self._resource, self._of_resource = resource, self(resource.attributes)
        return self._of_resource


TIMES = frozenset(("Timestamp", "Events.Timestamp", "TimestampTime", "StartTimeUnix", "TimeUnix", "Exemplars.TimeUnix"))
EVENT_NAME_KEY = "event.name"  # where it stood before log records had a field for it
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES = ("Unset", "Ok", "Error")
METRIC_TABLES = {  # of the kinds of ``otlp_points``: what stands behind the tables' common beginning, in some exporter
    "gauge": ("gauge",),
    "sum": ("sum",),
    "histogram": ("histogram",),
    "exponential_histogram": ("exponential_histogram", "exp_histogram"),
    "summary": ("summary",),
}
KEYS_SUFFIX = "Keys"  # JSON tables have the keys of a column of attributes beside it


def _plain_attributes(attributes: Attributes) -> Mapping[str, Any]:
    return {key: plain(value) for key, value in attributes.items() if value is not None}


def span_row(span: Span, attributes: Rendering) -> Row:
    resource = span.resource.attributes
    row = {
        "Timestamp": span.start_ns if span.start_ns <= MAX_TIME_NS else 0,
        "TraceId": span.trace_id,
        "SpanId": span.span_id,
        "ParentSpanId": span.parent_id,
        "TraceState": span.trace_state,
        "SpanName": span.name,
        "SpanKind": _name(KINDS, span.kind),
        "ServiceName": text_of(resource.get(SERVICE_KEY)),
        "ResourceAttributes": attributes.resource(span.resource),
        "ScopeName": span.scope.name,
        "ScopeVersion": span.scope.version,
        "SpanAttributes": attributes(span.attributes),
        # as the exporter: an end that lies before the start is not lost; an end alone is, where there is no room for a start
        "Duration": (span.end_ns - span.start_ns) % 2**64 if span.start_ns <= MAX_TIME_NS else 0,
        "StatusCode": _name(STATUSES, span.status_code),
        "StatusMessage": span.status_message,
    }
    if span.events:
        row["Events.Timestamp"] = [min(event.time_ns, MAX_TIME_NS) for event in span.events]
        row["Events.Name"] = [event.name for event in span.events]
        row["Events.Attributes"] = [attributes(event.attributes) for event in span.events]
    if span.links:
        row["Links.TraceId"] = [link.trace_id for link in span.links]
        row["Links.SpanId"] = [link.span_id for link in span.links]
        row["Links.TraceState"] = [link.trace_state for link in span.links]
        row["Links.Attributes"] = [attributes(link.attributes) for link in span.links]
    return row


def with_keys(row: Row, columns: Container[str]) -> Row:
    """With the arrays of keys that the table has."""
    keys = {f"{name}{KEYS_SUFFIX}": list(value) for name, value in row.items() if name.endswith("Attributes")}
    return row | {name: value for name, value in keys.items() if name in columns}


def log_row(log: Log, attributes: Rendering, *, has_event_name: bool) -> Row:
    """``has_event_name``: the table has a column for it; else it goes where it was written before there was one."""
    said = log.attributes
    if log.name and not has_event_name:
        said = {EVENT_NAME_KEY: log.name, **said}
    return {
        "Timestamp": (time_ns := log.time_ns if log.time_ns <= MAX_TIME_NS else 0),
        "TimestampTime": time_ns,
        "TraceId": log.trace_id,
        "SpanId": log.span_id,
        "TraceFlags": log.flags & 0xFF,
        "SeverityText": log.severity_text,
        "SeverityNumber": min(log.severity_number, 0xFF),
        "ServiceName": text_of(log.resource.attributes.get(SERVICE_KEY)),
        "Body": text_of(log.body),
        "ResourceSchemaUrl": log.resource.schema_url,
        "ResourceAttributes": attributes.resource(log.resource),
        "ScopeSchemaUrl": log.scope.schema_url,
        "ScopeName": log.scope.name,
        "ScopeVersion": log.scope.version,
        "ScopeAttributes": attributes(log.scope.attributes),
        "LogAttributes": attributes(said),
        "EventName": log.name,
    }


def point_row(point: WrittenPoint, attributes: Rendering) -> Row:
    row: Row = {
        "ResourceAttributes": attributes.resource(point.resource),
        "ResourceSchemaUrl": point.resource.schema_url,
        "ScopeName": point.scope.name,
        "ScopeVersion": point.scope.version,
        "ScopeAttributes": attributes(point.scope.attributes),
        "ScopeDroppedAttrCount": point.scope.dropped_attribute_count,
        "ScopeSchemaUrl": point.scope.schema_url,
        "ServiceName": text_of(point.resource.attributes.get(SERVICE_KEY)),
        "MetricName": point.name,
        "MetricDescription": point.description,
        "MetricUnit": point.unit,
        "Attributes": attributes(point.attributes),
        "StartTimeUnix": point.start_ns,
        "TimeUnix": point.time_ns,
        "Flags": point.flags,
        **_FIGURES[point.kind](point),
    }
    if point.exemplars:
        row["Exemplars.FilteredAttributes"] = [attributes(exemplar.attributes) for exemplar in point.exemplars]
        row["Exemplars.TimeUnix"] = [exemplar.time_ns for exemplar in point.exemplars]
        row["Exemplars.Value"] = [_float(exemplar.value) for exemplar in point.exemplars]
        row["Exemplars.SpanId"] = [exemplar.span_id for exemplar in point.exemplars]
        row["Exemplars.TraceId"] = [exemplar.trace_id for exemplar in point.exemplars]
    return row


def _gauge(point: WrittenPoint) -> Row:
    return {"Value": _float(point.value)}


def _sum(point: WrittenPoint) -> Row:
    return {
        "Value": _float(point.value),
        "AggregationTemporality": point.temporality,
        "IsMonotonic": point.is_monotonic,
    }


def _distribution(point: WrittenPoint) -> Row:
    return {
        "Count": point.count,
        "Sum": _float(point.sum),
        "Min": _float(point.min),
        "Max": _float(point.max),
        "AggregationTemporality": point.temporality,
    }


def _histogram(point: WrittenPoint) -> Row:
    return {
        **_distribution(point),
        "BucketCounts": point.bucket_counts,
        "ExplicitBounds": [_float(bound) for bound in point.explicit_bounds],
    }


def _exponential_histogram(point: WrittenPoint) -> Row:
    return {
        **_distribution(point),
        "Scale": point.scale,
        "ZeroCount": point.zero_count,
        "PositiveOffset": point.positive.offset,
        "PositiveBucketCounts": point.positive.counts,
        "NegativeOffset": point.negative.offset,
        "NegativeBucketCounts": point.negative.counts,
    }


def _summary(point: WrittenPoint) -> Row:
    return {
        "Count": point.count,
        "Sum": _float(point.sum),
        "ValueAtQuantiles.Quantile": [_float(quantile) for quantile, _ in point.quantiles],
        "ValueAtQuantiles.Value": [_float(value) for _, value in point.quantiles],
    }


_FIGURES: Mapping[str, Callable[[WrittenPoint], Row]] = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}


def _float(number: float) -> float | str:
    """JSON has no word for what is no number; ClickHouse reads these.

    >>> [_float(number) for number in (0.5, float("nan"), float("-inf"))]
    [0.5, 'nan', '-inf']
    """
    return number if number - number == 0 else str(number)


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else ""
