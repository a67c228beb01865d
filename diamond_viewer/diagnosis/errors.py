"""Rules about what failed: exceptions and error statuses, told once, from where they began."""

import re
from collections.abc import Iterator

from diamond_viewer.diagnosis.facts import TraceFacts, Work
from diamond_viewer.diagnosis.finding import Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    CREDENTIALS_MISSING,
    PROGRESS_REFUSED,
    RESUME_MISMATCH,
    times,
    words,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import KIND_CLIENT, STATUS_ERROR, Event, Span
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT

_TOLD_ELSEWHERE = frozenset((AUTH_FAILED, CREDENTIALS_MISSING, RESUME_MISMATCH, PROGRESS_REFUSED))
_HANDSHAKE = re.compile(r"unknown (sub)?command", re.IGNORECASE)
_PRISMA_OPENING = re.compile(r"^\s*Invalid `?prisma\b")
_VARIABLE = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-fA-F]{8,}\b|[\w.-]*\d[\w.-]*"
)


def exception(facts: TraceFacts) -> tuple[Finding, ...]:
    """Exceptions, each chain told once from its root cause: the failed span below which no other failed.

    A failed request shows three or four red spans; the root cause is the "last error of a cascade" of TraceQL.
    A note when the request was answered well all the same, or the span that recorded it is not marked as failed.
    """
    return _told(facts, "exception", with_exception=True)


def error(facts: TraceFacts) -> tuple[Finding, ...]:
    """Spans with status code 2 that recorded no exception, from their root cause.

    Origin: the platform's first support question (status.code = 2). What a rule about signing in or about the video tells
    in better words is not told again here.
    """
    return _told(facts, "error", with_exception=False)


def template_of(message: str) -> str:
    """A message without its variable parts: what groups the same error over traces.

    >>> template_of("lesson lesson-404 of user 'usr_0007' not found after 31 ms")
    'lesson … of user … not found after … ms'
    """
    return _VARIABLE.sub("…", words(telling_line(message)))


def telling_line(message: str) -> str:
    """The line that says what went wrong: the first that is not empty, of Prisma's long messages the last.

    >>> telling_line("\\nInvalid `prisma.note.create()` invocation:\\n\\n\\nUnique constraint failed")
    'Unique constraint failed'
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return "" if not lines else lines[-1] if _PRISMA_OPENING.match(lines[0]) else lines[0]


def _told(facts: TraceFacts, rule: str, *, with_exception: bool) -> tuple[Finding, ...]:
    if not facts.failed and EXCEPTION_EVENT not in facts.events:
        return ()
    groups: dict[tuple[str, str, str], list[tuple[int, list[int]]]] = {}
    for cause, chain in _chains(facts):
        recorded = [event for row in chain for event in facts.spans[row].events if event.name == EXCEPTION_EVENT]
        if bool(recorded) != with_exception:
            continue
        kind, message = _kind_and_message(facts, chain, recorded)
        groups.setdefault((kind, message, facts.work(cause).name), []).append((cause, chain))
    return tuple(_finding(facts, rule, key, causes) for key, causes in groups.items())


def _chains(facts: TraceFacts) -> Iterator[tuple[int, list[int]]]:
    """Root causes, each with the rows from it upwards that failed or recorded an exception."""
    marked = set(facts.failed) | {one.row for one in facts.events.get(EXCEPTION_EVENT, ())}
    above: list[int] = []  # the nearest marked row above each: Prisma's spans between two red ones stay unmarked
    for row in facts.rows:
        parent = row.parent_row
        above.append(parent if parent in marked else above[parent] if parent >= 0 else -1)
    for cause in sorted(marked - {above[row] for row in marked}):
        chain = [cause]
        while above[chain[-1]] >= 0:
            chain.append(above[chain[-1]])
        if not _is_told(facts, cause, chain):
            yield cause, chain


def _is_told(facts: TraceFacts, cause: int, chain: list[int]) -> bool:
    """Whether a span of the chain, or the request behind a call that was refused, has an event that says it better."""
    rows = chain
    if facts.spans[cause].kind == KIND_CLIENT and not _TOLD_ELSEWHERE.isdisjoint(facts.events):
        rows = [*facts.subtree(cause), *chain]
    return any(event.name in _TOLD_ELSEWHERE for row in rows for event in facts.spans[row].events)


def _kind_and_message(facts: TraceFacts, chain: list[int], recorded: list[Event]) -> tuple[str, str]:
    """The first class or code that is said from the cause upwards, with its own message if it has one."""
    typed = [event for event in recorded if words(event.attributes.get("exception.type"))]
    for event in typed or recorded:
        message = event.attributes.get("exception.message")
        if isinstance(message, str) and telling_line(message):
            return words(event.attributes.get("exception.type")), words(telling_line(message))
    said = next((facts.spans[row].status_message for row in chain if facts.spans[row].status_message), "")
    return (words(typed[0].attributes.get("exception.type")) if typed else ""), words(telling_line(said))


def _finding(facts: TraceFacts, rule: str, key: tuple[str, str, str], causes: list[tuple[int, list[int]]]) -> Finding:
    kind, message, _ = key
    first = causes[0][0]
    work, span = facts.work(first), facts.spans[first]
    is_failed = any(facts.spans[row].status_code == STATUS_ERROR for _, chain in causes for row in chain)
    severity, opening = _outcome(work, is_failed, facts.spans[work.first])
    if _HANDSHAKE.search(message) and semconv.database_system(span.attributes) == "redis":
        severity = Severity.NOTE  # an old Redis does not know how its client introduces itself
    answered = semconv.request_facts(span.attributes).status if span.kind == KIND_CLIENT else 0
    message = message or (f"it was answered {answered}" if answered >= 400 else "")
    what = f"{kind}: {message}" if kind and message else kind or message
    is_named = span.name != work.name and not semconv.is_framework(span.attributes)
    where = f" (it began in {words(span.name)})" if is_named else ""
    repeated = f", {times(len(causes))}" if len(causes) > 1 else ""
    if what:
        sentence = f"{opening}{repeated}: {what.rstrip('.')}{where}."
    else:
        sentence = f"{opening}{repeated}; no message says why{where}."
    return Finding(
        rule,
        severity,
        sentence,
        facts.evidence(row for _, chain in causes for row in chain),
        fingerprint_of(rule, kind or template_of(message), work.name, span.name),
        f"Open {words(span.name) or 'the span'}: it failed first, what is red above it failed because of it.",
        span.start_ns,
    )


def _outcome(work: Work, is_failed: bool, entry: Span) -> tuple[Severity, str]:
    if not is_failed:
        return Severity.NOTE, f"{work.name} went on after an exception"
    if work.is_request and work.status >= 500:
        return Severity.PROBLEM, f"{work.name} failed with {work.status}"
    if work.is_request and work.status >= 400:
        return Severity.WARNING, f"{work.name} answered {work.status} after an error"
    if work.is_request and work.status and entry.status_code != STATUS_ERROR:
        return Severity.NOTE, f"{work.name} answered {work.status} in spite of an error"
    return Severity.PROBLEM, f"{work.name} failed"
