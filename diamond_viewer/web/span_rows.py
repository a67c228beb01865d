"""SpanRow: a line of the waterfall, and SpanBody: what opens below it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from diamond_viewer.telemetry.model import STATUS_ERROR, STATUS_OK, Event, Link, Span
from diamond_viewer.telemetry.units import format_count, format_duration, format_rfc3339
from diamond_viewer.trace.critical_path import Section
from diamond_viewer.trace.tree import Row
from diamond_viewer.trace.waterfall import Bar, Mark, Waterfall
from diamond_viewer.web.address import trace_href
from diamond_viewer.web.attributes import AttributeLine, attribute_lines
from diamond_viewer.web.badges import event_tone

INDENT_PX = 12
MAX_INDENTS = 16  # deeper rows say their depth as a number: an indent wider than the column helps nobody
MAX_DIAMONDS = 60  # on one bar; the story has them all
LAST_TICK_PERCENT = 94  # a label further right would stand out of the axis: it ends at its tick instead
SERVICE_COLOURS = 6
MAX_EVENTS = 100  # in the details of one span
MAX_LINKS = 100
MAX_NAME = 300  # characters; names of 5,000 have been seen
UNNAMED = "(no name)"

KIND_WORDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """``anchor`` is SVG's text-anchor, so that the outer labels stay inside."""

    x: str
    words: str
    anchor: str


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
    """``x``, ``width`` and the like are percentages of the axis; ``colour`` is the number of the service's colour.

    ``waited`` are the parts of the critical path that lie in this span alone. ``body`` is None when it is fetched on
    opening, from ``body_href``.
    """

    span_id: str
    element_id: str
    name: str
    title: str
    indent: str
    depth: str
    has_children: bool
    is_error: bool
    colour: int
    bar_x: str
    bar_width: str
    waited: tuple[tuple[str, str], ...]
    duration: str
    diamonds: tuple[Diamond, ...]
    problems: tuple[str, ...]
    body: SpanBody | None
    body_href: str
    page_href: str
    is_open: bool


def span_rows(
    rows: Sequence[Row], first: int, last: int, layout: Waterfall, path: Sequence[Section], inline: bool, open_id: str
) -> tuple[SpanRow, ...]:
    """``rows[first:last]`` of all rows of a trace. ``inline`` brings the details of all of them, not only of the open one."""
    waited: dict[int, list[tuple[str, str]]] = {}
    for section in path:
        if first <= section.row < last:
            left, right = layout.scale.percent(section.start_ns), layout.scale.percent(section.end_ns)
            waited.setdefault(section.row, []).append((f"{left:.2f}%", f"{right - left:.2f}%"))
    namesakes: dict[str, int] = {}
    found = []
    for place in range(first, last):
        span_id = rows[place].span.span_id
        number = namesakes[span_id] = namesakes.get(span_id, 0) + 1
        element_id = f"s-{span_id}" + (f"-{number}" if number > 1 else "")
        body = None
        problems = (*rows[place].problems, *layout.bars[place].extent.problems)
        if inline or span_id == open_id:
            body = SpanBody.of(rows[place].span, problems)
        row = _span_row(rows[place], layout, layout.bars[place], tuple(waited.get(place, ())), element_id, body)
        found.append(replace(row, problems=problems, is_open=span_id == open_id))
    return tuple(found)


def axis_labels(layout: Waterfall) -> tuple[AxisLabel, ...]:
    return tuple(
        AxisLabel(
            f"{tick.percent:.2f}%",
            tick.words,
            "start" if not tick.percent else "end" if tick.percent > LAST_TICK_PERCENT else "middle",
        )
        for tick in layout.ticks
    )


def _span_row(
    row: Row, layout: Waterfall, bar: Bar, waited: tuple[tuple[str, str], ...], element_id: str, body: SpanBody | None
) -> SpanRow:
    span = row.span
    name = span.name or UNNAMED
    return SpanRow(
        span_id=span.span_id,
        element_id=element_id,
        name=name[:MAX_NAME],
        title=f"{name[:MAX_NAME]} · {span.service} · starts at {offset_words(bar.extent.start_ns - layout.scale.start_ns)}",
        indent=str(INDENT_PX * min(row.depth, MAX_INDENTS)),
        depth=format_count(row.depth) if row.depth > MAX_INDENTS else "",
        has_children=row.child_count > 0,
        is_error=span.status_code == STATUS_ERROR,
        colour=layout.colours[span.service] % SERVICE_COLOURS,
        bar_x=f"{bar.left_percent:.2f}%",
        bar_width=f"{bar.width_percent:.2f}%",
        waited=waited,
        duration=format_duration(bar.extent.duration_ns),
        diamonds=tuple(_diamond(mark, layout) for mark in bar.marks[:MAX_DIAMONDS]),
        problems=(),
        body=body,
        body_href=f"{trace_href(span.trace_id)}/spans/{span.span_id}",
        page_href=f"{trace_href(span.trace_id)}?span={span.span_id}#{element_id}",
        is_open=False,
    )


def _diamond(mark: Mark, layout: Waterfall) -> Diamond:
    title = f"{mark.event.name or UNNAMED} at {offset_words(mark.event.time_ns - layout.scale.start_ns)}"
    if mark.count > 1:
        title += f", and {mark.count - 1:,} more"
    return Diamond(f"{mark.percent:.2f}%", event_tone(mark.event.name), title)


def offset_words(offset_ns: int) -> str:
    """
    >>> offset_words(1_500), offset_words(-1_500)
    ('+1.5 µs', '-1.5 µs')
    """
    return format_duration(offset_ns) if offset_ns < 0 else f"+{format_duration(offset_ns)}"


def _facts(span: Span) -> tuple[tuple[str, str], ...]:
    scope = f"{span.scope.name} {span.scope.version}".strip()
    kind = KIND_WORDS[span.kind] if 0 <= span.kind < len(KIND_WORDS) else str(span.kind)
    facts = (
        ("service", span.service),
        ("kind", kind),
        ("start", format_rfc3339(span.start_ns)),
        ("duration", format_duration(span.duration_ns)),
        ("span id", span.span_id),
        ("parent id", span.parent_id),
        ("scope", scope),
        ("trace state", span.trace_state),
    )
    return tuple((label, value) for label, value in facts if value)


def _body_event(event: Event, span: Span) -> BodyEvent:
    offset = offset_words(event.time_ns - span.start_ns) if event.time_ns and span.start_ns else "no time"
    return BodyEvent(event.name or UNNAMED, event_tone(event.name), offset, attribute_lines(event.attributes))


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
