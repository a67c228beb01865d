"""Rules about time: spans that take long, and time that nobody accounts for."""

from itertools import pairwise

from diamond_viewer.diagnosis.blame import OUR_OWN, kind_of_work, waited_for
from diamond_viewer.diagnosis.facts import TraceFacts
from diamond_viewer.diagnosis.finding import Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import PLAYER_SESSION, VIDEO_LOAD, limit_ns, waits_on_purpose, words
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Span
from diamond_viewer.telemetry.units import format_duration

_PATIENT_SPANS = frozenset((PLAYER_SESSION, VIDEO_LOAD))  # a person watching; and what ``slow-load`` tells better
_ANSWER_SHARE = 0.5  # of a call: when the request behind it took less, the network or the queue did the rest


def slow_span(facts: TraceFacts, *, slow_span_ms: float = 1000, long_running_ms: float = 10_000) -> tuple[Finding, ...]:
    """Requests and jobs with a span that lasts more than 1000 ms, with the span that took most of it.

    One finding for each piece of work: the outermost slow span stands for those inside it, and of a call and its answer
    the answer. Origin: the platform's own limit. Work in the background is a note: nobody waits for it.
    """
    slow = _outermost(facts, limit_ns(slow_span_ms))
    findings = []
    for row in slow:
        took_ns = facts.lasted_ns[row]
        if took_ns > limit_ns(long_running_ms):
            continue
        work, blamed = facts.work(row), waited_for(facts, row)
        name = work.name if row == work.first else words(facts.spans[row].name)
        inside = ""
        if blamed != row:
            span = facts.spans[blamed]
            took = format_duration(facts.lasted_ns[blamed])
            inside = f", {took} of it in {words(span.name)} ({kind_of_work(facts, blamed)})"
        is_waited_for = work.is_request or not (work.is_job or facts.spans[work.first].name.startswith("job."))
        findings.append(
            Finding(
                "slow-span",
                Severity.WARNING if is_waited_for else Severity.NOTE,
                f"{name} took {format_duration(took_ns)}{inside}.",
                facts.evidence((row, blamed)),
                fingerprint_of("slow-span", work.name, facts.spans[blamed].name),
                f"Open {words(facts.spans[blamed].name)}: most of the time passed there.",
                facts.spans[row].start_ns,
                (("slow_span_ms", slow_span_ms),),
                took_ns,
            )
        )
    return tuple(findings)


def long_running(facts: TraceFacts, *, long_running_ms: float = 10_000) -> tuple[Finding, ...]:
    """A span that lasts more than 10 s: a warning when someone waited for it, a note for work in the background.

    Origin: the platform's key pattern ``long_running_over_10s``. ``slow-span`` leaves these to this rule.
    """
    findings = []
    for row in _outermost(facts, limit_ns(long_running_ms)):
        work, took_ns = facts.work(row), facts.lasted_ns[row]
        name = work.name if row == work.first else words(facts.spans[row].name)
        findings.append(
            Finding(
                "long-running",
                Severity.WARNING if work.is_request else Severity.NOTE,
                f"{name} ran for {format_duration(took_ns)}.",
                facts.evidence((row,)),
                fingerprint_of("long-running", name),
                "See whether it was waited for, and whether it does its work in one piece that could be several.",
                facts.spans[row].start_ns,
                (("long_running_ms", long_running_ms),),
                took_ns,
            )
        )
    return tuple(findings)


def unaccounted_gap(facts: TraceFacts, *, gap_ms: float = 500, gap_percent: float = 20) -> tuple[Finding, ...]:
    """The longest time inside a span in which none of its children ran and no event was recorded.

    Origin: the viewer's own silence rule (half a second and a fifth), for spans of our own code that have children: a
    span without any says by its own name what it did, and what waits for S3 or a database is that one's time.
    """
    gap_ns = limit_ns(gap_ms)
    if facts.longest_ns <= gap_ns:
        return ()
    best: tuple[int, int, int, int] | None = None  # length, row, and the rows before and after
    for place, row in enumerate(facts.rows):
        took_ns = facts.lasted_ns[place]
        if (
            took_ns <= gap_ns
            or not row.child_count
            or _is_patient(facts.spans[place])
            or kind_of_work(facts, place) not in OUR_OWN
        ):
            continue
        length_ns, before, after = _longest_gap(facts, place)
        if length_ns > max(gap_ns, took_ns * gap_percent / 100) and (best is None or length_ns > best[0]):
            best = length_ns, place, before, after
    if best is None:
        return ()
    length_ns, place, before, after = best
    span = facts.spans[place]
    sides = [f"after {words(facts.spans[before].name)}"] if before >= 0 else []
    sides += [f"before {words(facts.spans[after].name)}"] if after >= 0 else []
    between = f", {' and '.join(sides)}" if sides else ""
    return (
        Finding(
            "unaccounted-gap",
            Severity.NOTE,
            f"Nothing was recorded for {format_duration(length_ns)} of {words(span.name)}{between}.",
            facts.evidence([place, *(row for row in (before, after) if row >= 0)]),
            fingerprint_of("unaccounted-gap", facts.work(place).name, span.name),
            "Put a span around what runs there, or see whether the process was busy with something else.",
            span.start_ns,
            (("gap_ms", gap_ms), ("gap_percent", gap_percent)),
            length_ns,
        ),
    )


def _outermost(facts: TraceFacts, over_ns: int) -> list[int]:
    """For each piece of work the slow rows with no slow row above them in it, calls that waited for slow work left out."""
    if facts.longest_ns <= over_ns:
        return []
    slow = {
        row for row, took_ns in enumerate(facts.lasted_ns) if took_ns > over_ns and not _is_patient(facts.spans[row])
    }
    outermost = []
    for row in sorted(slow):
        above = facts.rows[row].parent_row
        while above >= 0 and facts.work_of[above] == facts.work_of[row] and above not in slow:
            above = facts.rows[above].parent_row
        if above < 0 or facts.work_of[above] != facts.work_of[row]:
            outermost.append(row)
    # in the order of the tree, what lies in a row's subtree comes right after it
    return [
        row
        for row, following in pairwise((*outermost, -1))
        if following not in facts.subtree(row)
        or facts.work_of[following] == facts.work_of[row]
        or facts.lasted_ns[following] < _ANSWER_SHARE * facts.lasted_ns[row]
    ]


def _is_patient(span: Span) -> bool:
    return span.name in _PATIENT_SPANS or waits_on_purpose(semconv.statement(span.attributes))


def _longest_gap(facts: TraceFacts, place: int) -> tuple[int, int, int]:
    """Length in ns, and the rows that ran before and after it (-1 for the edge of the span, or an event)."""
    span = facts.spans[place]
    marks = [(facts.spans[child].start_ns, facts.spans[child].end_ns, child) for child in facts.children(place)]
    marks += [(event.time_ns, event.time_ns, -1) for event in span.events]
    longest = (0, -1, -1)
    reached_ns, reached_by = span.start_ns, -1
    for start_ns, end_ns, child in sorted(marks):
        if min(start_ns, span.end_ns) - reached_ns > longest[0]:
            longest = (min(start_ns, span.end_ns) - reached_ns, reached_by, child)
        if end_ns > reached_ns:
            reached_ns, reached_by = end_ns, child
    if span.end_ns - reached_ns > longest[0]:
        longest = (span.end_ns - reached_ns, reached_by, -1)
    return longest
