"""Zipkin's JSON, version 2, as reporters send it and the API answers -> an OTLP document.

Source: the Zipkin API's ``zipkin2-api.yaml``, and how OpenTelemetry's specification has exporters write status and scope as
tags. Times are microseconds, every tag is a text. A client and its server may share one span id: the
server's span becomes its child.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from diamond_viewer.telemetry.otlp_spelling import (
    ERROR,
    KINDS,
    STATUS_CODES,
    Json,
    document_of,
    padded_id,
    pairs,
    text_of,
    us_to_ns,
)

_OTHER_SIDE = {"serviceName": "peer.service", "ipv4": "network.peer.address", "ipv6": "network.peer.address"}


def is_zipkin(value: Any) -> bool:
    """One span of Zipkin's."""
    return isinstance(value, dict) and "traceId" in value and "id" in value and "spanId" not in value


def otlp_of_zipkin(spans: Iterable[Json]) -> Json:
    return document_of(_placed_spans(spans))


def _placed_spans(spans: Iterable[Json]) -> Iterator[tuple[list[Json], Json, Json]]:
    """Each span with the attributes of its resource and its scope."""
    for span in spans:
        tags = dict(span["tags"]) if isinstance(span.get("tags"), dict) else {}
        local, remote = span.get("localEndpoint"), span.get("remoteEndpoint")
        service = text_of(local.get("serviceName")) if isinstance(local, dict) else ""
        if tags.get("service.name") == service:  # OpenTelemetry's exporters say it twice
            del tags["service.name"]
        scope = {
            "name": text_of(tags.pop("otel.scope.name", "") or tags.pop("otel.library.name", "")),
            "version": text_of(tags.pop("otel.scope.version", "") or tags.pop("otel.library.version", "")),
        }
        if isinstance(remote, dict):
            tags |= {name: remote[member] for member, name in _OTHER_SIDE.items() if remote.get(member)}
            tags |= {"network.peer.port": remote["port"]} if remote.get("port") else {}
        yield pairs({"service.name": service} if service else {}), scope, _span(span, tags)


def _span(span: Json, tags: dict[str, Any]) -> Json:
    code, said = text_of(tags.pop("otel.status_code", "")), text_of(tags.pop("otel.status_description", ""))
    failed = "error" in tags and tags["error"] not in ("false", False)
    if failed and code:  # an exporter's spelling of the status, not an attribute of the span
        said = said or text_of(tags.pop("error"))
    span_id, parent_id = padded_id(span.get("id"), 16), padded_id(span.get("parentId"), 16)
    if span.get("shared") is True:
        span_id, parent_id = blake2b(span_id.encode(), digest_size=8).hexdigest(), span_id
    start_ns = us_to_ns(span.get("timestamp"))
    return {
        "traceId": padded_id(span.get("traceId"), 32),
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": text_of(span.get("name")),
        "kind": KINDS.get(text_of(span.get("kind")).lower(), 0),
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + us_to_ns(span.get("duration"))),
        "attributes": pairs(tags),
        "events": [
            {"timeUnixNano": str(us_to_ns(note.get("timestamp"))), "name": text_of(note.get("value"))}
            for note in span.get("annotations") or ()
            if isinstance(note, dict)
        ],
        "status": {"message": said, "code": STATUS_CODES.get(code.upper(), ERROR if failed else 0)},
    }
