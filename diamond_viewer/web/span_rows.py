"""SpanRow: a line of the waterfall. Bars and diamonds are percentages of the trace's duration; the browser does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from diamond_viewer.telemetry.model import (
    STATUS_ERROR,
    STATUS_OK,
    Event,
    Link,
    Span,
    Trace,
)
from diamond_viewer.telemetry.units import format_count, format_duration, format_rfc3339
from diamond_viewer.trace.tree import Row
from diamond_viewer.web.address import trace_href
from diamond_viewer.web.attributes import AttributeLine, attribute_lines
from diamond_viewer.web.badges import event_tone

TICKS = 4  # parts of the axis
INDENT_PX = 12
MAX_INDENTS = 16  # deeper rows say their depth as a number: an indent wider than the column helps nobody
MIN_BAR_PERCENT = 0.4  # about 2 px beside the list on a laptop: a bar nobody can see is a lie
MAX_DIAMONDS = 40  # on one bar; the story has them all
SERVICE_COLOURS = 6
MAX_EVENTS = 100  # in the details of one span
MAX_LINKS = 100

KIND_WORDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    words: str
    anchor: str  # SVG's text-anchor, so that the outer labels stay inside


@dataclass(frozen=True, slots=True)
class Diamond:
    x: str
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class BodyEvent:
    name: str
    tone: str
    offset: str
    attributes: tuple[AttributeLine, ...]


@dataclass(frozen=True, slots=True)
class BodyLink:
    """``href`` is empty for a trace id that is none."""

    trace_id: str
    span_id: str
    href: str
    attributes: tuple[AttributeLine, ...]


@dataclass(frozen=True, slots=True)
class SpanBody:
    """The details of a span. ``facts`` are label and value; ``dropped`` says what the SDK threw away."""

    status: str
    is_error: bool
    facts: tuple[tuple[str, str], ...]
    attributes: tuple[AttributeLine, ...]
    events: tuple[BodyEvent, ...]
    hidden_events: str
    links: tuple[BodyLink, ...]
    dropped: str
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, span: Span, problems: Sequence[str] = ()) -> Self:
        words = {STATUS_ERROR: "error", STATUS_OK: "ok"}.get(span.status_code, "")
        message = span.status_message.strip()
        return cls(
            status=": ".join(part for part in (words, message) if part),
            is_error=span.status_code == STATUS_ERROR,
            facts=_facts(span),
            attributes=attribute_lines(span.attributes),
            events=tuple(_body_event(event, span) for event in span.events[:MAX_EVENTS]),
            hidden_events=f"{len(span.events) - MAX_EVENTS:,} more, in the JSON"
            if len(span.events) > MAX_EVENTS
            else "",
            links=tuple(_body_link(link) for link in span.links[:MAX_LINKS]),
            dropped=_dropped(span),
            problems=tuple(problems),
        )


@dataclass(frozen=True, slots=True)
class SpanRow:
    """``colour`` is the number of the service's colour; ``body`` is None when it is fetched on opening (``body_href``)."""

    span_id: str
    name: str
    title: str
    indent: str
    depth: str
    has_children: bool
    is_error: bool
    colour: int
    bar_x: str
    bar_width: str
    duration: str
    diamonds: tuple[Diamond, ...]
    problems: tuple[str, ...]
    body: SpanBody | None
    body_href: str
    page_href: str
    is_open: bool


def span_rows(trace: Trace, rows: Sequence[Row], inline: bool, open_span_id: str = "") -> tuple[SpanRow, ...]:
    colours = {service: number for number, service in enumerate(_services(trace))}
    return tuple(
        _span_row(trace, row, colours.get(row.span.service, 0) % SERVICE_COLOURS, inline, open_span_id) for row in rows
    )


def ticks(duration_ns: int) -> tuple[Tick, ...]:
    anchors = ("start", *["middle"] * (TICKS - 1), "end")
    return tuple(
        Tick(f"{100 * part / TICKS:g}%", format_duration(duration_ns * part // TICKS) if part else "0", anchors[part])
        for part in range(TICKS + 1)
    )


def _services(trace: Trace) -> list[str]:
    """The root's service first: it takes the first colour in every trace."""
    return list(dict.fromkeys((trace.summary.service, *trace.summary.services)))


def _span_row(trace: Trace, row: Row, colour: int, inline: bool, open_span_id: str) -> SpanRow:
    span = row.span
    x = _percent(trace, span.start_ns)
    width = min(max(_percent(trace, span.end_ns) - x, MIN_BAR_PERCENT), 100.0)
    x = min(x, 100 - width)
    href = f"{trace_href(span.trace_id)}/spans/{span.span_id}"
    is_open = span.span_id == open_span_id
    return SpanRow(
        span_id=span.span_id,
        name=span.name or "(no name)",
        title=f"{span.name or '(no name)'} · {span.service} · starts at {_offset(trace, span.start_ns)}",
        indent=str(INDENT_PX * min(row.depth, MAX_INDENTS)),
        depth=format_count(row.depth) if row.depth > MAX_INDENTS else "",
        has_children=row.child_count > 0,
        is_error=span.status_code == STATUS_ERROR,
        colour=colour,
        bar_x=f"{x:.2f}%",
        bar_width=f"{width:.2f}%",
        duration=format_duration(span.duration_ns),
        diamonds=tuple(_diamond(trace, event) for event in span.events[:MAX_DIAMONDS]),
        problems=tuple(row.problems),
        body=SpanBody.of(span, row.problems) if inline or is_open else None,
        body_href=href,
        page_href=f"{trace_href(span.trace_id)}?span={span.span_id}#s-{span.span_id}",
        is_open=is_open,
    )


def _percent(trace: Trace, time_ns: int) -> float:
    duration_ns = trace.summary.duration_ns
    if not duration_ns:
        return 0.0
    return min(100.0, max(0.0, 100 * (time_ns - trace.summary.start_ns) / duration_ns))


def _offset(trace: Trace, time_ns: int) -> str:
    return f"+{format_duration(time_ns - trace.summary.start_ns)}".replace("+-", "-")


def _diamond(trace: Trace, event: Event) -> Diamond:
    title = f"{event.name} at {_offset(trace, event.time_ns)}"
    return Diamond(f"{_percent(trace, event.time_ns):.2f}%", event_tone(event.name), title)


def _facts(span: Span) -> tuple[tuple[str, str], ...]:
    scope = f"{span.scope.name} {span.scope.version}".strip()
    kind = KIND_WORDS[span.kind] if 0 <= span.kind < len(KIND_WORDS) else str(span.kind)
    facts = (
        ("service", span.service),
        ("kind", kind),
        ("start", format_rfc3339(span.start_ns)),
        ("duration", format_duration(span.duration_ns)),
        ("ends early", "it ends before it starts: a clock stepped back" if span.end_ns < span.start_ns else ""),
        ("span id", span.span_id),
        ("parent id", span.parent_id),
        ("scope", scope),
        ("trace state", span.trace_state),
    )
    return tuple((label, value) for label, value in facts if value)


def _body_event(event: Event, span: Span) -> BodyEvent:
    offset = f"+{format_duration(event.time_ns - span.start_ns)}".replace("+-", "-") if event.time_ns else "no time"
    return BodyEvent(event.name or "(no name)", event_tone(event.name), offset, attribute_lines(event.attributes))


def _body_link(link: Link) -> BodyLink:
    href = trace_href(link.trace_id) if link.trace_id.strip("0") else ""
    return BodyLink(link.trace_id, link.span_id, href, attribute_lines(link.attributes))


def _dropped(span: Span) -> str:
    counts = (
        (span.dropped_attribute_count, "attributes"),
        (span.dropped_event_count, "events"),
        (span.dropped_link_count, "links"),
    )
    said = [f"{count:,} {what}" for count, what in counts if count]
    return f"The SDK dropped {', '.join(said)} of this span: it was over a limit." if said else ""
