"""Rules about what is missing from a trace or stands in it in an unusual order."""

from diamond_viewer.diagnosis.facts import TraceFacts
from diamond_viewer.diagnosis.finding import Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    AUTO_COMPLETED,
    BUFFERING,
    LOADED,
    PROGRESS_RECEIVED,
    PROGRESS_UPDATE,
    RESUME_ATTEMPT,
    RESUME_MISMATCH,
    SESSION_CHECK,
    VIDEO_ACCESS,
    limit_ns,
    words,
)
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_SERVER, STATUS_ERROR, Span
from diamond_viewer.telemetry.units import format_duration, format_times
from diamond_viewer.trace.extent import LAST_TIME_NS

USUAL_ORDER = (  # what comes first, what comes after it, both among the events of one trace
    (LOADED, RESUME_ATTEMPT),
    (RESUME_ATTEMPT, RESUME_MISMATCH),
    (LOADED, BUFFERING),
    (PROGRESS_RECEIVED, AUTO_COMPLETED),
)
USUAL_SPANS = ((SESSION_CHECK, VIDEO_ACCESS), (SESSION_CHECK, PROGRESS_UPDATE))  # and among the spans of one request


def orphan_spans(facts: TraceFacts) -> tuple[Finding, ...]:
    """Spans that name a parent which is nowhere in the trace. Origin: the platform's pattern; Jaeger #462, Zipkin #2922."""
    orphans = [place for place, row in enumerate(facts.rows) if row.orphan]
    if not orphans:
        return ()
    absent = len({facts.spans[row].parent_id for row in orphans})
    parents = "a parent that is" if absent == 1 else f"{absent:,} parents that are"
    verb = "names" if len(orphans) == 1 else "name"
    return (
        Finding(
            "orphan-spans",
            Severity.NOTE,
            f"{format_times(len(orphans), 'span')} {verb} {parents} not in the files: "
            "dropped, sampled, rotated away or still to come.",
            facts.evidence(orphans),
            fingerprint_of("orphan-spans", facts.spans[orphans[0]].service, facts.spans[orphans[0]].name),
            "See whether the process that ran the parent was killed before it could export.",
            facts.spans[orphans[0]].start_ns,
        ),
    )


def lost_root(facts: TraceFacts) -> tuple[Finding, ...]:
    """No span is without a parent: how the trace began is not known. Origin: the platform's pattern; Jaeger UI #316."""
    if not facts.rows or any(not span.parent_id for span in facts.spans):
        return ()
    first = facts.spans[0]
    return (
        Finding(
            "lost-root",
            Severity.NOTE,
            f"The beginning of this trace is missing: its first span here, {words(first.name)}, was called by one that is "
            "not in the files.",
            facts.evidence([0]),
            fingerprint_of("lost-root", first.service, first.name),
            "Wait for the batch that holds it; after a minute, see whether its service exports at all.",
            first.start_ns,
        ),
    )


def clock_skew(facts: TraceFacts, *, skew_ms: float = 50) -> tuple[Finding, ...]:
    """A span of another process that starts 50 ms before its parent, or answers its caller 50 ms after the call was over.

    Origin: Jaeger's clock-skew adjuster compares hosts, too. In one process there is one clock: ``video.load`` starts
    before the request that reports it because the player measured it, and that is as it should be. Queued work may end
    when it likes.
    """
    if all(span.resource is facts.spans[0].resource for span in facts.spans):
        return ()
    skewed = [
        (row, distance_ns)
        for row, distance_ns in early_children(facts, skew_ms) + late_children(facts, skew_ms)
        if not _is_same_process(facts.spans[row], facts.spans[facts.rows[row].parent_row])
        and _is_waited_for(facts, row, distance_ns)
    ]
    if not skewed:
        return ()
    skewed.sort()
    row, distance_ns = max(skewed, key=lambda one: one[1])
    service, other = facts.spans[row].service, facts.spans[facts.rows[row].parent_row].service
    return (
        Finding(
            "clock-skew",
            Severity.NOTE,
            f"The clocks of {words(service)} and {words(other)} differ by at least {format_duration(distance_ns)}: "
            "times in this trace cannot be compared across them.",
            facts.evidence(row for row, _ in skewed),
            fingerprint_of("clock-skew", service, other),
            "Compare NTP on both hosts; durations within one service are right all the same.",
            facts.spans[row].start_ns,
            (("skew_ms", skew_ms),),
            distance_ns,
        ),
    )


def dropped_counts(facts: TraceFacts) -> tuple[Finding, ...]:
    """Attributes, events or links that the SDK threw away at its limits. Origin: the platform's pattern; OTLP's counts."""
    if not facts.dropping:
        return ()
    spans = [facts.spans[row] for row in facts.dropping]
    counts = (
        (sum(span.dropped_attribute_count for span in spans), "attribute"),
        (sum(span.dropped_event_count for span in spans), "event"),
        (sum(span.dropped_link_count for span in spans), "link"),
    )
    what = [format_times(count, noun) for count, noun in counts if count]
    listed = " and ".join([", ".join(what[:-1]), what[-1]]) if len(what) > 1 else what[0]
    return (
        Finding(
            "dropped-counts",
            Severity.NOTE,
            f"{words(spans[0].name)} is not complete: {listed} were dropped at the SDK’s limits.",
            facts.evidence(facts.dropping),
            fingerprint_of("dropped-counts", spans[0].service, spans[0].name),
            "Record less on this span, or raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and OTEL_SPAN_EVENT_COUNT_LIMIT.",
            spans[0].start_ns,
        ),
    )


def event_order(facts: TraceFacts, *, order_ms: float = 1) -> tuple[Finding, ...]:
    """What should come later came first: a resume before the video was loaded, access before the session check.

    Origin: the platform's usual order (``USUAL_ORDER``, ``USUAL_SPANS``). JavaScript's clocks step by a millisecond.
    """
    found: list[tuple[str, str, int, int, int]] = []
    for first, then in USUAL_ORDER:
        if first in facts.events and then in facts.events:
            earlier, later = facts.events[first][0], facts.events[then][0]
            found.append((first, then, earlier.row, later.row, earlier.time_ns - later.time_ns))
    for first, then in USUAL_SPANS:
        if first in facts.named and then in facts.named:
            check_of = {facts.work_of[check]: check for check in reversed(facts.named[first])}
            for row in facts.named[then]:
                check = check_of.get(facts.work_of[row], row)
                start_ns = facts.spans[row].start_ns
                early_ns = facts.spans[check].start_ns - start_ns if start_ns > 0 else 0
                found.append((first, then, check, row, early_ns))
    return tuple(
        Finding(
            "event-order",
            Severity.NOTE,
            f"Unusual order: {then} came {format_duration(early_ns)} before {first}.",
            facts.evidence((later_row, first_row)),
            fingerprint_of("event-order", first, then),
            "See whether they belong together; if so, the code runs its steps in another order here.",
            facts.spans[later_row].start_ns,
            (("order_ms", order_ms),),
            early_ns,
        )
        for first, then, first_row, later_row, early_ns in found
        if early_ns > limit_ns(order_ms)
    )


def early_children(facts: TraceFacts, skew_ms: float) -> list[tuple[int, int]]:
    """Rows that start before their parent by more than this, with how much (ns)."""
    over_ns, found = limit_ns(skew_ms), []
    for place, row in enumerate(facts.rows):
        if row.parent_row >= 0:
            early_ns = facts.spans[row.parent_row].start_ns - row.span.start_ns
            if early_ns > over_ns and row.span.start_ns > 0:
                found.append((place, early_ns))
    return found


def late_children(facts: TraceFacts, skew_ms: float) -> list[tuple[int, int]]:
    """Rows that end after their parent by more than this, with how much (ns)."""
    over_ns, found = limit_ns(skew_ms), []
    for place, row in enumerate(facts.rows):
        if row.parent_row >= 0:
            parent = facts.spans[row.parent_row]
            late_ns = row.span.end_ns - max(parent.end_ns, parent.start_ns)
            if late_ns > over_ns and row.span.end_ns <= LAST_TIME_NS and parent.end_ns > 0:
                found.append((place, late_ns))
    return found


def _is_same_process(one: Span, other: Span) -> bool:
    if one.resource is other.resource:
        return True
    if one.service != other.service:
        return False
    keys = ("host.name", "host.id", "process.pid", "service.instance.id")
    return all(one.resource.attributes.get(key) == other.resource.attributes.get(key) for key in keys)


def _is_waited_for(facts: TraceFacts, row: int, distance_ns: int) -> bool:
    """Whether the distance must be the clocks': early ones always, late ones only where a call waits for its answer."""
    span, parent = facts.spans[row], facts.spans[facts.rows[row].parent_row]
    if parent.start_ns - span.start_ns == distance_ns:
        return True
    hung_up = parent.status_code == STATUS_ERROR  # a caller that gave up does not wait for the answer
    return parent.kind == KIND_CLIENT and span.kind == KIND_SERVER and not hung_up
