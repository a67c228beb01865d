"""OpenedTrace: one trace, as the panel beside the list and as its own page."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import Resource, Scope, Span, Trace
from diamond_viewer.telemetry.units import (
    NS_PER_SECOND,
    format_clock,
    format_day,
    format_duration,
    format_rfc3339,
    format_times,
)
from diamond_viewer.trace.critical_path import critical_path
from diamond_viewer.trace.timeline import tell
from diamond_viewer.trace.tree import arrange
from diamond_viewer.trace.waterfall import lay_out
from diamond_viewer.web.address import Address, trace_href, trace_json_href, traces_href
from diamond_viewer.web.attributes import AttributeLine, attribute_lines
from diamond_viewer.web.badges import Badge, badges_of
from diamond_viewer.web.span_rows import AxisLabel, SpanBody, SpanRow, axis_labels, span_rows
from diamond_viewer.web.story import StoryLine, story_lines
from diamond_viewer.web.trace_list import UNNAMED, held_of, status_words

SHOWN_ROWS = 500  # spans in one page: every span is reachable, and no page is larger than about a megabyte
INLINE_SPANS = 100  # a trace up to this size brings the details of its spans along; larger ones fetch them when opened
SHOWN_EVENTS = 300
AROUND_NS = 300 * NS_PER_SECOND  # "this user ± 5 min"
MAX_PEOPLE = 3
MAX_RESOURCES = 20


@dataclass(frozen=True, slots=True)
class Shortcut:
    href: str
    words: str
    title: str


@dataclass(frozen=True, slots=True)
class ResourceBlock:
    """A resource that spans of this trace share, and the scopes that made them."""

    service: str
    spans: str
    attributes: tuple[AttributeLine, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenedTrace:
    """``held`` changes when the trace has grown; hrefs are empty where there is nowhere to go."""

    trace_id: str
    name: str
    status: str
    badges: tuple[Badge, ...]
    clock: str
    day: str
    time_title: str
    duration: str
    spans: str
    errors: str
    services: tuple[str, ...]
    around: tuple[Shortcut, ...]
    lessons: tuple[Shortcut, ...]
    page_href: str
    json_href: str
    list_href: str
    close_href: str
    held: str
    axis: tuple[AxisLabel, ...]
    rows: tuple[SpanRow, ...]
    shown_rows: str
    previous_rows_href: str
    next_rows_href: str
    story: tuple[StoryLine, ...]
    hidden_events: str
    resources: tuple[ResourceBlock, ...]


def opened_trace(trace: Trace, address: Address | None, first_row: int = 1, open_span_id: str = "") -> OpenedTrace:
    """``address`` is the list's when the trace opens beside it.

    Of a large trace ``SHOWN_ROWS`` rows are shown: those that ``first_row`` (counted from 1) or the open span is among.
    """
    summary = trace.summary
    rows = arrange(trace.spans)
    layout = lay_out(rows)
    extents = [bar.extent for bar in layout.bars]
    first = min(max(first_row, 1), max(len(rows), 1)) - 1
    if open_span_id:
        first = next((place for place, row in enumerate(rows) if row.span.span_id == open_span_id), first)
    first = first // SHOWN_ROWS * SHOWN_ROWS
    last = min(first + SHOWN_ROWS, len(rows))
    story = tell(rows, extents, layout.scale)
    return OpenedTrace(
        trace_id=summary.trace_id,
        name=summary.name or UNNAMED,
        status=status_words(summary),
        badges=badges_of(summary),
        clock=format_clock(summary.start_ns),
        day=format_day(summary.start_ns),
        time_title=format_rfc3339(summary.start_ns),
        duration=format_duration(summary.duration_ns),
        spans=format_times(summary.span_count, "span"),
        errors=format_times(summary.error_count, "error") if summary.error_count else "",
        services=summary.services,
        around=tuple(_around(trace, user) for user in summary.user_ids[:MAX_PEOPLE]),
        lessons=tuple(
            Shortcut(traces_href(lesson=lesson), lesson, f"every trace of lesson {lesson}")
            for lesson in summary.lesson_ids[:MAX_PEOPLE]
        ),
        page_href=trace_href(summary.trace_id),
        json_href=trace_json_href(summary.trace_id),
        list_href=f"{traces_href()}?trace={summary.trace_id}" if address is None else "",
        close_href=address.closing() if address is not None else "",
        held=held_of(summary),
        axis=axis_labels(layout),
        rows=span_rows(
            rows, first, last, layout, critical_path(rows, extents), len(rows) <= INLINE_SPANS, open_span_id
        ),
        shown_rows=_shown_rows(first, last, len(rows)),
        previous_rows_href=_rows_href(trace, first - SHOWN_ROWS) if first else "",
        next_rows_href=_rows_href(trace, last) if last < len(rows) else "",
        story=story_lines(story[:SHOWN_EVENTS]),
        hidden_events=format_times(len(story) - SHOWN_EVENTS, "later event") if len(story) > SHOWN_EVENTS else "",
        resources=_resources([row.span for row in rows[first:last]]),
    )


def span_body_of(trace: Trace, span_id: str) -> SpanBody | None:
    """The details of one span of the trace; None when it has none of that id."""
    return next((SpanBody.of(span) for span in trace.spans if span.span_id == span_id), None)


def missing_trace(trace_id: str, is_ready: bool) -> str:
    """Why a trace is not there, as far as it can be known."""
    if not is_ready:
        return f"Trace {trace_id} has not been read yet: the backlog is still being indexed. Reload in a moment."
    return (
        f"No trace {trace_id} is held. It may be still to come, dropped or sampled before it reached the files, "
        "or so old that it had to leave memory."
    )


def _around(trace: Trace, user: str) -> Shortcut:
    summary = trace.summary
    since_ns, until_ns = summary.start_ns - AROUND_NS, summary.start_ns + summary.duration_ns + AROUND_NS
    href = traces_href(user=user, since=format_rfc3339(since_ns), until=format_rfc3339(until_ns), trace=trace.trace_id)
    return Shortcut(href, f"{user} ± 5 min", f"what {user} did from 5 minutes before to 5 minutes after")


def _shown_rows(first: int, last: int, total: int) -> str:
    return f"Spans {first + 1:,}–{last:,} of {total:,}" if last - first < total else ""


def _rows_href(trace: Trace, first: int) -> str:
    return f"{trace_href(trace.trace_id)}?rows={first + 1}"


def _resources(spans: Sequence[Span]) -> tuple[ResourceBlock, ...]:
    """The distinct resources of these spans, most spans first."""
    members: list[tuple[Resource, list[Span]]] = []
    known: dict[int, int] = {}  # id of a resource -> its place; spans of one line share the object
    for span in spans:
        place = known.get(id(span.resource))
        if place is None:
            place = next((at for at, (resource, _) in enumerate(members) if resource == span.resource), len(members))
            known[id(span.resource)] = place
            if place == len(members):
                members.append((span.resource, []))
        members[place][1].append(span)
    members.sort(key=lambda member: -len(member[1]))
    return tuple(
        ResourceBlock(
            service=of[0].service,
            spans=format_times(len(of), "span"),
            attributes=attribute_lines(resource.attributes),
            scopes=tuple(dict.fromkeys(_scope_words(span.scope) for span in of)),
        )
        for resource, of in members[:MAX_RESOURCES]
    )


def _scope_words(scope: Scope) -> str:
    return f"{scope.name or '(no name)'} {scope.version}".strip()
