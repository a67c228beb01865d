"""One trace out of a kept original: everything the line said of its spans, decoded in full and redacted.

The one door: pages, API, exports and the command line all read what came through here.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TypeVar

import msgspec

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Attributes, Event, Link, Resource, Scope, Span
from diamond_viewer.telemetry.otlp_scalars import NO_BYTES, raw_count, raw_text
from diamond_viewer.telemetry.otlp_values import attributes_from_wire, attributes_holding
from diamond_viewer.telemetry.redact import (
    redact_attributes,
    redact_event,
    redact_resource,
    redact_scope,
    redact_span,
    redact_text,
)
from diamond_viewer.telemetry.repeated_keys import repeated_keys
from diamond_viewer.telemetry.sketch import EventSketch, SpanSketch

_ZERO_SPAN_ID = "0" * 16

T = TypeVar("T")


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """The canonical spelling only: an original was repaired before it was kept. What no index reads was not: it is raw here,
    and what makes no sense of it is passed over."""


class _Attributed(_Wire):
    attributes: msgspec.Raw = NO_BYTES
    dropped_attributes_count: msgspec.Raw = NO_BYTES


class _Event(_Attributed):
    time_unix_nano: int | str | None = 0
    name: str | None = ""


class _Link(_Attributed):
    trace_id: str | None = ""
    span_id: str | None = ""
    trace_state: msgspec.Raw = NO_BYTES
    flags: msgspec.Raw = NO_BYTES


class _Status(_Wire):
    message: str | None = ""
    code: int | None = 0


class _Span(_Attributed):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = ""
    trace_state: msgspec.Raw = NO_BYTES
    flags: msgspec.Raw = NO_BYTES
    name: str | None = ""
    kind: int | None = 0
    start_time_unix_nano: int | str | None = 0
    end_time_unix_nano: int | str | None = 0
    events: msgspec.Raw = NO_BYTES
    links: msgspec.Raw = NO_BYTES
    dropped_events_count: msgspec.Raw = NO_BYTES
    dropped_links_count: msgspec.Raw = NO_BYTES
    status: _Status | None = None


class _Scope(_Attributed):
    name: str | None = ""
    version: str | None = ""


class _ScopeSpans(_Wire):
    scope: _Scope | None = None
    spans: list[_Span] | None = None
    schema_url: str | None = ""


class _ResourceSpans(_Wire):
    resource: _Attributed | None = None
    scope_spans: list[_ScopeSpans] | None = None
    schema_url: str | None = ""


class _Document(_Wire):
    resource_spans: list[_ResourceSpans] | None = None


class _TraceId(_Wire):
    trace_id: str = ""


class _RawScopeSpans(_Wire):
    scope: msgspec.Raw = NO_BYTES
    spans: list[msgspec.Raw] | None = None
    schema_url: str | None = ""


class _RawResourceSpans(_Wire):
    resource: msgspec.Raw = NO_BYTES
    scope_spans: list[_RawScopeSpans] | None = None
    schema_url: str | None = ""


class _RawDocument(_Wire):
    resource_spans: list[_RawResourceSpans] | None = None


_DOCUMENT_DECODER = msgspec.json.Decoder(_Document)
_RAW_DECODER = msgspec.json.Decoder(_RawDocument)
_RESOURCE_DECODER = msgspec.json.Decoder(_Attributed | None)
_SCOPE_DECODER = msgspec.json.Decoder(_Scope | None)
_ID_DECODER = msgspec.json.Decoder(_TraceId)
_SPAN_DECODER = msgspec.json.Decoder(_Span)
_EVENTS_DECODER = msgspec.json.Decoder(list[_Event])
_LINKS_DECODER = msgspec.json.Decoder(list[_Link])


def decode_spans(original: bytes, trace_id: str | None = None) -> Iterator[Span]:
    """The spans of one trace (32 lower-case hex), or all, of a ``Batch.original``, in the order they stand there, redacted."""
    return decode_spans_among(original, None if trace_id is None else {trace_id})


def decode_spans_among(original: bytes, trace_ids: AbstractSet[str] | None) -> Iterator[Span]:
    """As ``decode_spans``, of several traces; None for all."""
    for resource_spans in _DOCUMENT_DECODER.decode(original).resource_spans or ():
        resource: Resource | None = None
        for scope_spans in resource_spans.scope_spans or ():
            scope: Scope | None = None
            for wire in scope_spans.spans or ():
                if trace_ids is not None and wire.trace_id.lower() not in trace_ids:
                    continue
                # decoded once per line, and only if a span of the trace stands below it
                resource = resource or _resource(resource_spans)
                scope = scope or _scope(scope_spans)
                yield redact_span(_span(wire, resource, scope))


def spans_as_written(original: bytes) -> Iterator[Span]:
    """All spans of a canonical document with what is secret in them: for a place that the collector itself would write to, and
    for no reader."""
    for resource_spans in _DOCUMENT_DECODER.decode(original).resource_spans or ():
        resource = _resource(resource_spans)
        for scope_spans in resource_spans.scope_spans or ():
            scope = _scope(scope_spans)
            for wire in scope_spans.spans or ():
                yield _span(wire, resource, scope)


def raw_spans_of(original: bytes) -> Iterator[tuple[_RawResourceSpans, _RawScopeSpans, list[msgspec.Raw]]]:
    """The spans of a line as they stand there, with what they stand below. Raises ``msgspec.DecodeError``."""
    for resource_spans in _RAW_DECODER.decode(original).resource_spans or ():
        for scope_spans in resource_spans.scope_spans or ():
            yield resource_spans, scope_spans, scope_spans.spans or []


def trace_id_of(raw: bytes | msgspec.Raw) -> str:
    """Of a span as it stands in a line."""
    return _ID_DECODER.decode(raw).trace_id.lower()


def resource_above(raw: bytes, schema_url: str | None) -> Resource:
    said = _RESOURCE_DECODER.decode(raw) if raw else None
    return _resource(_ResourceSpans(said, None, schema_url))


def scope_above(raw: bytes, schema_url: str | None) -> Scope:
    named = _SCOPE_DECODER.decode(raw) if raw else None
    return _scope(_ScopeSpans(named, None, schema_url))


def span_below(raw: bytes | msgspec.Raw, resource: Resource, scope: Scope) -> Span:
    """A span as it stands in a line, decoded in full and redacted."""
    return redact_span(_span(_SPAN_DECODER.decode(raw), resource, scope))


def sketch_spans(original: bytes, trace_id: str) -> Iterator[SpanSketch]:
    """The same spans as ``decode_spans`` gives, as sketches: a tenth of the time."""
    return (span for _, span in sketch_spans_among(original, {trace_id}))


def sketch_spans_among(
    original: bytes, trace_ids: AbstractSet[str], *, apart: bool = False
) -> Iterator[tuple[str, SpanSketch]]:
    """The same of several traces, each with the id of its own. A sketch keeps the line alive that it was made of, half a MB
    mostly; ``apart``, for who keeps sketches, has it keep its own bytes where most of the line is of others."""
    number = -1
    raw_spans = _raw_spans_apart(original, trace_ids) if apart else None
    shown_names: dict[str, str] = {}  # a large trace has few: each is looked at once for secrets
    for resource_spans in _DOCUMENT_DECODER.decode(original).resource_spans or ():
        resource: Resource | None = None
        service = clock = ""
        for scope_spans in resource_spans.scope_spans or ():
            scope: Scope | None = None
            for wire in scope_spans.spans or ():
                number += 1
                trace_id = wire.trace_id.lower()
                if trace_id not in trace_ids:
                    continue
                if resource is None:
                    resource = _resource(resource_spans)
                    service = redact_text(semconv.service_name(resource.attributes))
                    clock = semconv.clock_of(resource.attributes)
                scope = scope or _scope(scope_spans)
                parent_id = (wire.parent_span_id or "").lower()
                name = wire.name or ""
                shown_name = shown_names.get(name)
                if shown_name is None:
                    shown_name = shown_names[name] = redact_text(name)
                own = original
                if raw_spans is not None:
                    own = bytes(raw_spans[number])
                    wire = _SPAN_DECODER.decode(own)
                events, links, status = wire.events, wire.links, wire.status
                start_ns, end_ns = int(wire.start_time_unix_nano or 0), int(wire.end_time_unix_nano or 0)
                sketch = SpanSketch(
                    wire.span_id.lower(),
                    "" if parent_id == _ZERO_SPAN_ID else parent_id,
                    shown_name,
                    wire.kind or 0,
                    max(0, start_ns),
                    max(0, end_ns),
                    (status.code or 0) if status else 0,
                    service,
                    events is not NO_BYTES and len(bytes(events)) > 4,  # more than [] or null
                    links is not NO_BYTES and len(bytes(links)) > 4,
                    semconv.is_plumbing_json(bytes(wire.attributes)),
                    clock,
                    _WireSource(wire, resource, scope, own, number if own is original else None),
                )
                yield trace_id, sketch


def _raw_spans_apart(original: bytes, trace_ids: AbstractSet[str]) -> list[msgspec.Raw] | None:
    """All spans of a line of which these traces are the smaller part, in order; else None."""
    raw_spans = list(_raw_spans(original))
    own_count = sum(trace_id_of(raw) in trace_ids for raw in raw_spans)
    return raw_spans if 2 * own_count < len(raw_spans) else None


def _raw_spans(original: bytes) -> Iterator[msgspec.Raw]:
    for _, _, raw_spans in raw_spans_of(original):
        yield from raw_spans


class _WireSource(msgspec.Struct, frozen=True, gc=False):
    """A span as it stands on the wire: span ``number`` of ``original``, or all of it (None). Its raw fields keep that alive."""

    wire: _Span
    resource: Resource
    scope: Scope
    original: bytes
    number: int | None

    def whole(self) -> Span:
        return redact_span(_span(self.wire, self.resource, self.scope))

    def events(self) -> Sequence[EventSketch]:
        return [
            EventSketch(redact_text(event.name or ""), _number(event.time_unix_nano), _WireEvent(event))
            for event in _list(_EVENTS_DECODER, self.wire.events)
        ]

    def origin(self) -> tuple[Resource, Scope]:
        return redact_resource(self.resource), redact_scope(self.scope)

    def attributes_saying(self, needle: str, raw: bytes) -> Attributes:
        # secrets are looked for in what may match only: a search looks at every span
        if raw:
            return redact_attributes(attributes_holding(bytes(self.wire.attributes), raw))
        pairs = attributes_from_wire(bytes(self.wire.attributes)).items()
        return redact_attributes({k: v for k, v in pairs if not isinstance(v, str) or needle in f"{k}={v}".casefold()})

    @property
    def says_more(self) -> bool:
        wire = self.wire
        return bool(wire.status and wire.status.message) or wire.events is not NO_BYTES or wire.links is not NO_BYTES

    def may_say(self, needle: bytes) -> bool:
        wire = self.wire
        parts = (wire.attributes, wire.events, wire.links)
        if any(needle in bytes(part).replace(b"\\/", b"/").lower() for part in parts):  # some write \\/ for a slash
            return True
        message = wire.status.message if wire.status else ""
        return needle in f"{wire.name or ''}\n{message or ''}\n{raw_text(wire.trace_state)}".lower().encode(
            errors="replace"
        )

    def repeated_keys(self) -> tuple[str, ...]:
        raw = self.original
        if self.number is not None:
            raw = bytes(next(islice(_raw_spans(raw), self.number, None)))
        return tuple(map(redact_text, repeated_keys(raw)))


class _WireEvent(msgspec.Struct, frozen=True, gc=False):
    wire: _Event

    def whole_event(self) -> Event:
        return redact_event(_event(self.wire))


def _span(wire: _Span, resource: Resource, scope: Scope) -> Span:
    parent_id = (wire.parent_span_id or "").lower()
    return Span(
        trace_id=wire.trace_id.lower(),
        span_id=wire.span_id.lower(),
        parent_id="" if parent_id == _ZERO_SPAN_ID else parent_id,
        name=wire.name or "",
        kind=wire.kind or 0,
        start_ns=_number(wire.start_time_unix_nano),
        end_ns=_number(wire.end_time_unix_nano),
        status_code=(wire.status.code or 0) if wire.status else 0,
        status_message=(wire.status.message or "") if wire.status else "",
        attributes=attributes_from_wire(bytes(wire.attributes)),
        events=tuple([_event(event) for event in _list(_EVENTS_DECODER, wire.events)]),
        links=tuple([_link(link) for link in _list(_LINKS_DECODER, wire.links)]),
        resource=resource,
        scope=scope,
        service=semconv.service_name(resource.attributes),
        trace_state=raw_text(wire.trace_state),
        flags=raw_count(wire.flags),
        dropped_attribute_count=raw_count(wire.dropped_attributes_count),
        dropped_event_count=raw_count(wire.dropped_events_count),
        dropped_link_count=raw_count(wire.dropped_links_count),
    )


def _resource(wire: _ResourceSpans) -> Resource:
    resource = wire.resource or _Attributed()
    return Resource(
        attributes_from_wire(bytes(resource.attributes)),
        wire.schema_url or "",
        raw_count(resource.dropped_attributes_count),
    )


def _scope(wire: _ScopeSpans) -> Scope:
    scope = wire.scope or _Scope()
    return Scope(
        scope.name or "",
        scope.version or "",
        attributes_from_wire(bytes(scope.attributes)),
        wire.schema_url or "",
        raw_count(scope.dropped_attributes_count),
    )


def _event(wire: _Event) -> Event:
    return Event(
        wire.name or "",
        _number(wire.time_unix_nano),
        attributes_from_wire(bytes(wire.attributes)),
        raw_count(wire.dropped_attributes_count),
    )


def _link(wire: _Link) -> Link:
    return Link(
        (wire.trace_id or "").lower(),
        (wire.span_id or "").lower(),
        raw_text(wire.trace_state),
        attributes_from_wire(bytes(wire.attributes)),
        raw_count(wire.dropped_attributes_count),
        raw_count(wire.flags),
    )


def _list(decoder: "msgspec.json.Decoder[list[T]]", raw: msgspec.Raw) -> list[T]:
    if raw is NO_BYTES:
        return []
    blob = bytes(raw)
    return [] if not blob or blob == b"null" else decoder.decode(blob)


def _number(value: int | str | None) -> int:
    return max(0, int(value or 0))
