"""A trace as text: an indented tree for a chat message, a list for Markdown."""

from collections.abc import Iterator

from diamond_viewer.telemetry.markdown import escaped
from diamond_viewer.telemetry.model import STATUS_ERROR, TraceSummary
from diamond_viewer.telemetry.shown_values import value_text
from diamond_viewer.telemetry.sketch import severity_of, whole_event
from diamond_viewer.telemetry.units import format_date_time, format_duration, format_offset, format_times, zone_label
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.timeline import Entry, Gap

MAX_ROWS = 1_000
MAX_STORY = 200
MAX_NAME = 120
MAX_INDENTS = 40


def outline_text(trace: Arranged) -> str:
    """Name, facts, one line a span with what it took, then the events."""
    lines = [_title(trace.summary), ""]
    for place, depth in _shown(trace):
        lines.append("  " * depth + _said(trace, place))
    lines += _rest(trace)
    lines += [f"{_when(told)}  {_event(told)}" for told in trace.story[:MAX_STORY]]
    return "\n".join(lines).rstrip() + "\n"


def outline_markdown(trace: Arranged) -> str:
    summary = trace.summary
    lines = [f"### {escaped(summary.name or '(no name)')}", "", escaped(" · ".join(outline_facts(summary))), ""]
    for place, depth in _shown(trace):
        lines.append("  " * depth + "- " + escaped(_said(trace, place)))
    lines += _rest(trace)
    if trace.story:
        lines += ["", "**Events**", ""]
        lines += [f"- `{_when(told).strip() or '…'}` {escaped(_event(told))}" for told in trace.story[:MAX_STORY]]
    return "\n".join(lines).rstrip() + "\n"


def _shown(trace: Arranged) -> Iterator[tuple[int, int]]:
    for place, row in enumerate(trace.rows[:MAX_ROWS]):
        yield place, min(row.depth, MAX_INDENTS)


def _rest(trace: Arranged) -> list[str]:
    hidden = len(trace.rows) - MAX_ROWS
    return [f"… {format_times(hidden, 'more span')}", ""] if hidden > 0 else [""]


def _title(summary: TraceSummary) -> str:
    return f"{summary.name or '(no name)'}\n{' · '.join(outline_facts(summary))}"


def outline_facts(summary: TraceSummary) -> tuple[str, ...]:
    """When, how long, how many, who, and its id."""
    parts = (
        f"{format_date_time(summary.start_ns)} {zone_label()}",
        format_duration(summary.duration_ns),
        format_times(summary.span_count, "span"),
        format_times(summary.error_count, "error") if summary.error_count else "",
        ", ".join((*summary.user_ids[:3], *summary.lesson_ids[:3])),
        f"trace {summary.trace_id}",
    )
    return tuple(part for part in parts if part)


def _said(trace: Arranged, place: int) -> str:
    span = trace.spans[place]
    failed = ""
    if span.status_code == STATUS_ERROR:
        message = " ".join(span.whole().status_message.split())[:MAX_NAME]
        failed = "  ERROR" + (f": {message}" if message else "")
    return f"{_one_line(span.name)}  {format_duration(trace.extents[place].duration_ns)} [{span.service}]{failed}"


def _when(told: Entry | Gap) -> str:
    return f"{format_offset(told.offset_ns):>10}" if isinstance(told, Entry) else " " * 10


def _event(told: Entry | Gap) -> str:
    if isinstance(told, Gap):
        return f"… {told.sentence}"
    event = whole_event(told.event)
    attributes = event.attributes
    pairs = [(key, value_text(value)) for key, value in attributes.items()]
    said = [f"{key}={text}" for key, text in pairs if len(text) <= 60 and "\n" not in text]
    where = [f"({_one_line(told.span.name)})"] if told.span else []
    log = [severity_of(told.log)] if told.log and severity_of(told.log) else []
    return " ".join([*log, _one_line(event.name), *where, *said[:6]])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_NAME] or "(no name)"
