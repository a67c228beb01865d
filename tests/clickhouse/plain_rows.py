"""Telemetry as rows of the exporter's tables, by plain loops over parsed OTLP/JSON: what is in the cluster when a test asks.

As the exporter writes them: values of maps are texts (``pcommon.Value.AsString``), a duration is the end less the start.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from diamond_viewer.telemetry.model import Attributes, AttributeValue, Span
from tests.clickhouse.schema import LOGS, TRACES, Layout
from tests.plain_otlp import Json, pick, read_attributes, read_documents, read_spans, read_time, read_value, records

KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
CODES = ("Unset", "Ok", "Error")
Table = str
Row = dict[str, Any]


def rows_of(lines: Iterable[bytes], layout: Layout) -> Iterator[tuple[Table, Row]]:
    """Every span, log record and metric point of the lines."""
    is_json = layout in (Layout.JSON, Layout.OLD_JSON)
    for line in lines:
        for document in read_documents(line):
            yield from ((TRACES, span_row(span, is_json, layout is Layout.JSON)) for span in read_spans(document))
            yield from ((LOGS, row) for row in log_rows(document, is_json))
            yield from point_rows(document)


def span_row(span: Span, is_json: bool = False, has_keys: bool = False) -> Row:
    row = {
        "Timestamp": moment(span.start_ns),
        "TraceId": span.trace_id,
        "SpanId": span.span_id,
        "ParentSpanId": span.parent_id,
        "TraceState": span.trace_state,
        "SpanName": span.name,
        "SpanKind": KINDS[span.kind],
        "ServiceName": str(span.resource.attributes.get("service.name", "")),
        "ResourceAttributes": written(span.resource.attributes, is_json),
        "ScopeName": span.scope.name,
        "ScopeVersion": span.scope.version,
        "SpanAttributes": written(span.attributes, is_json),
        "Duration": (span.end_ns - span.start_ns) % 2**64,
        "StatusCode": CODES[span.status_code],
        "StatusMessage": span.status_message,
        "Events.Timestamp": [moment(event.time_ns) for event in span.events],
        "Events.Name": [event.name for event in span.events],
        "Events.Attributes": [written(event.attributes, is_json) for event in span.events],
        "Links.TraceId": [link.trace_id for link in span.links],
        "Links.SpanId": [link.span_id for link in span.links],
        "Links.TraceState": [link.trace_state for link in span.links],
        "Links.Attributes": [written(link.attributes, is_json) for link in span.links],
    }
    if has_keys:
        row |= {"ResourceAttributesKeys": list(span.resource.attributes), "SpanAttributesKeys": list(span.attributes)}
    return row


def log_rows(document: Json, is_json: bool) -> Iterator[Row]:
    for resource_logs in records(document, "resourceLogs"):
        resource = read_attributes(pick(resource_logs, "resource") or {})
        for scope_logs in records(resource_logs, "scopeLogs"):
            scope = pick(scope_logs, "scope") or {}
            for record in records(scope_logs, "logRecords"):
                given, observed = (read_time(pick(record, name)) for name in ("timeUnixNano", "observedTimeUnixNano"))
                yield {
                    "Timestamp": moment(given or observed),
                    "TraceId": pick(record, "traceId") or "",
                    "SpanId": pick(record, "spanId") or "",
                    "TraceFlags": (pick(record, "flags") or 0) & 255,
                    "SeverityText": pick(record, "severityText") or "",
                    "SeverityNumber": pick(record, "severityNumber") or 0,
                    "ServiceName": str(resource.get("service.name", "")),
                    "Body": text_of(read_value(pick(record, "body"))),
                    "ResourceAttributes": written(resource, is_json),
                    "ScopeName": scope.get("name", ""),
                    "ScopeVersion": scope.get("version", ""),
                    "ScopeAttributes": written(read_attributes(scope), is_json),
                    "LogAttributes": written(read_attributes(record), is_json),
                    "EventName": pick(record, "eventName") or "",
                }


def point_rows(document: Json) -> Iterator[tuple[Table, Row]]:
    for resource_metrics in records(document, "resourceMetrics"):
        resource = read_attributes(pick(resource_metrics, "resource") or {})
        for scope_metrics in records(resource_metrics, "scopeMetrics"):
            scope = pick(scope_metrics, "scope") or {}
            for metric in records(scope_metrics, "metrics"):
                for kind in ("gauge", "sum", "histogram"):
                    for point in records(pick(metric, kind) or {}, "dataPoints"):
                        row = {
                            "ResourceAttributes": written(resource),
                            "ScopeName": scope.get("name", ""),
                            "ServiceName": str(resource.get("service.name", "")),
                            "MetricName": pick(metric, "name") or "",
                            "MetricDescription": pick(metric, "description") or "",
                            "MetricUnit": pick(metric, "unit") or "",
                            "Attributes": written(read_attributes(point)),
                            "StartTimeUnix": moment(read_time(pick(point, "startTimeUnixNano"))),
                            "TimeUnix": moment(read_time(pick(point, "timeUnixNano"))),
                        }
                        yield f"otel_metrics_{kind}", row | _figures(kind, pick(metric, kind), point)


def _figures(kind: str, container: Json, point: Json) -> Row:
    if kind == "histogram":
        figures = {
            "Count": int(pick(point, "count") or 0),
            "Sum": pick(point, "sum") or 0,
            "BucketCounts": [int(count) for count in pick(point, "bucketCounts") or []],
            "ExplicitBounds": pick(point, "explicitBounds") or [],
            "Min": pick(point, "min") or 0,
            "Max": pick(point, "max") or 0,
        }
    else:
        value = pick(point, "asDouble")
        figures = {"Value": float(pick(point, "asInt") or 0) if value is None else value}
    if kind != "gauge":
        figures["AggregationTemporality"] = pick(container, "aggregationTemporality") or 0
    return figures | ({"IsMonotonic": bool(pick(container, "isMonotonic"))} if kind == "sum" else {})


def written(attributes: Attributes, is_json: bool = False) -> dict[str, Any]:
    return dict(attributes) if is_json else {key: text_of(value) for key, value in attributes.items()}


def text_of(value: AttributeValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def moment(time_ns: int) -> str:
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"
