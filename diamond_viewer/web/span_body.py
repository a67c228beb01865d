"""SpanBody: the details of one span."""

from dataclasses import dataclass, replace

from diamond_viewer.telemetry.model import (
    STATUS_ERROR,
    STATUS_OK,
    STATUS_UNSET,
    Attributes,
    Event,
    ForeignLink,
    Link,
    Log,
    Span,
)
from diamond_viewer.telemetry.otlp_json import encode_span
from diamond_viewer.telemetry.sketch import log_title
from diamond_viewer.telemetry.units import (
    format_date_time,
    format_duration,
    format_offset,
    format_rfc3339,
    format_times,
)
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.timeline import PlacedLog
from diamond_viewer.web.address import trace_href
from diamond_viewer.web.attributes import AttributeGroup, AttributeLine, attribute_groups, attribute_lines
from diamond_viewer.web.badges import event_tone, severity_tone
from diamond_viewer.web.curl import curl_command
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.value_links import NOWHERE, ValueLink, ValueLinks

MAX_EVENTS = 100  # in the details of one span
MAX_LOGS = 100
MAX_LOG_TITLE = 200  # characters
MAX_LINKS = 100
MAX_JSON = 20_000  # characters of raw JSON in the page; the whole is a link away
UNNAMED = "(no name)"

KIND_WORDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    href: str = ""
    link: ValueLink = NOWHERE


@dataclass(frozen=True, slots=True)
class BodyEvent:
    """``number`` counts from 1; ``href`` is a link to this event to be passed on."""

    number: int
    name: str
    tone: str
    offset: str
    clock: str
    href: str
    attributes: tuple[AttributeLine, ...]
    dropped: str
    is_linked: bool


@dataclass(frozen=True, slots=True)
class BodyLog:
    title: str
    severity: str
    severity_tone: str
    offset: str
    clock: str
    attributes: tuple[AttributeLine, ...]


@dataclass(frozen=True, slots=True)
class BodyLink:
    """``href`` is empty for ids that lead nowhere; ``problem`` says why."""

    words: str
    name: str
    href: str
    problem: str
    attributes: tuple[AttributeLine, ...]


@dataclass(frozen=True, slots=True)
class SpanBody:
    """``dropped`` says what the SDK threw away; ``json`` is cut where ``json_cut`` says so, ``json_href`` has it whole."""

    element: str
    status: str
    is_error: bool
    is_root_cause: bool
    problems: tuple[str, ...]
    dropped: str
    facts: tuple[Fact, ...]
    groups: tuple[AttributeGroup, ...]
    events: tuple[BodyEvent, ...]
    hidden_events: str
    logs: tuple[BodyLog, ...]
    hidden_logs: str
    links: tuple[BodyLink, ...]
    backlinks: tuple[BodyLink, ...]
    resource: tuple[AttributeLine, ...]
    scope: tuple[AttributeLine, ...]
    json: str
    json_cut: str
    json_href: str
    page_href: str
    curl: str


def span_body(trace: Arranged, place: int, address: TraceAddress, links: ValueLinks) -> SpanBody:
    span = trace.spans[place].whole()
    element = trace.element_of(place)
    words = {STATUS_ERROR: "error", STATUS_OK: "ok", STATUS_UNSET: ""}.get(
        span.status_code, f"unknown ({span.status_code})"
    )
    logs = trace.logs_of.get(place, ()) if trace.logs else ()
    moment = address.moment if address.spans[:1] == (element,) else 0
    json = encode_span(replace(span, events=span.events[:MAX_EVENTS])).decode()
    is_whole = len(json) <= MAX_JSON and len(span.events) <= MAX_EVENTS
    hidden_events = len(span.events) - MAX_EVENTS
    first = min(max(0, moment - 1 - MAX_EVENTS // 2), max(0, hidden_events))
    scope = {"name": span.scope.name, "version": span.scope.version, **span.scope.attributes}
    return SpanBody(
        element=element,
        status=": ".join(part for part in (words, span.status_message.strip()) if part),
        is_error=span.status_code == STATUS_ERROR,
        is_root_cause=place in trace.root_causes,
        problems=(*problems_of(trace, place), *_repeats(trace.spans[place].source.repeated_keys())),
        dropped=_dropped(span),
        facts=_facts(trace, place, span, address, links),
        groups=attribute_groups(span.attributes, links),
        events=tuple(
            _body_event(event, first + number, span, element, moment, address, links)
            for number, event in enumerate(span.events[first : first + MAX_EVENTS], 1)
        ),
        hidden_events=f"{format_times(hidden_events, 'event')} more of this span, in the story below and in the JSON"
        if hidden_events > 0
        else "",
        logs=tuple(_body_log(placed, span, links) for placed in logs[:MAX_LOGS]),
        hidden_logs=f"{format_times(len(logs) - MAX_LOGS, 'log')} more of this span, in the story below"
        if len(logs) > MAX_LOGS
        else "",
        links=tuple(_body_link(link, trace, element, address, links) for link in span.links[:MAX_LINKS]),
        backlinks=(
            *(_backlink(trace, other, address) for other in trace.linked_from.get(span.span_id, ())[:MAX_LINKS]),
            *map(foreign_link, trace.linked_from_elsewhere.get(span.span_id, ())[:MAX_LINKS]),
        ),
        resource=attribute_lines(span.resource.attributes, links),
        scope=attribute_lines({key: value for key, value in scope.items() if value != ""}),
        json=json[:MAX_JSON],
        json_cut="" if is_whole else "This is its beginning; the download has the whole.",
        json_href=f"{trace_href(span.trace_id)}/spans/{element}.json",
        page_href=address.whole_page().at_span(element),
        curl=curl_command(span.attributes),
    )


def problems_of(trace: Arranged, place: int) -> tuple[str, ...]:
    """Everything unusual about one span, in sentences."""
    said = [*trace.rows[place].problems, *trace.extents[place].problems]
    shift_ns = trace.spans[place].shift_ns
    if shift_ns:
        where = "later" if shift_ns > 0 else "earlier"
        said.append(f"Drawn {format_duration(abs(shift_ns))} {where} than recorded: its clock was adjusted on request.")
    return tuple(said)


def _repeats(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"Its line gives the key {key!r} more than once: the last one counts." for key in keys)


def _facts(trace: Arranged, place: int, span: Span, address: TraceAddress, links: ValueLinks) -> tuple[Fact, ...]:
    kind = KIND_WORDS[span.kind] if 0 <= span.kind < len(KIND_WORDS) else f"unknown ({span.kind})"
    above = trace.rows[place].parent_row
    offset = format_offset(trace.extents[place].start_ns - trace.scale.start_ns)
    facts = (
        Fact("service", span.service, link=links.named("service", span.service)),
        Fact("operation", span.name, link=links.named("operation", span.name)),
        Fact("kind", kind),
        Fact("start", f"{format_rfc3339(span.start_ns)} ({offset})" if span.start_ns else "not recorded"),
        Fact(
            "duration",
            f"{format_duration(span.duration_ns)}, {format_duration(trace.self_times_ns[place])} of it its own",
        ),
        Fact("span id", span.span_id, address.at_span(trace.element_of(place))),
        Fact("parent id", span.parent_id, address.at_span(trace.element_of(above)) if above >= 0 else ""),
        Fact("flags", str(span.flags) if span.flags else ""),
        Fact("trace state", span.trace_state),
    )
    return tuple(fact for fact in facts if fact.value)


def _body_event(
    event: Event, number: int, span: Span, element: str, moment: int, address: TraceAddress, links: ValueLinks
) -> BodyEvent:
    offset = format_offset(event.time_ns - span.start_ns) if event.time_ns and span.start_ns else "no time"
    return BodyEvent(
        number,
        event.name or UNNAMED,
        event_tone(event.name),
        offset,
        format_date_time(event.time_ns) if event.time_ns else "",
        address.at_span(element, number),
        attribute_lines(event.attributes, links),
        _count_dropped(event.dropped_attribute_count, "attribute"),
        number == moment,
    )


def _body_link(link: Link, trace: Arranged, element: str, address: TraceAddress, links: ValueLinks) -> BodyLink:
    """To a span of this trace, or to another trace, which may not be held: its page then says so."""
    attributes = attribute_lines(link.attributes, links)
    words = f"span {link.span_id} of trace {link.trace_id}"
    if not link.trace_id.strip("0"):
        return BodyLink(words, "", "", "It names no trace.", attributes)
    if link.trace_id != trace.summary.trace_id:
        target = TraceAddress(link.trace_id, spans=(link.span_id,) if link.span_id.strip("0") else ())
        return BodyLink(words, "another trace", target.href, "", attributes)
    place = trace.place_of(link.span_id)
    if place is None:
        return BodyLink(words, "", "", "That span is not in this trace, as far as it is held.", attributes)
    problem = "It links to itself." if trace.element_of(place) == element else ""
    name = trace.spans[place].name or UNNAMED
    return BodyLink(words, name, address.at_span(trace.element_of(place)), problem, attributes)


def _backlink(trace: Arranged, place: int, address: TraceAddress) -> BodyLink:
    span = trace.spans[place]
    return BodyLink(f"span {span.span_id}", span.name or UNNAMED, address.at_span(trace.element_of(place)), "", ())


def foreign_link(link: ForeignLink) -> BodyLink:
    """From a span of another trace, which is held: it was read to find the link."""
    words = f"span {link.span_id} of trace {link.trace_id}"
    href = TraceAddress(link.trace_id, spans=(link.span_id,)).href
    return BodyLink(words, f"{link.service}: {link.name or UNNAMED}", href, "", ())


def _body_log(placed: PlacedLog, span: Span, links: ValueLinks) -> BodyLog:
    log = placed.log.whole()
    offset = format_offset(log.time_ns - span.start_ns) if log.time_ns and span.start_ns else "no time"
    title = log_title(log)
    return BodyLog(
        title[:MAX_LOG_TITLE] or UNNAMED,
        log.severity.lower()[:20] or "log",
        severity_tone(log.severity_number),
        offset,
        format_date_time(log.time_ns) if log.time_ns else "",
        attribute_lines(
            log.attributes if title == log.body and len(title) <= MAX_LOG_TITLE else body_and_attributes(log), links
        ),
    )


def body_and_attributes(log: Log) -> Attributes:
    """What was logged, under the name ``body``, beside the log's attributes."""
    return log.attributes if log.body is None else {"body": log.body, **log.attributes}


def _dropped(span: Span) -> str:
    counts = (
        (span.dropped_attribute_count, "attribute"),
        (span.dropped_event_count, "event"),
        (span.dropped_link_count, "link"),
    )
    said = [format_times(count, what) for count, what in counts if count]
    return f"The SDK dropped {', '.join(said)} of this span: it was over a limit." if said else ""


def _count_dropped(count: int, what: str) -> str:
    return f"The SDK dropped {format_times(count, what)} of it." if count else ""
