"""A trace as one message of OTLP in protobuf (``TracesData``), and the answers that Tempo wraps around it.

``tempopb.Trace`` is the same on the wire. In JSON Tempo writes what protobuf's mapping says: ids in base64, enums by name.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from diamond_viewer.telemetry.model import Attributes, AttributeValue, Event, Link, Span, Trace

Json = dict[str, Any]

MAX_DEPTH = 24  # levels of a value, four of protobuf each, of which its readers take 100
MAX_COUNT = 2**32 - 1
MAX_ENUM = 2**31 - 1
MAX_INTEGER = 2**63 - 1
MAX_TIME_NS = 2**64 - 1


def message_of(trace: Trace) -> TracesData:
    """Resources and scopes in order of first sight, spans of each by start."""
    resources: dict[int, dict[int, list[Span]]] = {}
    for span in sorted(trace.spans, key=lambda span: (span.start_ns, span.span_id)):
        resources.setdefault(id(span.resource), {}).setdefault(id(span.scope), []).append(span)
    return TracesData(resource_spans=[_resource_spans(list(scopes.values())) for scopes in resources.values()])


def encoded(trace: Trace) -> bytes:
    """Tempo's first answer: the trace alone."""
    return message_of(trace).SerializeToString()


def encoded_by_id(trace: Trace) -> bytes:
    """Tempo's second answer: ``TraceByIDResponse``, whose first field is the trace."""
    inner = encoded(trace)
    return b"\x0a" + _varint(len(inner)) + inner


def document_v1(trace: Trace) -> Json:
    return {"batches": _resource_spans_of(trace)}


def document_v2(trace: Trace) -> Json:
    return {"trace": {"resourceSpans": _resource_spans_of(trace)}, "metrics": {}}


def _resource_spans_of(trace: Trace) -> list[Json]:
    found: list[Json] = MessageToDict(message_of(trace)).get("resourceSpans", [])
    return found


def _resource_spans(scopes: list[list[Span]]) -> ResourceSpans:
    resource = scopes[0][0].resource
    message = ResourceSpans(
        resource=ResourceMessage(
            attributes=_attributes(resource.attributes),
            dropped_attributes_count=_count(resource.dropped_attribute_count),
        ),
        schema_url=_text(resource.schema_url),
    )
    for spans in scopes:
        scope = spans[0].scope
        written = ScopeSpans(spans=[_span(span) for span in spans], schema_url=_text(scope.schema_url))
        written.scope.name, written.scope.version = _text(scope.name), _text(scope.version)
        written.scope.attributes.extend(_attributes(scope.attributes))
        written.scope.dropped_attributes_count = _count(scope.dropped_attribute_count)
        message.scope_spans.append(written)
    return message


def _span(span: Span) -> SpanMessage:
    message = SpanMessage(
        trace_id=_id(span.trace_id),
        span_id=_id(span.span_id),
        trace_state=_text(span.trace_state),
        parent_span_id=_id(span.parent_id),
        flags=_count(span.flags),
        name=_text(span.name),
        kind=_enum(span.kind),  # type: ignore[arg-type]  # protobuf 3 takes any number of 32 bits
        start_time_unix_nano=min(span.start_ns, MAX_TIME_NS),
        end_time_unix_nano=min(span.end_ns, MAX_TIME_NS),
        attributes=_attributes(span.attributes),
        dropped_attributes_count=_count(span.dropped_attribute_count),
        events=[_event(event) for event in span.events],
        dropped_events_count=_count(span.dropped_event_count),
        links=[_link(link) for link in span.links],
        dropped_links_count=_count(span.dropped_link_count),
    )
    message.status.message = _text(span.status_message)
    message.status.code = _enum(span.status_code)  # type: ignore[assignment]
    return message


def _event(event: Event) -> SpanMessage.Event:
    return SpanMessage.Event(
        time_unix_nano=min(event.time_ns, MAX_TIME_NS),
        name=_text(event.name),
        attributes=_attributes(event.attributes),
        dropped_attributes_count=_count(event.dropped_attribute_count),
    )


def _link(link: Link) -> SpanMessage.Link:
    return SpanMessage.Link(
        trace_id=_id(link.trace_id),
        span_id=_id(link.span_id),
        trace_state=_text(link.trace_state),
        attributes=_attributes(link.attributes),
        dropped_attributes_count=_count(link.dropped_attribute_count),
        flags=_count(link.flags),
    )


def _attributes(attributes: Attributes, depth: int = 0) -> list[KeyValue]:
    return [KeyValue(key=_text(key), value=value_of(value, depth)) for key, value in attributes.items()]


def value_of(value: AttributeValue, depth: int = 0) -> AnyValue:
    """What nests deeper than ``MAX_DEPTH`` levels is replaced by a sentence that says so; a number of more than 64 bits by its
    digits."""
    message = AnyValue()
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int) and -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, str | int):
        message.string_value = _text(str(value))
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif value is not None and depth >= MAX_DEPTH:
        message.string_value = f"(nested deeper than {MAX_DEPTH} levels: left out here)"
    elif isinstance(value, Mapping):
        message.kvlist_value.values.extend(_attributes(value, depth + 1))
        message.kvlist_value.SetInParent()
    elif value is not None:
        message.array_value.values.extend(value_of(one, depth + 1) for one in value)
        message.array_value.SetInParent()
    return message


def _text(text: str) -> str:
    """Protobuf's texts are UTF-8: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _id(text: str) -> bytes:
    """Empty where it is no hex.

    >>> [_id(text) for text in ("0a", "", "zz", "abc")]
    [b'\\n', b'', b'', b'']
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _enum(number: int) -> int:
    """0, which is unspecified or unset, for a number that does not fit."""
    return number if -MAX_ENUM - 1 <= number <= MAX_ENUM else 0


def _count(number: int) -> int:
    return min(max(number, 0), MAX_COUNT)


def _varint(number: int) -> bytes:
    """
    >>> _varint(300)
    b'\\xac\\x02'
    """
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
