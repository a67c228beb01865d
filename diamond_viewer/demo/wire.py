"""Lines as the Collector's file exporter writes them: the only file of the demo that knows OTLP/JSON's spelling.

Field order, what is left out and how numbers look follow pdata's marshaler: 64-bit integers as strings, 32-bit ones as
numbers, empty things left out but for ``status``, ``scope`` and ``resource``, whole doubles without a fraction.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from diamond_viewer.demo.recorder import Log
from diamond_viewer.telemetry.model import Attributes, AttributeValue, Event, Link, Resource, Scope, Span

Json = dict[str, Any]

_SEVERITY_NUMBERS = {"info": 9, "warn": 13, "error": 17}


def traces_line(spans: Iterable[Span]) -> bytes:
    """One export request, without its newline: a block per resource, in it one per scope, spans as they ended."""
    blocks: dict[int, tuple[Resource, dict[tuple[str, str], tuple[Scope, list[Json]]]]] = {}
    for span in spans:
        scopes = blocks.setdefault(id(span.resource), (span.resource, {}))[1]
        scopes.setdefault((span.scope.name, span.scope.version), (span.scope, []))[1].append(_span(span))
    return msgspec.json.encode(
        {
            "resourceSpans": [
                {
                    "resource": _resource(resource),
                    "scopeSpans": [{"scope": _scope(scope), "spans": rows} for scope, rows in scopes.values()],
                }
                for resource, scopes in blocks.values()
            ]
        }
    )


def logs_line(resource: Resource, scope: Scope, logs: Sequence[Log]) -> bytes:
    records = []
    for log in logs:
        record: Json = {
            "timeUnixNano": str(log.time_ns),
            "observedTimeUnixNano": str(log.time_ns),
            "severityNumber": _SEVERITY_NUMBERS[log.severity],
            "severityText": log.severity,
            "body": {"stringValue": log.body},
        }
        if log.attributes:
            record["attributes"] = _attributes(log.attributes)
        record.update(flags=1, traceId=log.context.trace_id, spanId=log.context.span_id)
        records.append(record)
    block = {"resource": _resource(resource), "scopeLogs": [{"scope": _scope(scope), "logRecords": records}]}
    return msgspec.json.encode({"resourceLogs": [block]})


def metrics_line(resource: Resource, scope: Scope, metrics: Sequence[Json]) -> bytes:
    """``metrics`` are made by ``histogram`` and ``counter``."""
    block = {"resource": _resource(resource), "scopeMetrics": [{"scope": _scope(scope), "metrics": metrics}]}
    return msgspec.json.encode({"resourceMetrics": [block]})


def histogram(name: str, description: str, temporality: int, points: Sequence[Json]) -> Json:
    """Milliseconds in buckets; ``temporality`` is 1 for delta, 2 for cumulative."""
    return _metric(name, description, "ms") | {
        "histogram": {"dataPoints": points, "aggregationTemporality": temporality}
    }


def histogram_point(
    attributes: Attributes,
    start_ns: int,
    now_ns: int,
    bounds: Sequence[int],
    bucket_counts: Sequence[int],
    total: float,
    low: float,
    high: float,
) -> Json:
    return _point(attributes, start_ns, now_ns) | {
        "count": str(sum(bucket_counts)),
        "sum": _double(total),
        "bucketCounts": [str(count) for count in bucket_counts],
        "explicitBounds": bounds,
        "min": _double(low),
        "max": _double(high),
    }


def counter(name: str, description: str, temporality: int, points: Sequence[Json]) -> Json:
    summed = {"dataPoints": points, "aggregationTemporality": temporality, "isMonotonic": True}
    return _metric(name, description, "") | {"sum": summed}


def counter_point(attributes: Attributes, start_ns: int, now_ns: int, value: float) -> Json:
    return _point(attributes, start_ns, now_ns) | {"asDouble": _double(value)}


def _metric(name: str, description: str, unit: str) -> Json:
    return {key: text for key, text in (("name", name), ("description", description), ("unit", unit)) if text}


def _point(attributes: Attributes, start_ns: int, now_ns: int) -> Json:
    named: Json = {"attributes": _attributes(attributes)} if attributes else {}
    return named | {"startTimeUnixNano": str(start_ns), "timeUnixNano": str(now_ns)}


def _span(span: Span) -> Json:
    row: Json = {"traceId": span.trace_id, "spanId": span.span_id}
    if span.parent_id:
        row["parentSpanId"] = span.parent_id
    row["flags"] = span.flags
    row["name"] = span.name
    row["kind"] = span.kind
    row["startTimeUnixNano"] = str(span.start_ns)
    row["endTimeUnixNano"] = str(span.end_ns)
    if span.attributes:
        row["attributes"] = _attributes(span.attributes)
    if span.events:
        row["events"] = [_event(event) for event in span.events]
    if span.links:
        row["links"] = [_link(link) for link in span.links]
    row["status"] = status = dict[str, Any]()
    if span.status_message:
        status["message"] = span.status_message
    if span.status_code:
        status["code"] = span.status_code
    return row


def _event(event: Event) -> Json:
    row: Json = {"timeUnixNano": str(event.time_ns), "name": event.name}
    if event.attributes:
        row["attributes"] = _attributes(event.attributes)
    return row


def _link(link: Link) -> Json:
    row: Json = {"traceId": link.trace_id, "spanId": link.span_id}
    if link.attributes:
        row["attributes"] = _attributes(link.attributes)
    row["flags"] = 0x301  # every link of the demo leads to another process
    return row


def _resource(resource: Resource) -> Json:
    return {"attributes": _attributes(resource.attributes)}


def _scope(scope: Scope) -> Json:
    return {"name": scope.name, "version": scope.version} if scope.version else {"name": scope.name}


def _attributes(attributes: Attributes) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: AttributeValue) -> Json:
    match value:
        case str():
            return {"stringValue": value}
        case bool():  # before int: a bool is one
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": _double(value)}
        case None:
            return {}
        case Mapping() | bytes():
            raise TypeError(f"The platform writes no attribute like {value!r}.")
        case _:
            return {"arrayValue": {"values": [_value(item) for item in value]} if value else {}}


def _double(value: float) -> float | int:
    return int(value) if value == int(value) else value
