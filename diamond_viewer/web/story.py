"""Story: the events of all spans of a trace and its logs as one ordered story, as ``trace.timeline`` tells it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT
from diamond_viewer.telemetry.sketch import log_title, whole_event
from diamond_viewer.telemetry.units import format_date_time, format_offset, zone_label
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.timeline import Entry, Gap, Kind
from diamond_viewer.web.attributes import AttributeLine, attribute_lines, has_long_values, short_attributes
from diamond_viewer.web.badges import event_tone, severity_tone
from diamond_viewer.web.log_address import logs_href
from diamond_viewer.web.span_body import UNNAMED, body_and_attributes
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.value_links import NOWHERE, ValueLink, ValueLinks

SHOWN_EVENTS = 100
MAX_TITLE = 200  # characters of a log's text in bold; the whole is one click away
MAX_SEVERITY = 20


@dataclass(frozen=True, slots=True)
class StoryLine:
    """An event or a log; or, when ``gap`` is set, the silence before the next one. ``href`` leads to the event in its span,
    and is empty when that is not here. ``severity`` is a log's, with the ending of a badge's CSS class."""

    offset: str = ""
    clock: str = ""
    name: str = ""
    tone: str = ""
    kind: str = ""
    span: str = ""
    href: str = ""
    link: ValueLink = NOWHERE
    attributes: str = ""
    problems: tuple[str, ...] = ()
    details: tuple[AttributeLine, ...] = ()
    severity: str = ""
    severity_tone: str = ""
    gap: str = ""


@dataclass(frozen=True, slots=True)
class KindChip:
    """A kind of event to filter by; ``href`` sets or unsets it."""

    words: str
    count: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Story:
    lines: tuple[StoryLine, ...]
    chips: tuple[KindChip, ...]
    event_count: int
    shown: str
    earlier_href: str
    later_href: str
    logs_href: str


def story_of(trace: Arranged, address: TraceAddress, links: ValueLinks, most: int = SHOWN_EVENTS) -> Story:
    """A page of at most ``most`` events of the story.

    ``address.told`` is the first event of it, counted from 1 among those of the kinds that are set.
    """
    entries = [told for told in trace.story if isinstance(told, Entry)]
    counts = Counter(entry.kind for entry in entries)
    told = [one for one in trace.story if not address.kinds or (isinstance(one, Entry) and one.kind in address.kinds)]
    event_count = sum(isinstance(one, Entry) for one in told)
    first = min(address.told, max(event_count, 1)) - 1
    last = min(first + most, event_count)
    return Story(
        lines=tuple(_line(one, trace, address, links) for one in _between(told, first, last)),
        chips=tuple(_chip(kind, counts[kind], address) for kind in Kind if counts[kind]) if len(counts) > 1 else (),
        event_count=len(entries),
        shown=f"Events {first + 1:,}–{last:,} of {event_count:,}" if last - first < event_count else "",
        earlier_href=address.but(told=max(1, first + 1 - SHOWN_EVENTS)) if first else "",
        later_href=address.but(told=last + 1) if last < event_count else "",
        logs_href=logs_href(LogQuery(trace=trace.summary.trace_id)) if trace.logs else "",
    )


def _between(told: Sequence[Entry | Gap], first: int, last: int) -> list[Entry | Gap]:
    """The events from ``first`` on, with the gaps before them."""
    found: list[Entry | Gap] = []
    number = 0
    for one in told:
        if first <= number < last:
            found.append(one)
        number += isinstance(one, Entry)
        if number >= last:
            break
    return found


def _chip(kind: Kind, count: int, address: TraceAddress) -> KindChip:
    is_set = kind in address.kinds
    kinds = tuple(other for other in Kind if (other in address.kinds) != (other is kind))
    return KindChip(str(kind), f"{count:,}", address.but(kinds=kinds, told=1), is_set)


def _line(told: Entry | Gap, trace: Arranged, address: TraceAddress, links: ValueLinks) -> StoryLine:
    if isinstance(told, Gap):
        return StoryLine(gap=told.sentence)
    if told.log is not None:
        return _log_line(told, told.log.whole(), trace, address, links)
    event = whole_event(told.event)
    is_folded = has_long_values(event.attributes)
    return StoryLine(
        offset=format_offset(told.offset_ns),
        clock=f"{format_date_time(told.time_ns)} {zone_label()}",
        name=event.name or UNNAMED,
        tone=event_tone(event.name),
        kind=str(told.kind),
        span=_span_words(told),
        href=address.at_span(trace.element_of(told.row), told.number + 1),
        link=links.named("event", event.name),
        attributes=short_attributes(event.attributes),
        problems=told.problems,
        details=attribute_lines(event.attributes, links) if is_folded else (),
    )


def _log_line(told: Entry, log: Log, trace: Arranged, address: TraceAddress, links: ValueLinks) -> StoryLine:
    """An event log shows its body among its attributes; an ordinary log is named by it."""
    title = log_title(log)
    name = title[:MAX_TITLE] + ("…" if len(title) > MAX_TITLE else "")
    shown = body_and_attributes(log)
    is_folded = has_long_values(shown) or len(title) > MAX_TITLE
    return StoryLine(
        offset=format_offset(told.offset_ns),
        clock=f"{format_date_time(told.time_ns)} UTC",
        name=name or UNNAMED,
        tone=event_tone(EXCEPTION_EVENT if told.kind is Kind.EXCEPTION else log.name),
        kind=str(told.kind),
        span=_span_words(told) or log.service,
        href=address.at_span(trace.element_of(told.row)) if told.row >= 0 else "",
        attributes=short_attributes(shown if log.name else log.attributes),
        problems=told.problems,
        details=attribute_lines(shown, links) if is_folded else (),
        severity=log.severity.lower()[:MAX_SEVERITY] or "log",
        severity_tone=severity_tone(log.severity_number),
    )


def _span_words(told: Entry) -> str:
    return (told.span.name or UNNAMED) if told.span else ""
