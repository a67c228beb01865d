"""A trace as its page needs it: ids, names and times of every span at once, everything else of a span when it is asked for.

Decoding and redacting 100,000 spans in full takes seconds, and a page shows a few hundred. What a sketch holds is redacted;
``whole`` goes through the one door (``otlp_spans``) like everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from diamond_viewer.telemetry.model import (
    Attributes,
    Event,
    ForeignLink,
    Log,
    Resource,
    Scope,
    Span,
    Trace,
    TraceSummary,
)
from diamond_viewer.telemetry.semconv import clock_of, is_plumbing


class Source(Protocol):
    """What a sketch was made of."""

    def whole(self) -> Span: ...

    def events(self) -> Sequence["Event | EventSketch"]:
        """The span's events; the attributes of each may still be undecoded."""
        ...

    def origin(self) -> tuple[Resource, Scope]:
        """Redacted; spans of one line share the objects."""
        ...

    def attributes_saying(self, needle: str, raw: bytes) -> Attributes:
        """Of the redacted attributes at least those that say ``needle`` (casefolded) as ``key=value``; ``raw`` is the same
        where it must stand so in the JSON of a key or a value, else empty."""
        ...

    @property
    def says_more(self) -> bool:
        """False only when the span has no text beside names and attributes."""
        ...

    def may_say(self, needle: bytes) -> bool:
        """False only when the span's own text surely does not hold ``needle``, which is ASCII in lower case."""
        ...

    def repeated_keys(self) -> tuple[str, ...]:
        """The first few keys that the span's line gives more than once within it, as far as the line was kept as written."""
        ...


class EventSource(Protocol):
    def whole_event(self) -> Event: ...


class EventSketch(msgspec.Struct, frozen=True, gc=False):
    """A span event; ``whole`` has its attributes. ``time_ns`` is 0 when the producer gave none."""

    name: str
    time_ns: int
    source: EventSource

    def whole(self) -> Event:
        return self.source.whole_event()


class LogSource(Protocol):
    def whole_log(self) -> Log: ...

    def may_say(self, needle: bytes) -> bool:
        """As that of a span."""
        ...


class LogSketch(msgspec.Struct, frozen=True, gc=False):
    """A log record; ``whole`` has its body and attributes. ``is_exception``: it reports an error that was thrown."""

    name: str
    time_ns: int
    span_id: str
    severity_number: int
    is_exception: bool
    source: LogSource

    def whole(self) -> Log:
        return self.source.whole_log()


class SpanSketch(msgspec.Struct, frozen=True, gc=False):
    """The fields are those of ``model.Span``; ``is_plumbing`` and ``clock`` (who timed it) as ``semconv`` says them.

    ``shift_ns`` was added to the times of the span and of its events, not to those of ``whole``. gc=False: no circles here.
    """

    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status_code: int
    service: str
    has_events: bool
    has_links: bool
    is_plumbing: bool
    clock: str
    source: Source
    shift_ns: int = 0

    @property
    def duration_ns(self) -> int:
        return max(0, self.end_ns - self.start_ns)

    @property
    def events(self) -> Sequence[Event | EventSketch]:
        if not self.has_events:
            return ()
        events = self.source.events()
        return events if not self.shift_ns else [_shifted(event, self.shift_ns) for event in events]

    def shifted(self, shift_ns: int) -> "SpanSketch":
        """As if its clock had been set on by so much; a time that is missing stays missing."""
        return msgspec.structs.replace(
            self,
            start_ns=self.start_ns and max(1, self.start_ns + shift_ns),
            end_ns=self.end_ns and max(1, self.end_ns + shift_ns),
            shift_ns=shift_ns,
        )

    def whole(self) -> Span:
        """The span decoded in full and redacted; work each time."""
        return self.source.whole()


AnySpan = Span | SpanSketch
AnyEvent = Event | EventSketch


@dataclass(frozen=True, slots=True)
class TraceSketch:
    """A whole trace; ``spans`` and ``logs`` in no particular order, none twice. ``backlinks`` come from other traces."""

    summary: TraceSummary
    spans: tuple[SpanSketch, ...]
    logs: tuple[LogSketch, ...] = ()
    backlinks: tuple[ForeignLink, ...] = ()


@dataclass(frozen=True, slots=True)
class _Whole:
    """A span that is decoded already."""

    span: Span

    def whole(self) -> Span:
        return self.span

    def events(self) -> Sequence[Event]:
        return self.span.events

    def origin(self) -> tuple[Resource, Scope]:
        return self.span.resource, self.span.scope

    def attributes_saying(self, needle: str, raw: bytes) -> Attributes:
        return self.span.attributes

    @property
    def says_more(self) -> bool:
        return True

    def may_say(self, needle: bytes) -> bool:
        return True

    def repeated_keys(self) -> tuple[str, ...]:
        return ()


def sketch_of(span: Span) -> SpanSketch:
    return SpanSketch(
        span.span_id,
        span.parent_id,
        span.name,
        span.kind,
        span.start_ns,
        span.end_ns,
        span.status_code,
        span.service,
        bool(span.events),
        bool(span.links),
        is_plumbing(span.attributes),
        clock_of(span.resource.attributes),
        _Whole(span),
    )


def sketch_trace(trace: Trace) -> TraceSketch:
    """For stores that decode a trace in full anyway."""
    return TraceSketch(trace.summary, tuple(map(sketch_of, trace.spans)))


def _shifted(event: AnyEvent, shift_ns: int) -> AnyEvent:
    if not event.time_ns:
        return event
    if isinstance(event, EventSketch):
        return msgspec.structs.replace(event, time_ns=event.time_ns + shift_ns)
    return replace(event, time_ns=event.time_ns + shift_ns)


def event_of_log(log: LogSketch, time_ns: int) -> EventSketch:
    """A log told like an event: what it is called, when it was, and its attributes."""
    return EventSketch(log.name or ("exception" if log.is_exception else ""), time_ns, _LogEvent(log))


class _LogEvent(msgspec.Struct, frozen=True, gc=False):
    log: LogSketch

    def whole_event(self) -> Event:
        log = self.log.whole()
        return Event(log_title(log), log.time_ns, log.attributes, log.dropped_attribute_count)


def severity_of(log: LogSketch) -> str:
    """In words: what the producer called it."""
    return log.whole().severity


def log_title(log: Log) -> str:
    """The event's name, else what was logged: its text, or as much of its value as names it."""
    if log.name:
        return log.name
    body = log.body
    if isinstance(body, Mapping):
        body = next((body[key] for key in ("message", "msg", "event") if isinstance(body.get(key), str)), body)
    return body if isinstance(body, str) else "" if body is None else str(body)


def whole_event(event: AnyEvent) -> Event:
    return event.whole() if isinstance(event, EventSketch) else event


def distinct(spans: Sequence[SpanSketch]) -> list[SpanSketch]:
    """Each span once. Only those that share an id are compared in full."""
    kept: list[SpanSketch] = []
    by_id: dict[str, list[SpanSketch]] = {}
    for span in spans:
        others = by_id.setdefault(span.span_id, [])
        if others and repr(span.whole()) in [repr(other.whole()) for other in others]:
            continue
        others.append(span)
        kept.append(span)
    return kept
