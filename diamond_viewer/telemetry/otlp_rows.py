"""Rows of the tables that the collector's clickhouse exporter writes -> lines of OTLP/JSON, as the collector's file exporter
would have written them. So one decoder reads both, and what it redacts is redacted here too.

What the tables do not keep is not made up: values of map columns stay texts, flags and dropped counts are missing.
"""

from ast import literal_eval
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from diamond_viewer.telemetry.otlp_spelling import KINDS, Json, document_of, grouped
from diamond_viewer.telemetry.semconv import SERVICE_KEY

SPANS_A_LINE = 500  # a page of a trace decodes the lines that it shows
_KINDS = {word: number for kind, number in KINDS.items() for word in (kind, f"span_kind_{kind}")}
_STATUS_CODES = {"ok": 1, "status_code_ok": 1, "error": 2, "status_code_error": 2}


Said = dict[str, Any] | list[tuple[str, str, str]]  # key -> value; or path, ClickHouse's type, and the value as text


class SpanRow(msgspec.Struct, array_like=True, gc=False):
    """A row of ``otel_traces``. Attributes map keys to texts, or are JSON whose dotted keys nest. ``duration_ns`` is what is
    written as Duration, with a sign; the arrays of events are side by side, those of links too."""

    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    name: str
    kind: str
    service: str
    resource: Said
    scope_name: str
    scope_version: str
    attributes: Said
    start_ns: int
    duration_ns: int
    status: str
    message: str
    event_ns: list[int]
    event_names: list[str]
    event_attributes: list[Said]
    link_trace_ids: list[str]
    link_span_ids: list[str]
    link_states: list[str]
    link_attributes: list[Said]


_DECODER = msgspec.json.Decoder(SpanRow)


def span_rows(lines: bytes) -> list[SpanRow]:
    """A JSON array a line, as ClickHouse's JSONCompactEachRow. Raises ``msgspec.DecodeError`` for anything else."""
    return _DECODER.decode_lines(lines)


def lines_of_spans(rows: Iterable[SpanRow]) -> Iterator[bytes]:
    """Lines, each with spans of one trace."""
    traces: dict[str, list[SpanRow]] = defaultdict(list)
    for row in rows:
        traces[row.trace_id].append(row)
    for held in traces.values():
        for at in range(0, len(held), SPANS_A_LINE):
            yield orjson.dumps(document_of(map(_placed, held[at : at + SPANS_A_LINE])))


def _placed(row: SpanRow) -> tuple[list[Json], Json, Json]:
    span: Json = {
        "traceId": row.trace_id,
        "spanId": row.span_id,
        "parentSpanId": row.parent_id,
        "name": row.name,
        "kind": _KINDS.get(row.kind.lower(), 0),
        "startTimeUnixNano": str(max(0, row.start_ns)),
        "endTimeUnixNano": str(max(0, row.start_ns + row.duration_ns)),
        "attributes": attributes(row.attributes),
        "status": {"code": _STATUS_CODES.get(row.status.lower(), 0), "message": row.message},
    }
    if row.trace_state:
        span["traceState"] = row.trace_state
    if row.event_names:
        happened = zip(row.event_ns, row.event_names, row.event_attributes, strict=True)
        span["events"] = [
            {"timeUnixNano": str(max(0, time_ns)), "name": name, "attributes": attributes(said)}
            for time_ns, name, said in happened
        ]
    if row.link_trace_ids:
        linked = zip(row.link_trace_ids, row.link_span_ids, row.link_states, row.link_attributes, strict=True)
        span["links"] = [
            {"traceId": trace_id, "spanId": span_id, "traceState": state, "attributes": attributes(said)}
            for trace_id, span_id, state, said in linked
        ]
    return _resource(row.resource, row.service), {"name": row.scope_name, "version": row.scope_version}, span


def attributes(values: Mapping[str, Any] | list[tuple[str, str, str]]) -> list[Json]:
    """
    >>> attributes([("a", "String", "x"), ("a.b", "Int64", "2")])[1]
    {'key': 'a.b', 'value': {'intValue': '2'}}
    >>> attributes({"lesson": {"id": "l1"}, "n": 2, "is": True, "all": [1.5, "a"]})[0]
    {'key': 'lesson.id', 'value': {'stringValue': 'l1'}}
    """
    if isinstance(values, list):
        return [{"key": path, "value": _value(_of_type(kind, text))} for path, kind, text in values]
    return [{"key": key, "value": _value(value)} for key, value in _flat(values)]


def _of_type(kind: str, text: str) -> Any:
    """A value of a JSON column as its producer meant it, as far as that is told."""
    try:
        if "Int" in kind and "(" not in kind:
            return int(text)
        if kind.startswith("Float"):
            return float(text)
        if kind == "Bool":
            return text == "true"
        return literal_eval(text) if kind.startswith("Array(") else text  # lists are written as Python writes them
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys that a JSON column has taken apart, put together again."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _value(value: Any) -> Json:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Sequence):
        return {"arrayValue": {"values": [_value(item) for item in value if item is not None]}}
    return {"stringValue": orjson.dumps(value).decode()}


class LogRow(msgspec.Struct, array_like=True, gc=False):
    """A row of ``otel_logs``. ``body`` is a text: of a structured one its JSON."""

    trace_id: str
    span_id: str
    flags: int
    time_ns: int
    severity: str
    severity_number: int
    service: str
    body: str
    resource: Said
    scope_name: str
    scope_version: str
    scope: Said
    attributes: Said
    event_name: str


_LOG_DECODER = msgspec.json.Decoder(LogRow)


def lines_of_logs(lines: bytes) -> Iterator[bytes]:
    """As ``span_rows`` and ``lines_of_spans``, of log records."""
    rows = _LOG_DECODER.decode_lines(lines)
    for at in range(0, len(rows), SPANS_A_LINE):
        placed = map(_placed_log, rows[at : at + SPANS_A_LINE])
        yield orjson.dumps({"resourceLogs": grouped(placed, "scopeLogs", "logRecords")})


def _placed_log(row: LogRow) -> tuple[list[Json], Json, Json]:
    record: Json = {
        "timeUnixNano": str(max(0, row.time_ns)),
        "severityNumber": row.severity_number,
        "severityText": row.severity,
        "body": {"stringValue": row.body},
        "attributes": attributes(row.attributes),
        "traceId": row.trace_id,
        "spanId": row.span_id,
        "flags": row.flags,
        "eventName": row.event_name,
    }
    scope = {"name": row.scope_name, "version": row.scope_version, "attributes": attributes(row.scope)}
    return _resource(row.resource, row.service), scope, record


def _resource(values: Said, service: str) -> list[Json]:
    resource = attributes(values)
    if service and not any(one["key"] == SERVICE_KEY for one in resource):
        resource.append({"key": SERVICE_KEY, "value": {"stringValue": service}})
    return resource


class MetricRow(msgspec.Struct, array_like=True, gc=False):
    """A row of one of the ``otel_metrics`` tables; ``figures`` has the columns that only this kind has."""

    resource: dict[str, Any]
    scope_name: str
    service: str
    name: str
    description: str
    unit: str
    attributes: dict[str, Any]
    start_ns: int
    time_ns: int
    flags: int
    figures: list[Any]


_METRIC_DECODER = msgspec.json.Decoder(MetricRow)
METRIC_FIGURES = {  # kind of table -> columns behind those that all have
    "gauge": ("Value",),
    "sum": ("Value", "AggregationTemporality", "IsMonotonic"),
    "histogram": ("Count", "Sum", "BucketCounts", "ExplicitBounds", "Min", "Max", "AggregationTemporality"),
    "exp_histogram": (
        *("Count", "Sum", "Scale", "ZeroCount", "PositiveOffset", "PositiveBucketCounts", "NegativeOffset"),
        *("NegativeBucketCounts", "Min", "Max", "AggregationTemporality"),
    ),
    "summary": ("Count", "Sum"),
}
_CONTAINERS = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exp_histogram": "exponentialHistogram",
    "summary": "summary",
}


def lines_of_metrics(kind: str, lines: bytes) -> Iterator[bytes]:
    """As ``lines_of_logs``, of the points in the table of this kind."""
    rows = _METRIC_DECODER.decode_lines(lines)
    for at in range(0, len(rows), SPANS_A_LINE):
        placed = [_placed_point(kind, row) for row in rows[at : at + SPANS_A_LINE]]
        yield orjson.dumps({"resourceMetrics": grouped(placed, "scopeMetrics", "metrics")})


def _placed_point(kind: str, row: MetricRow) -> tuple[list[Json], Json, Json]:
    said = dict(zip(METRIC_FIGURES[kind], row.figures, strict=True))
    point: Json = {
        "attributes": attributes(row.attributes),
        "startTimeUnixNano": str(max(0, row.start_ns)),
        "timeUnixNano": str(max(0, row.time_ns)),
        "flags": row.flags,
    }
    if "Value" in said:
        point["asDouble"] = said["Value"]
    else:
        point |= {"count": str(said["Count"]), "sum": said["Sum"]}
    if "BucketCounts" in said:
        point |= {"bucketCounts": said["BucketCounts"], "explicitBounds": said["ExplicitBounds"]}
    if "Scale" in said:
        point |= {
            "scale": said["Scale"],
            "zeroCount": said["ZeroCount"],
            "positive": {"offset": said["PositiveOffset"], "bucketCounts": said["PositiveBucketCounts"]},
            "negative": {"offset": said["NegativeOffset"], "bucketCounts": said["NegativeBucketCounts"]},
        }
    # the exporter writes 0 for extremes that were not said; both are only 0 of a histogram of nothing but zeros
    if said.get("Min") or said.get("Max"):
        point |= {"min": said["Min"], "max": said["Max"]}
    container: Json = {"dataPoints": [point]}
    if "AggregationTemporality" in said:
        container["aggregationTemporality"] = said["AggregationTemporality"]
    if "IsMonotonic" in said:
        container["isMonotonic"] = bool(said["IsMonotonic"])
    metric = {"name": row.name, "description": row.description, "unit": row.unit, _CONTAINERS[kind]: container}
    return _resource(row.resource, row.service), {"name": row.scope_name}, metric
