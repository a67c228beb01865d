"""A trace as Jaeger's query service answers it; the other half of ``otlp_jaeger.py``.

Sources: jaeger ``internal/uimodel`` (the JSON), OpenTelemetry's "OpenTelemetry to Jaeger Transformation" (what becomes of kind,
status, scope, events and links). Times are microseconds.
"""

import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from diamond_viewer.telemetry.model import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    KIND_SERVER,
    STATUS_ERROR,
    STATUS_OK,
    Attributes,
    AttributeValue,
    Event,
    Resource,
    Span,
    Trace,
)
from diamond_viewer.telemetry.otlp_json import encode_value
from diamond_viewer.telemetry.semconv import SERVICE_KEY

Json = dict[str, Any]

NS_PER_US = 1_000
MAX_TIME_NS = 2**63 - 1  # orjson writes no number of more than 64 bits; no clock shows a later time
MAX_SAFE_INTEGER = 2**53 - 1  # beyond it a browser's numbers are wrong: Jaeger writes digits in quotation marks
KIND_NAMES = {
    KIND_INTERNAL: "internal",
    KIND_SERVER: "server",
    KIND_CLIENT: "client",
    KIND_PRODUCER: "producer",
    KIND_CONSUMER: "consumer",
}
SPANS_AT_ONCE = 500


def answer(traces: Iterable[Trace], errors: Sequence[Json] = ()) -> Iterator[bytes]:
    """The whole document in pieces, a few spans at a time: no trace is in memory as JSON as a whole."""
    yield b'{"data":['
    between = b""
    for trace in traces:
        yield between
        yield from _trace(trace)
        between = b","
    yield b'],"total":0,"limit":0,"offset":0,"errors":' + orjson.dumps(list(errors) or None) + b"}"


def listing(names: Sequence[Any]) -> Json:
    """The document of a list of services, operations or calls."""
    return {"data": names, "total": len(names), "limit": 0, "offset": 0, "errors": None}


def _trace(trace: Trace) -> Iterator[bytes]:
    """Spans by start, as Jaeger's storages return them in no particular order."""
    yield b'{"traceID":' + orjson.dumps(trace.trace_id) + b',"spans":['
    processes = _Processes()
    spans = iter(sorted(trace.spans, key=lambda span: (span.start_ns, span.span_id)))
    between = b""
    while several := list(islice(spans, SPANS_AT_ONCE)):
        yield between + b",".join(_dumped(_span(span, processes.key_of(span))) for span in several)
        between = b","
    yield b'],"processes":' + _dumped(processes.found) + b',"warnings":null}'


def _dumped(document: Json) -> bytes:
    return orjson.dumps(document)


class _Processes:
    """Equal resources are one process."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}
        self._keys: dict[bytes, str] = {}
        self._known: dict[int, str] = {}  # by id(): the spans keep the resources alive meanwhile

    def key_of(self, span: Span) -> str:
        key = self._known.get(id(span.resource))
        if key is None:
            process = _process(span.service, span.resource)
            key = self._keys.setdefault(_dumped(process), f"p{len(self._keys) + 1}")
            self.found[key] = process
            self._known[id(span.resource)] = key
        return key


def _process(service: str, resource: Resource) -> Json:
    tags = [tag(key, value) for key, value in resource.attributes.items() if key != SERVICE_KEY]
    return {"serviceName": service, "tags": tags}


def _span(span: Span, process_id: str) -> Json:
    references = []
    if span.parent_id:
        references.append({"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id})
    references += [{"refType": "FOLLOWS_FROM", "traceID": link.trace_id, "spanID": link.span_id} for link in span.links]
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        **({"flags": span.flags & 0xFF} if span.flags & 0xFF else {}),
        "operationName": span.name,
        "references": references,
        "startTime": _us(span.start_ns or span.end_ns),
        "duration": _us(span.duration_ns if span.start_ns else 0),
        "tags": _tags(span),
        "logs": [_log(event) for event in span.events],
        "processID": process_id,
        "warnings": None,
    }


def _tags(span: Span) -> list[Json]:
    own = [tag(key, value) for key, value in span.attributes.items()]
    said: dict[str, AttributeValue] = {
        "otel.scope.name": span.scope.name,
        "otel.scope.version": span.scope.version,
        "span.kind": KIND_NAMES.get(span.kind, ""),
        "otel.status_code": {STATUS_OK: "OK", STATUS_ERROR: "ERROR"}.get(span.status_code, ""),
        "error": span.status_code == STATUS_ERROR,
        "otel.status_description": span.status_message,
        "w3c.tracestate": span.trace_state,
        "otel.dropped_attributes_count": span.dropped_attribute_count,
        "otel.dropped_events_count": span.dropped_event_count,
        "otel.dropped_links_count": span.dropped_link_count,
    }
    return own + [tag(key, value) for key, value in said.items() if value and key not in span.attributes]


def _log(event: Event) -> Json:
    fields = [tag("event", event.name)] if event.name and "event" not in event.attributes else []
    return {"timestamp": _us(event.time_ns), "fields": fields + _fields(event.attributes)}


def _us(time_ns: int) -> int:
    return min(time_ns, MAX_TIME_NS) // NS_PER_US


def _fields(attributes: Attributes) -> list[Json]:
    return [tag(key, value) for key, value in attributes.items()]


def tag(key: str, value: AttributeValue) -> Json:
    """
    >>> [tag("k", value)["value"] for value in (True, 7, 2**60, 0.5, float("inf"), b"hi", None)]
    [True, 7, '1152921504606846976', 0.5, 'Infinity', 'aGk=', '']
    >>> tag("k", ["a", 1])
    {'key': 'k', 'type': 'string', 'value': '["a",1]'}
    """
    if isinstance(value, bool):
        return {"key": key, "type": "bool", "value": value}
    if isinstance(value, int):
        return {"key": key, "type": "int64", "value": value if abs(value) <= MAX_SAFE_INTEGER else str(value)}
    if isinstance(value, float):
        said = value if math.isfinite(value) else encode_value(value)["doubleValue"]
        return {"key": key, "type": "float64", "value": said}
    if isinstance(value, bytes):
        return {"key": key, "type": "binary", "value": b64encode(value).decode()}
    return {"key": key, "type": "string", "value": value if isinstance(value, str) else _as_text(value)}


def _as_text(value: AttributeValue) -> str:
    """Jaeger's tags hold no lists and maps: they are their JSON."""
    return "" if value is None else orjson.dumps(_plain(encode_value(value))).decode()


def _plain(value: Json) -> Any:
    """An AnyValue, whose depth is bounded, as the JSON that one would write by hand."""
    if "arrayValue" in value:
        return [_plain(one) for one in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return {one["key"]: _plain(one["value"]) for one in value["kvlistValue"].get("values", ())}
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()), None)
