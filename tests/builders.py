"""Spans and traces that name only what matters to a test.

>>> [s.duration_ns for s in (span("a"), span("b", "a", start_ms=2, ms=0.5))]
[10000000, 500000]
"""

from collections.abc import Iterable, Mapping

from diamond_viewer.telemetry.model import (
    KIND_INTERNAL,
    STATUS_ERROR,
    STATUS_UNSET,
    Attributes,
    AttributeValue,
    Event,
    Flag,
    Link,
    Resource,
    Scope,
    Span,
    Trace,
    TraceSummary,
)

T0_NS = 1_795_347_498_000_000_000  # 2026-11-22, where the real traces lie; ``start_ms`` counts from here
TRACE_ID = "7" * 32
SERVICE = "web"
NS_PER_MS = 1_000_000
SCOPE = Scope("tests", "1", {})

_RESOURCES: dict[str, Resource] = {}  # one object per service, as the decoder gives one per line


def at_ms(milliseconds: float) -> int:
    """Milliseconds from ``T0_NS`` -> ns since 1970."""
    return T0_NS + round(milliseconds * NS_PER_MS)


def event(name: str, ms: float = 0, attributes: Attributes | None = None, time_ns: int | None = None) -> Event:
    """``ms`` counts from ``T0_NS`` like ``start_ms``; ``time_ns`` overrules it."""
    return Event(name, at_ms(ms) if time_ns is None else time_ns, attributes or {})


def span(
    span_id: str,
    parent_id: str = "",
    *,
    start_ms: float = 0,
    ms: float = 10,
    start_ns: int | None = None,
    end_ns: int | None = None,
    name: str | None = None,
    service: str = SERVICE,
    kind: int = KIND_INTERNAL,
    is_error: bool = False,
    status_message: str = "",
    attributes: Attributes | None = None,
    events: Iterable[Event] = (),
    links: Iterable[Link] = (),
    trace_id: str = TRACE_ID,
    **more: AttributeValue,
) -> Span:
    """A span of 10 ms from ``T0_NS`` on, named after its id. Ids need not be hex. ``more`` are attributes without dots."""
    begin_ns = at_ms(start_ms) if start_ns is None else start_ns
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=span_id if name is None else name,
        kind=kind,
        start_ns=begin_ns,
        end_ns=begin_ns + round(ms * NS_PER_MS) if end_ns is None else end_ns,
        status_code=STATUS_ERROR if is_error else STATUS_UNSET,
        status_message=status_message,
        attributes={**(attributes or {}), **more},
        events=tuple(events),
        links=tuple(links),
        resource=_RESOURCES.setdefault(service, Resource({"service.name": service})),
        scope=SCOPE,
        service=service,
    )


def trace(*spans: Span, name: str = "", flags: int = 0, summary: Mapping[str, object] | None = None) -> Trace:
    """A trace with a summary worked out from what is plain; ``summary`` overrules single fields of it."""
    first = next((s for s in spans if not s.parent_id), spans[0])
    starts = [s.start_ns for s in spans if s.start_ns] or [0]
    errors = sum(s.status_code == STATUS_ERROR for s in spans)
    fields: dict[str, object] = {
        "trace_id": first.trace_id,
        "name": name or first.name,
        "service": first.service,
        "services": tuple(dict.fromkeys(s.service for s in spans)),
        "start_ns": min(starts),
        "duration_ns": max(max(s.end_ns for s in spans) - min(starts), 0),
        "span_count": len(spans),
        "error_count": errors,
        "event_count": sum(len(s.events) for s in spans),
        "user_ids": (),
        "lesson_ids": (),
        "flags": flags | (Flag.ERROR if errors else 0),
        **(summary or {}),
    }
    return Trace(TraceSummary(**fields), spans)  # type: ignore[arg-type]
