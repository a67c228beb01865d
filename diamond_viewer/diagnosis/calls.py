"""Rules about calls within one trace: twice the same, one after the other, too many, too late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diamond_viewer.diagnosis.bursts import runs
from diamond_viewer.diagnosis.database import is_plumbing
from diamond_viewer.diagnosis.facts import TraceFacts, Work
from diamond_viewer.diagnosis.finding import MAX_EVIDENCE, Evidence, Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    PLAYER_SESSION,
    PRISMA_CALLS,
    PROGRESS_RECEIVED,
    REPORT_ROUTE,
    limit_ns,
    number,
    times,
    words,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, Span
from diamond_viewer.telemetry.units import NS_PER_MS, format_duration

_CLOCK_STEP_NS = NS_PER_MS  # JavaScript starts spans on whole milliseconds


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its caller sees it. Two calls with the same ``key`` ask for the same."""

    key: tuple[str, ...]
    name: str
    user: str
    lesson: str
    start_ns: int
    evidence: Evidence


def calls_of(facts: TraceFacts) -> list[Call]:
    """All requests of a trace but the player's reports, in the order of time.

    The key is method, route, user and lesson; what makes two requests different all the same is part of it: the address
    (with its query where no lesson tells), what the player reported, and the position that is to be saved. Where neither route
    nor address is known the span's name stands for them, and one that says nothing but the method is no call.
    """
    found = []
    for work, rows in zip(facts.works, facts.rows_by_work(), strict=True):
        if not work.is_request or not work.method or is_report(work.route or work.target):
            continue
        route = work.route or ("" if work.target or work.name in semconv.BARE_METHODS else work.name)
        if not route and not work.target:
            continue
        users, lessons = facts.people(rows)
        target = work.target.partition("?")[0] if lessons else work.target
        spans = [facts.spans[row] for row in rows]
        key = (work.method, route, target, ",".join(users), ",".join(lessons), *sorted(_reports(spans)))
        evidence = Evidence(facts.trace_id, work.span.span_id)
        start_ns = work.span.start_ns or work.span.end_ns
        found.append(Call(key, work.name, ",".join(users), ", ".join(lessons), start_ns, evidence))
    return sorted(found, key=lambda call: (call.start_ns, call.evidence))


def is_report(address: str) -> bool:
    """Whether a call only tells what the player saw. Two stalls in one second are two reports, and nobody asked twice.

    >>> is_report("/api/telemetry/video"), is_report("/api/video/[lessonId]")
    (True, False)
    """
    return address.startswith(REPORT_ROUTE)


def _reports(spans: Sequence[Span]) -> set[str]:
    """What the player told with a call, in which two that are otherwise the same can differ."""
    told = {f"{span.name} {span.attributes.get('video.position')}" for span in spans if span.name.startswith("video.")}
    saved = (event for span in spans for event in span.events if event.name == PROGRESS_RECEIVED)
    return told | {f"{event.name} {number(event, 'positionSeconds')}" for event in saved}


def duplicate_calls(facts: TraceFacts, *, duplicate_window_ms: float = 1000) -> tuple[Finding, ...]:
    """The same call again within 1 s in one trace. Over several traces ``journey.duplicate_calls`` tells it.

    Origin: the platform's pattern (effects that run twice, impatient clicks): same method, route, user and lesson.
    """
    if sum(work.is_request for work in facts.works) < 2:
        return ()
    return repeated_calls(calls_of(facts), duplicate_window_ms, in_one_trace=True)


def repeated_calls(calls: Sequence[Call], window_ms: float, *, in_one_trace: bool) -> tuple[Finding, ...]:
    """Findings for runs of the same call, each within the window of the one before; ``calls`` in the order of time."""
    by_key: dict[tuple[str, ...], list[Call]] = {}
    for call in calls:
        by_key.setdefault(call.key, []).append(call)
    findings = []
    for same in by_key.values():
        for run in runs([call.start_ns for call in same], window_ms):
            these = [same[place] for place in run]
            if (len({call.evidence.trace_id for call in these}) == 1) != in_one_trace:
                continue
            within = format_duration(these[-1].start_ns - these[0].start_ns)
            lesson = f" for {these[0].lesson}" if these[0].lesson else ""
            findings.append(
                Finding(
                    "duplicate-calls",
                    Severity.WARNING,
                    f"{these[0].name} was called {times(len(these))} within {within}{lesson}.",
                    tuple(call.evidence for call in these[:MAX_EVIDENCE]),
                    fingerprint_of("duplicate-calls", these[0].name),
                    "See what asks twice in the page: an effect that runs again, a double click, two components.",
                    these[0].start_ns,
                    (("duplicate_window_ms", window_ms),),
                )
            )
    return tuple(findings)


def sequential_calls(
    facts: TraceFacts,
    *,
    sequential_call_ms: float = 30,
    sequential_saved_ms: float = 100,
    sequential_saved_percent: float = 10,
) -> tuple[Finding, ...]:
    """Calls of one span that run one after the other: each at least 30 ms, 100 ms and 10 % saved if they ran side by side.

    Origin: Sentry's consecutive-queries detector. Left out: what shares a transaction (one connection), and the same
    statement again (``n-plus-one``).
    """
    if facts.longest_ns <= limit_ns(sequential_saved_ms):
        return ()
    findings = []
    for caller, row in enumerate(facts.rows):
        took_ns = facts.lasted_ns[caller]
        if row.child_count < 2 or took_ns <= limit_ns(sequential_saved_ms) or row.span.name == PLAYER_SESSION:
            continue
        if is_plumbing(facts, caller):  # a transaction has one connection: nothing in it runs side by side
            continue
        chain = _in_sequence(facts, _calls_below(facts, caller), limit_ns(sequential_call_ms))
        if len(chain) < 2 or len({_what(facts, child) for child in chain}) < len(chain):
            continue
        lengths_ns = [facts.lasted_ns[child] for child in chain]
        saved_ns = sum(lengths_ns) - max(lengths_ns)
        if saved_ns < max(limit_ns(sequential_saved_ms), took_ns * sequential_saved_percent / 100):
            continue
        names = ", then ".join(_called(facts, child) for child in chain[:4]) + (", …" if len(chain) > 4 else "")
        name = facts.work(caller).name if facts.work(caller).first == caller else words(row.span.name)
        findings.append(
            Finding(
                "sequential-calls",
                Severity.NOTE,
                f"{name} waits for {len(chain)} calls one after the other ({names}); "
                f"side by side they would take {format_duration(saved_ns)} less.",
                facts.evidence([caller, *chain]),
                fingerprint_of("sequential-calls", facts.work(caller).name, row.span.name),
                "If none needs the answer of the one before, start them together (Promise.all).",
                row.span.start_ns,
                (
                    ("sequential_call_ms", sequential_call_ms),
                    ("sequential_saved_ms", sequential_saved_ms),
                    ("sequential_saved_percent", sequential_saved_percent),
                ),
                saved_ns,
            )
        )
    return tuple(findings)


def wide_fan_out(facts: TraceFacts, *, fan_out_count: float = 20) -> tuple[Finding, ...]:
    """More than 20 different calls straight from one span. Origin: perf-sentinel's fan-out rule.

    The same statement again and again is ``n-plus-one``, and counts once here.
    """
    findings = []
    for caller, row in enumerate(facts.rows):
        if row.child_count <= fan_out_count or row.span.name == PLAYER_SESSION:
            continue
        calls = _calls_below(facts, caller)
        if len({_what(facts, call) for call in calls}) <= fan_out_count:
            continue
        peak = _peak(facts, calls)
        findings.append(
            Finding(
                "wide-fan-out",
                Severity.NOTE,
                f"{words(row.span.name)} made {len(calls):,} calls, up to {peak:,} at a time.",
                facts.evidence([caller, *calls]),
                fingerprint_of("wide-fan-out", facts.work(caller).name, row.span.name),
                "See whether the receiver can answer for many at once, and whether so many at a time exhaust a pool.",
                row.span.start_ns,
                (("fan_out_count", fan_out_count),),
            )
        )
    return tuple(findings)


def queue_wait(facts: TraceFacts, *, queue_wait_ms: float = 1000) -> tuple[Finding, ...]:
    """From the end of a job's enqueueing to the start of its processing, more than 1000 ms.

    Origin: the platform's limit for a span; waiting is time that no span shows.
    """
    findings = []
    for work in facts.works:
        if not work.is_job:
            continue
        producer = producer_of(facts, work)
        if producer < 0:
            continue
        enqueued = facts.spans[producer]  # a producer without an end was done when it began
        waited_ns = work.span.start_ns - max(enqueued.end_ns, enqueued.start_ns) if enqueued.start_ns > 0 else 0
        if waited_ns <= limit_ns(queue_wait_ms):
            continue
        queue = words(semconv.queue_name(work.span.attributes)) or work.name
        findings.append(
            Finding(
                "queue-wait",
                Severity.WARNING,
                f"The job waited {format_duration(waited_ns)} in {queue} before a worker took it.",
                facts.evidence((producer, work.first)),
                fingerprint_of("queue-wait", queue),
                "See how many workers take from this queue and what they were busy with.",
                work.span.start_ns,
                (("queue_wait_ms", queue_wait_ms),),
                waited_ns,
            )
        )
    return tuple(findings)


def producer_of(facts: TraceFacts, job: Work) -> int:
    """The row that put a job into its queue, -1 when it stands in another trace."""
    row = facts.rows[job.first].parent_row
    above = facts.work_of[row]
    while row >= 0 and facts.work_of[row] == above:
        if facts.spans[row].kind == KIND_PRODUCER:
            return row
        row = facts.rows[row].parent_row
    return -1


def _calls_below(facts: TraceFacts, caller: int) -> list[int]:
    """Children that leave the process: calls, Prisma's operations, jobs put into a queue."""
    return [
        child
        for child in facts.children(caller)
        if facts.spans[child].kind in (KIND_CLIENT, KIND_PRODUCER) or facts.spans[child].name in PRISMA_CALLS
    ]


def _in_sequence(facts: TraceFacts, calls: Iterable[int], least_ns: int) -> list[int]:
    """The calls that are long enough, if each begins only when the one before is over; else none."""
    long = sorted((row for row in calls if facts.lasted_ns[row] >= least_ns), key=lambda row: facts.spans[row].start_ns)
    for before, after in pairwise(long):
        if facts.spans[after].start_ns < facts.spans[before].end_ns - _CLOCK_STEP_NS:
            return []
    return long


def _what(facts: TraceFacts, row: int) -> str:
    """What a call asks for: its statement, or that of the query inside it, or its address, or its name."""
    for place in (row, *facts.subtree(row)):
        span = facts.spans[place]
        if place != row and span.kind == KIND_CONSUMER:
            break
        said = semconv.statement(span.attributes) or (place == row and semconv.http_target(span.attributes))
        if said:
            return said
    return facts.spans[row].name


def _called(facts: TraceFacts, row: int) -> str:
    """A call in a few words: Prisma's own name for it, or the span's."""
    said = facts.spans[row].attributes.get("name")
    name = words(said) if facts.spans[row].name in PRISMA_CALLS else ""
    return name or words(facts.spans[row].name)


def _peak(facts: TraceFacts, calls: Iterable[int]) -> int:
    """How many ran at once at most; one that ends when another begins does not overlap it."""
    edges = []
    for row in calls:
        edges += [(facts.spans[row].start_ns, 1), (facts.spans[row].start_ns + facts.lasted_ns[row], -1)]
    peak = running = 0
    for _, step in sorted(edges):
        running += step
        peak = max(peak, running)
    return peak
