"""OTLP/JSON as tests write it: builders that name only what matters, spelt as the Collector spells it today."""

import json
from collections.abc import Sequence
from typing import Any

Wire = dict[str, Any]

A_TIME_NS = 1_795_358_295_000_000_000  # 2026-11-22: a float is no longer exact there


def trace_id(number: int) -> str:
    """
    >>> trace_id(255)
    '000000000000000000000000000000ff'
    """
    return f"{number:032x}"


def span_id(number: int) -> str:
    return f"{number:016x}"


def span(
    number: int = 1,
    parent: int = 0,
    *,
    trace: int = 1,
    name: str = "work",
    start_ns: int = A_TIME_NS,
    lasts_ns: int = 1_000_000,
    kind: int = 1,
    status_code: int = 0,
    attributes: Wire | None = None,
    events: Sequence[Wire] = (),
    **more: Any,
) -> Wire:
    """A span whose ids are numbers; ``parent=0`` is a root. ``more`` are members as they stand on the wire."""
    wire: Wire = {"traceId": trace_id(trace), "spanId": span_id(number)}
    if parent:
        wire["parentSpanId"] = span_id(parent)
    wire |= {"name": name, "kind": kind}
    wire |= {"startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(start_ns + lasts_ns)}
    if attributes:
        wire["attributes"] = key_values(attributes)
    if events:
        wire["events"] = list(events)
    wire["status"] = {"code": status_code} if status_code else {}
    return wire | more


def event(name: str, time_ns: int = A_TIME_NS, **attributes: Any) -> Wire:
    wire: Wire = {"timeUnixNano": str(time_ns), "name": name}
    return wire | {"attributes": key_values(attributes)} if attributes else wire


def resource_spans(spans: Sequence[Wire], service: str | None = "web") -> Wire:
    attributes = {} if service is None else {"attributes": key_values({"service.name": service})}
    return {"resource": attributes, "scopeSpans": [{"scope": {"name": "tests"}, "spans": list(spans)}]}


def document(*spans: Wire, service: str | None = "web") -> Wire:
    return {"resourceSpans": [resource_spans(spans, service)]}


def line(*spans: Wire, service: str | None = "web") -> bytes:
    """One line of one resource, without its newline."""
    return written(document(*spans, service=service))


def log(body: Any = "said", *, trace: int = 1, of: int = 0, time_ns: int = A_TIME_NS, **more: Any) -> Wire:
    """A log record of span ``of`` (0: of none); ``trace=0`` names none. ``attributes`` are values, as those of a span."""
    wire: Wire = {"timeUnixNano": str(time_ns), "body": any_value(body)}
    wire |= {"traceId": trace_id(trace)} if trace else {}
    wire |= {"spanId": span_id(of)} if of else {}
    return wire | {key: key_values(value) if key == "attributes" else value for key, value in more.items()}


def logs_line(*logs: Wire, service: str = "web") -> bytes:
    scope_logs = [{"scope": {"name": "tests"}, "logRecords": list(logs)}]
    resource = {"attributes": key_values({"service.name": service})}
    return written({"resourceLogs": [{"resource": resource, "scopeLogs": scope_logs}]})


def written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def key_values(attributes: Wire) -> list[Wire]:
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


def any_value(value: Any) -> Wire:
    """
    >>> any_value([1, "a", True, None, {"k": 0.5}])["arrayValue"]["values"][:3]
    [{'intValue': '1'}, {'stringValue': 'a'}, {'boolValue': True}]
    """
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": key_values(value)}}
    raise AssertionError(f"no AnyValue for {value!r}")
