"""Jaeger's JSON, as its page saves a trace and its API answers -> an OTLP document.

Source: jaeger ``internal/uimodel/model.go`` and the collector's ``translator/jaeger``. Times are microseconds; ids may lack
their leading zeros; kind, status and scope of OpenTelemetry stand among the tags. A reference to the parent comes first.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from diamond_viewer.telemetry.otlp_spelling import (
    ERROR,
    KINDS,
    STATUS_CODES,
    Json,
    document_of,
    padded_id,
    pair,
    pairs,
    taken,
    text_of,
    us_to_ns,
)

_VALUES = {"bool": "boolValue", "int64": "intValue", "float64": "doubleValue", "binary": "bytesValue"}


def is_jaeger(value: Any) -> bool:
    """One trace of Jaeger's."""
    return isinstance(value, dict) and isinstance(value.get("spans"), list) and isinstance(value.get("processes"), dict)


def otlp_of_jaeger(traces: Iterable[Json]) -> Json:
    return document_of(placed for trace in traces for placed in _placed_spans(trace))


def _placed_spans(trace: Json) -> Iterator[tuple[list[Json], Json, Json]]:
    """Each span with the attributes of its resource and its scope."""
    processes = {name: _resource(process) for name, process in trace["processes"].items()}
    for span in trace["spans"]:
        if isinstance(span, dict):
            resource = (
                _resource(span["process"]) if "process" in span else processes.get(text_of(span.get("processID")), [])
            )
            scope, written = _span(span)
            yield resource, scope, written


def _resource(process: Any) -> list[Json]:
    if not isinstance(process, dict):
        return []
    return [
        pair("service.name", {"stringValue": text_of(process.get("serviceName"))}),
        *_attributes(process.get("tags")),
    ]


def _span(span: Json) -> tuple[Json, Json]:
    attributes = _attributes(span.get("tags"))
    kind = taken(attributes, "span.kind")
    code, said = taken(attributes, "otel.status_code"), taken(attributes, "otel.status_description")
    is_error = any(
        one["key"] == "error" and one["value"] in ({"boolValue": True}, {"stringValue": "true"}) for one in attributes
    )
    trace_id = padded_id(span.get("traceID"), 32)
    parent_id, links = padded_id(span.get("parentSpanID"), 16), []
    for reference in span.get("references") or ():
        if not isinstance(reference, dict):
            continue
        named = padded_id(reference.get("traceID"), 32), padded_id(reference.get("spanID"), 16)
        if not parent_id and reference.get("refType") == "CHILD_OF" and named[0] == trace_id:
            parent_id = named[1]
        elif named[1] != parent_id:
            links.append({"traceId": named[0], "spanId": named[1]})
    start_ns = us_to_ns(span.get("startTime"))
    scope = {
        "name": taken(attributes, "otel.scope.name") or taken(attributes, "otel.library.name"),
        "version": taken(attributes, "otel.scope.version") or taken(attributes, "otel.library.version"),
    }
    return scope, {
        "traceId": trace_id,
        "spanId": padded_id(span.get("spanID"), 16),
        "traceState": taken(attributes, "w3c.tracestate"),
        "parentSpanId": parent_id,
        "name": text_of(span.get("operationName")),
        "kind": KINDS.get(kind.lower(), 0),
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + us_to_ns(span.get("duration"))),
        "attributes": attributes,
        "events": [_event(log) for log in span.get("logs") or () if isinstance(log, dict)],
        "links": links,
        "status": {"message": said, "code": STATUS_CODES.get(code.upper(), ERROR if is_error else 0)},
    }


def _event(log: Json) -> Json:
    attributes = _attributes(log.get("fields"))
    name = taken(attributes, "event")
    return {"timeUnixNano": str(us_to_ns(log.get("timestamp"))), "name": name or "log", "attributes": attributes}


def _attributes(tags: Any) -> list[Json]:
    """Tags carry their type beside their value; a value that is not of it becomes what it is."""
    found = []
    for tag in tags if isinstance(tags, list) else ():
        if not isinstance(tag, dict):
            continue
        member, value = _VALUES.get(text_of(tag.get("type")), ""), tag.get("value")
        fits = isinstance(value, bool) if member == "boolValue" else isinstance(value, str | int | float)
        if member and fits:
            found.append(pair(text_of(tag.get("key")), {member: str(value) if member == "intValue" else value}))
        else:
            found += pairs({text_of(tag.get("key")): value})
    return found
