"""A trace back into OTLP/JSON, as the collector's file exporter spells it; the other half of ``otlp.py``.

Spelling (protobuf's JSON mapping, and what pdata leaves out): 64-bit integers as strings, ``NaN`` and ``Infinity`` as
strings, bytes in base64, ids in lower-case hex, whatever is empty or zero is absent, ``status`` is always there.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import TypeVar

import orjson

from diamond_viewer.telemetry.model import (
    Attributes,
    AttributeValue,
    Event,
    Link,
    Log,
    Resource,
    Scope,
    Span,
    Trace,
)

Json = dict[str, "JsonValue"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | Json
Shared = TypeVar("Shared", Resource, Scope)
Member = TypeVar("Member", Span, Log)

MAX_DEPTH = 64  # levels of a value; each is three levels of JSON, and orjson writes at most 254


def trace_document(trace: Trace) -> Json:
    """``{"resourceSpans": [...]}`` of the whole trace, and ``resourceLogs`` when it has log records, as a mixed line has them.

    Grouped by resource, then scope; spans by start time, then id, log records by time.
    """
    spans = sorted(trace.spans, key=lambda span: (span.start_ns, span.span_id))
    return {"resourceSpans": _grouped(spans, "scopeSpans", "spans", _span), **log_document(trace.logs)}


def log_document(logs: Iterable[Log]) -> Json:
    """``{"resourceLogs": [...]}``, empty when there are none."""
    found = _grouped(sorted(logs, key=lambda log: log.time_ns), "scopeLogs", "logRecords", _log)
    return {"resourceLogs": found} if found else {}


def _grouped(
    members: Iterable[Member], scopes_key: str, members_key: str, encode: Callable[[Member], Json]
) -> list[JsonValue]:
    resources: dict[bytes, tuple[Resource, dict[bytes, tuple[Scope, list[JsonValue]]]]] = {}
    resource_key, scope_key = _key_by(_resource), _key_by(_scope)
    for member in members:
        key = resource_key(member.resource) + member.resource.schema_url.encode(errors="replace")
        _, scopes = resources.setdefault(key, (member.resource, {}))
        key = scope_key(member.scope) + member.scope.schema_url.encode(errors="replace")
        _, encoded = scopes.setdefault(key, (member.scope, []))
        encoded.append(encode(member))
    return [
        {
            "resource": _resource(resource),
            scopes_key: [
                {**_filled(scope=_scope(scope)), members_key: encoded, **_filled(schemaUrl=scope.schema_url)}
                for scope, encoded in scopes.values()
            ],
            **_filled(schemaUrl=resource.schema_url),
        }
        for resource, scopes in resources.values()
    ]


def encode_trace(trace: Trace) -> bytes:
    """``trace_document`` as JSON in UTF-8."""
    return orjson.dumps(trace_document(trace))


def stream_traces(traces: Iterable[Trace]) -> Iterator[bytes]:
    """One document of many traces, a trace at a time."""
    yield b'{"resourceSpans":['
    between = b""
    for trace in traces:
        yield between + orjson.dumps(trace_document(trace)["resourceSpans"])[1:-1]
        between = b","
    yield b"]}\n"


def stream_trace(spans: Iterable[Span], logs: Iterable[Log] = ()) -> Iterator[bytes]:
    """``trace_document`` in pieces, spans in the order given: neighbours of one resource and scope stand together.

    A trace of 100,000 spans is never in memory as a whole.
    """
    yield b'{"resourceSpans":['
    between = b""
    for (_, _), group in groupby(spans, key=lambda span: (id(span.resource), id(span.scope))):
        first = next(group)
        yield between + b'{"resource":' + orjson.dumps(_resource(first.resource))
        if first.resource.schema_url:
            yield b',"schemaUrl":' + orjson.dumps(first.resource.schema_url)
        yield b',"scopeSpans":[{"scope":' + orjson.dumps(_scope(first.scope))
        if first.scope.schema_url:
            yield b',"schemaUrl":' + orjson.dumps(first.scope.schema_url)
        yield b',"spans":[' + orjson.dumps(_span(first))
        while several := list(islice(group, 500)):
            yield b"," + b",".join(orjson.dumps(_span(span)) for span in several)
        yield b"]}]}"
        between = b","
    of_logs = orjson.dumps(log_document(logs))[1:-1]
    yield b"]" + (b"," + of_logs if of_logs else b"") + b"}"


def encode_span(span: Span) -> bytes:
    """One span as it stands in the document, indented."""
    return orjson.dumps(_span(span), option=orjson.OPT_INDENT_2)


def encode_value(value: AttributeValue, depth: int = 0) -> Json:
    """One AnyValue. What nests deeper than ``MAX_DEPTH`` levels is replaced by a sentence that says so.

    >>> encode_value(2**53), encode_value(float("nan")), encode_value(b"hi"), encode_value([]), encode_value(None)
    ({'intValue': '9007199254740992'}, {'doubleValue': 'NaN'}, {'bytesValue': 'aGk='}, {'arrayValue': {}}, {})
    >>> encode_value({"a": [True, 0.5]})["kvlistValue"]["values"][0]["value"]["arrayValue"]["values"]
    [{'boolValue': True}, {'doubleValue': 0.5}]
    """
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _word_for(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": b64encode(value).decode()}
    if depth >= MAX_DEPTH:
        return {"stringValue": f"(nested deeper than {MAX_DEPTH} levels: left out here)"}
    if isinstance(value, Mapping):
        return {"kvlistValue": _filled(values=encode_attributes(value, depth + 1))}
    return {"arrayValue": _filled(values=[encode_value(element, depth + 1) for element in value])}


def encode_attributes(attributes: Attributes, depth: int = 0) -> list[JsonValue]:
    """A list of ``{"key": ..., "value": ...}`` in the order of the mapping."""
    return [{"key": key, "value": encode_value(value, depth)} for key, value in attributes.items()]


def _span(span: Span) -> Json:
    return _filled(
        traceId=span.trace_id,
        spanId=span.span_id,
        traceState=span.trace_state,
        parentSpanId=span.parent_id,
        flags=span.flags,
        name=span.name,
        kind=span.kind,
        startTimeUnixNano=_time(span.start_ns),
        endTimeUnixNano=_time(span.end_ns),
        attributes=encode_attributes(span.attributes),
        droppedAttributesCount=span.dropped_attribute_count,
        events=[_event(event) for event in span.events],
        droppedEventsCount=span.dropped_event_count,
        links=[_link(link) for link in span.links],
        droppedLinksCount=span.dropped_link_count,
        status=_filled(message=span.status_message, code=span.status_code),
        keep=("status",),
    )


def _log(log: Log) -> Json:
    return _filled(
        timeUnixNano=_time(log.given_ns),
        observedTimeUnixNano=_time(log.observed_ns),
        severityNumber=log.severity_number,
        severityText=log.severity_text,
        eventName=log.name,
        body=encode_value(log.body),
        attributes=encode_attributes(log.attributes),
        droppedAttributesCount=log.dropped_attribute_count,
        flags=log.flags,
        traceId=log.trace_id,
        spanId=log.span_id,
    )


def _event(event: Event) -> Json:
    return _filled(
        timeUnixNano=_time(event.time_ns),
        name=event.name,
        attributes=encode_attributes(event.attributes),
        droppedAttributesCount=event.dropped_attribute_count,
    )


def _link(link: Link) -> Json:
    return _filled(
        traceId=link.trace_id,
        spanId=link.span_id,
        traceState=link.trace_state,
        attributes=encode_attributes(link.attributes),
        droppedAttributesCount=link.dropped_attribute_count,
        flags=link.flags,
    )


def _resource(resource: Resource) -> Json:
    return _filled(
        attributes=encode_attributes(resource.attributes), droppedAttributesCount=resource.dropped_attribute_count
    )


def _scope(scope: Scope) -> Json:
    return _filled(
        name=scope.name,
        version=scope.version,
        attributes=encode_attributes(scope.attributes),
        droppedAttributesCount=scope.dropped_attribute_count,
    )


def _filled(keep: Iterable[str] = (), **fields: JsonValue) -> Json:
    """The fields that hold something; those to ``keep`` stay even when empty."""
    return {name: value for name, value in fields.items() if value or name in keep}


def _time(time_ns: int) -> str:
    return str(time_ns) if time_ns else ""


def _word_for(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key_by(encode: Callable[[Shared], Json]) -> Callable[[Shared], bytes]:
    """Equal content gives equal bytes. Objects are shared between the spans of a line: each is encoded once."""
    known: dict[int, bytes] = {}  # by id(): the spans keep the objects alive while this is in use

    def key(value: Shared) -> bytes:
        if id(value) not in known:
            known[id(value)] = orjson.dumps(encode(value))
        return known[id(value)]

    return key
