"""ErrorDetail: one group of errors, its newest example told in full, and what differs from traces that went well."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.diagnosis.finding import Finding, Severity
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import STATUS_ERROR, Span, Trace
from diamond_viewer.telemetry.rules import RULE_WORDS
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT
from diamond_viewer.telemetry.tallies import OTHERS, ErrorGroup
from diamond_viewer.telemetry.units import format_date_time, format_duration, format_times
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.badges import Badge, finding_tone
from diamond_viewer.web.differences import SAMPLE, DifferenceDesk, DifferencePanel
from diamond_viewer.web.tally_links import error_href
from diamond_viewer.web.trace_address import TraceAddress

MAX_EXAMPLES = 10
MAX_TOLD, MAX_TOLD_SPANS = 4, 3_000  # findings, and spans decoded for them: 80 ms, once
MAX_MESSAGE, MAX_STACK = 2_000, 8_000  # characters


@dataclass(frozen=True, slots=True)
class Example:
    href: str
    name: str
    when: str
    note: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the rules say of examples: the newest one's sentence, and of how many of them the same is said."""

    badge: Badge
    sentence: str
    next_step: str
    count: str
    href: str


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """``message`` and ``stack`` are those of the newest example, empty when it has none. ``findings`` are of the examples."""

    title: str
    sentence: str
    message: str
    stack: str
    findings: tuple[Told, ...]
    examples: tuple[Example, ...]
    list_href: str
    close_href: str
    differences: DifferencePanel | None


def error_detail(store: TraceStore, desk: DifferenceDesk, address: Address, now_ns: int) -> ErrorDetail | None:
    """The group that the address names; None when there is none in what is filtered."""
    found = store.errors(address.query, now_ns, 1, fingerprint=address.own("group"), examples=SAMPLE)
    if not found.groups:
        return None
    group = found.groups[0]
    told = _failed(store, group)
    is_others = group.key.what == OTHERS
    return ErrorDetail(
        title=title_of(group),
        sentence=_sentence(group),
        message=next((text for span in told if (text := _message(span))), "")[:MAX_MESSAGE],
        stack=next((text for span in told if (text := _said(span, "exception.stacktrace"))), "")[:MAX_STACK],
        findings=_findings(store, group.examples[:MAX_EXAMPLES]),
        examples=tuple(_example(store, trace_id) for trace_id in group.examples[:MAX_EXAMPLES]),
        list_href=error_href(address, group.key),
        close_href=address.with_own("group", ""),
        differences=None if is_others else desk.panel(address, group.key, group.examples, now_ns),
    )


def title_of(group: ErrorGroup) -> str:
    return group.key.what or "Failed without a message"


def _sentence(group: ErrorGroup) -> str:
    key = group.key
    if key.what == OTHERS:
        return "So many different messages came that these are not told apart any more."
    people = [format_times(count, noun) for count, noun in ((group.users, "user"), (group.lessons, "lesson")) if count]
    concerned = f", with {' and '.join(people)}" if people else ""
    began = f" It began in {key.cause}." if key.cause != key.operation else ""
    return (
        f"{key.operation or 'An operation without a name'} of {key.service} failed {format_times(group.count, 'time')} in "
        f"{format_times(group.traces, 'trace')}{concerned}.{began}"
    )


def _failed(store: TraceStore, group: ErrorGroup) -> list[Span]:
    """The failed spans of the newest example: those named like the cause first, then the latest to begin."""
    trace = store.trace(group.examples[0]) if group.examples else None
    if not isinstance(trace, Trace):
        return []
    failed = [span for span in trace.spans if span.status_code == STATUS_ERROR]
    return sorted(
        failed, key=lambda span: (_kind(span) != group.key.what, span.name != group.key.cause, -span.start_ns)
    )


def _findings(store: TraceStore, examples: Sequence[str]) -> tuple[Told, ...]:
    """The worst first, then the most frequent; the same trouble once. Notes only when there is nothing else."""
    known = store.diagnoses(examples, MAX_TOLD_SPANS)
    alike: dict[str, list[tuple[str, Finding]]] = {}
    for trace_id in examples:
        if trace_id in known:
            for finding in (*known[trace_id].findings, *known[trace_id].journey):
                alike.setdefault(finding.fingerprint, []).append((trace_id, finding))
    groups = sorted(alike.values(), key=lambda group: (-group[0][1].severity, -len(group)))
    telling = [group for group in groups if group[0][1].severity > Severity.NOTE] or groups
    return tuple(_told(group, len(known)) for group in telling[:MAX_TOLD])


def _told(group: Sequence[tuple[str, Finding]], examples: int) -> Told:
    trace_id, finding = group[0]
    span_id = next((one.span_id for one in finding.evidence if one.trace_id == trace_id), "")
    there = TraceAddress(trace_id, spans=(span_id,) if span_id else ())
    return Told(
        Badge(RULE_WORDS[finding.rule], finding_tone(finding), finding.rule),
        finding.sentence,
        finding.next_step,
        f"{len(group):,} of {format_times(examples, 'example')}",
        there.href,
    )


def _kind(span: Span) -> str:
    return _said(span, "exception.type")[:120]


def _message(span: Span) -> str:
    return (_said(span, "exception.message") or span.status_message).strip()


def _said(span: Span, key: str) -> str:
    events = (event for event in span.events if event.name == EXCEPTION_EVENT)
    return next((value for event in events if isinstance(value := event.attributes.get(key), str) and value), "")


def _example(store: TraceStore, trace_id: str) -> Example:
    summary = store.summary(trace_id)
    if summary is None:  # it left memory just now
        return Example(trace_href(trace_id), trace_id, "", "")
    people = ", ".join((*summary.user_ids[:1], *summary.lesson_ids[:1]))
    return Example(
        trace_href(trace_id),
        summary.name,
        format_date_time(summary.start_ns),
        " · ".join(part for part in (format_duration(summary.duration_ns), people) if part),
    )
