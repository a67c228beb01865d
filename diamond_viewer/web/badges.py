"""Badges: what was found in a trace, in a few words; and tones, the only thing that colour says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS
from diamond_viewer.diagnosis.finding import Finding, Severity
from diamond_viewer.diagnosis.vocabulary import AUTH_FAILED
from diamond_viewer.telemetry.model import EventFact, Flag, TraceSummary
from diamond_viewer.telemetry.rules import RULE_WORDS
from diamond_viewer.telemetry.semconv import (
    AUTH_FAILURE_EVENTS,
    BUFFERING_EVENT,
    EXCEPTION_EVENT,
    MISMATCH_EVENT,
)
from diamond_viewer.telemetry.units import format_duration, format_times

MAX_BADGES = 4  # a row has one line for them
MAX_WORDS = 60  # characters
MAX_SHORT = 8


class Tone(StrEnum):
    """The names are CSS classes' endings (``badge--error``)."""

    ERROR = "error"
    AUTH = "auth"
    SLOW = "slow"
    GOOD = "good"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Badge:
    """``title`` is the long form, shown on hover and read aloud; empty when the words say it all."""

    words: str
    tone: Tone
    title: str = ""

    @property
    def is_short(self) -> bool:
        """So that it need not give way where there is little room."""
        return len(self.words) <= MAX_SHORT


EVENT_TONES: Mapping[str, Tone] = {
    **dict.fromkeys(AUTH_FAILURE_EVENTS, Tone.AUTH),
    "middleware.redirect": Tone.AUTH,
    "auth.session.created": Tone.GOOD,
    "progress.auto_complete_triggered": Tone.GOOD,
    "progress.saved": Tone.GOOD,
    BUFFERING_EVENT: Tone.SLOW,
    MISMATCH_EVENT: Tone.SLOW,
    EXCEPTION_EVENT: Tone.ERROR,
}
_EVENT_WORDS = {
    BUFFERING_EVENT: "buffering",
    MISMATCH_EVENT: "resume mismatch",
    "middleware.redirect": "redirected",
    "auth.session.created": "signed in",
    "progress.auto_complete_triggered": "completed",
}
_RULE_TONES: Mapping[str, Tone] = {
    **dict.fromkeys(
        (
            *("no-cookie", "cookie-rejected", "auth-failed", "sign-in-refused", "missing-credentials", "redirected"),
            *("redirect-loop", "unexplained-401", "signed-in-again"),
        ),
        Tone.AUTH,
    ),
    **dict.fromkeys(("resume-mismatch", "buffering", "slow-load"), Tone.SLOW),
    **dict.fromkeys(("exception", "error", "progress-refused"), Tone.ERROR),
    **dict.fromkeys(("sequential-calls", "wide-fan-out", "unaccounted-gap", "event-order", "clock-skew"), Tone.PLAIN),
    "dropped-counts": Tone.PLAIN,
}
_SAID_BY_OTHERS = frozenset(  # events and flags have badges that say it, mostly with more detail
    (
        *("no-cookie", "cookie-rejected", "auth-failed", "sign-in-refused", "missing-credentials", "redirected"),
        *("exception", "error", "resume-mismatch", "buffering", "progress-refused"),
        *("slow-database", "slow-span", "long-running", "orphan-spans", "lost-root"),
    )
)
_RANKS = {Tone.ERROR: 0, Tone.AUTH: 1, Tone.SLOW: 2, Tone.GOOD: 3, Tone.PLAIN: 4}


def event_tone(name: str) -> Tone:
    """Known events by the table; any other that speaks of failure is an error.

    >>> [str(event_tone(name)) for name in ("auth.failed", "progress.validation_failed", "video.loaded")]
    ['auth', 'error', 'plain']
    """
    tone = EVENT_TONES.get(name)
    if tone is None:
        return Tone.ERROR if any(word in name.lower() for word in ("failed", "failure", "error")) else Tone.PLAIN
    return tone


def edge_tone(flags: int) -> Tone:
    """The colour of a row's edge: the worst that is true."""
    if flags & Flag.ERROR:
        return Tone.ERROR
    if flags & Flag.AUTH_FAILURE:
        return Tone.AUTH
    return Tone.SLOW if flags & (Flag.SLOW | Flag.SLOW_DB | Flag.BUFFERING | Flag.RESUME_MISMATCH) else Tone.PLAIN


def finding_tone(finding: Finding) -> Tone:
    """By what it is about; a note is plain."""
    if finding.severity is Severity.NOTE:
        return Tone.PLAIN
    return _RULE_TONES.get(finding.rule, Tone.ERROR if finding.severity is Severity.PROBLEM else Tone.SLOW)


def _finding_badges(summary: TraceSummary, findings: tuple[Finding, ...]) -> list[Badge]:
    """Of what neither events nor flags say. Without its sentence a finding is known by its rule alone."""
    said = {finding.rule: finding for finding in reversed(findings)}
    badges = []
    for rule in dict.fromkeys((*summary.findings, *summary.findings_together, *said)):
        if rule in _SAID_BY_OTHERS:
            continue
        finding = said.get(rule)
        if finding is None:
            badges.append(Badge(RULE_WORDS[rule], _RULE_TONES.get(rule, Tone.SLOW)))
            continue
        calls = f" ×{len(finding.evidence):,}" if rule == "duplicate-calls" else ""
        took = f" {format_duration(finding.duration_ns)}" if finding.duration_ns else ""
        badges.append(Badge(f"{RULE_WORDS[rule]}{calls}{took}", finding_tone(finding), finding.sentence))
    return badges


def badges_of(summary: TraceSummary, findings: tuple[Finding, ...] = ()) -> tuple[Badge, ...]:
    """Worst first; events that only say "I ran" are left out. ``findings`` are those of the trace that are known."""
    flags = summary.flags
    names_an_exception = any(fact.name == EXCEPTION_EVENT and fact.detail for fact in summary.event_facts)
    found = [
        badge
        for fact in summary.event_facts
        # a driver's exception without a type says nothing beside the application's with one
        if not (names_an_exception and fact.name == EXCEPTION_EVENT and not fact.detail)
        and (badge := _event_badge(fact, is_refused="sign-in-refused" in summary.findings))
    ]
    # the edge is red already: a bare count is worth its room only where nothing says what went wrong
    says_what = any(badge.tone in (Tone.ERROR, Tone.AUTH) for badge in found)
    if flags & Flag.ERROR and not says_what:
        found.append(Badge(format_times(summary.error_count, "error"), Tone.ERROR, "spans with status ERROR"))
    if flags & Flag.AUTH_FAILURE and not any(fact.name in AUTH_FAILURE_EVENTS for fact in summary.event_facts):
        found.append(Badge("not signed in", Tone.AUTH, "answered with HTTP 401"))
    if flags & Flag.SLOW_DB:
        took = format_duration(summary.slowest_database_ns)
        found.append(Badge(f"DB {took}", Tone.SLOW, f"the slowest database span took {took}, more than 100 ms"))
    elif flags & Flag.SLOW:
        found.append(Badge("slow", Tone.SLOW, "a span lasts more than 1 s"))
    if flags & Flag.INCOMPLETE:
        found.append(Badge("incomplete", Tone.PLAIN, "a parent span is missing: dropped, sampled or still to come"))
    if summary.span_count > MAX_EXAMINED_SPANS:
        why = f"more than {MAX_EXAMINED_SPANS:,} spans: the rules have not looked at it"
        found.append(Badge("not examined", Tone.PLAIN, why))
    found += _finding_badges(summary, findings)
    return tuple(sorted(found, key=lambda badge: _RANKS[badge.tone]))


def severity_tone(number: int) -> Tone:
    """Of a log: from 17 on it is an error, from 13 on a warning (OpenTelemetry's numbers).

    >>> [str(severity_tone(number)) for number in (0, 9, 13, 17, 24)]
    ['plain', 'plain', 'auth', 'error', 'error']
    """
    return Tone.ERROR if number >= 17 else Tone.AUTH if number >= 13 else Tone.PLAIN


def shown_badges(badges: tuple[Badge, ...]) -> tuple[tuple[Badge, ...], int]:
    """The badges a row has room for, and how many it hides."""
    return badges[:MAX_BADGES], max(0, len(badges) - MAX_BADGES)


def _event_badge(fact: EventFact, *, is_refused: bool) -> Badge | None:
    """``is_refused``: a sign-in was, which has no cookie yet; that it sent none is not what went wrong."""
    tone = event_tone(fact.name)
    if tone is Tone.PLAIN:
        return None
    words = _EVENT_WORDS.get(fact.name, fact.name)
    if fact.name == EXCEPTION_EVENT and fact.detail:
        words = fact.detail
    elif fact.name == MISMATCH_EVENT and fact.detail:
        words = f"{words} {fact.detail}"
    elif is_refused and (fact.name, fact.detail) == (AUTH_FAILED, "no cookie"):
        words = f"{words} · {RULE_WORDS['sign-in-refused']}"
    elif fact.detail:
        words = f"{words} · {fact.detail}"
    if fact.count > 1:
        words = f"{words} ×{fact.count:,}"
    shown = words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"
    return Badge(shown, tone, fact.name if shown == words else f"{fact.name}: {words}")
