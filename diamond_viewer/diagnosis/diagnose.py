"""All rules, applied: to one trace, and to the traces of one person."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import lru_cache, partial

from diamond_viewer.diagnosis import (
    auth,
    calls,
    completeness,
    database,
    errors,
    journey,
    performance,
    video,
)
from diamond_viewer.diagnosis.facts import TraceFacts, gather
from diamond_viewer.diagnosis.finding import Finding, Thresholds, folded, in_order
from diamond_viewer.diagnosis.flows import Flow, recognise
from diamond_viewer.diagnosis.journey import Journey, alone, follow
from diamond_viewer.telemetry.model import Trace


@dataclass(frozen=True, slots=True)
class Rule:
    """``find`` takes a trace's facts (or a journey), and by name the thresholds that ``thresholds`` lists."""

    name: str
    find: Callable[..., tuple[Finding, ...]]

    @property
    def thresholds(self) -> tuple[str, ...]:
        known = {field.name for field in fields(Thresholds)}
        return tuple(name for name in inspect.signature(self.find).parameters if name in known)


TRACE_RULES = (
    Rule("no-cookie", auth.no_cookie),
    Rule("cookie-rejected", auth.cookie_rejected),
    Rule("auth-failed", auth.auth_failed),
    Rule("sign-in-refused", auth.sign_in_refused),
    Rule("missing-credentials", auth.missing_credentials),
    Rule("redirected", auth.redirected_to_sign_in),
    Rule("redirect-loop", auth.redirect_loop),
    Rule("unexplained-401", auth.unexplained_401),
    Rule("exception", errors.exception),
    Rule("error", errors.error),
    Rule("resume-gap", video.resume_gap),
    Rule("resume-mismatch", video.resume_mismatch),
    Rule("buffering", video.buffering),
    Rule("slow-load", video.slow_load),
    Rule("progress-refused", video.progress_refused),
    Rule("slow-span", performance.slow_span),
    Rule("long-running", performance.long_running),
    Rule("unaccounted-gap", performance.unaccounted_gap),
    Rule("slow-database", database.slow_database),
    Rule("pool-wait", database.pool_wait),
    Rule("n-plus-one", database.repeated_query),
    Rule("duplicate-calls", calls.duplicate_calls),
    Rule("sequential-calls", calls.sequential_calls),
    Rule("wide-fan-out", calls.wide_fan_out),
    Rule("queue-wait", calls.queue_wait),
    Rule("orphan-spans", completeness.orphan_spans),
    Rule("lost-root", completeness.lost_root),
    Rule("clock-skew", completeness.clock_skew),
    Rule("dropped-counts", completeness.dropped_counts),
    Rule("event-order", completeness.event_order),
)

JOURNEY_RULES = (
    Rule("redirect-loop", journey.redirect_loop),
    Rule("signed-in-again", journey.signed_in_again),
    Rule("duplicate-calls", journey.duplicate_calls),
    Rule("resume-gap", journey.resume_gap),
    Rule("resume-missing", journey.resume_missing),
    Rule("buffering", journey.buffering),
    Rule("progress-stopped", journey.progress_stopped),
    Rule("progress-missing", journey.progress_missing),
)

RULE_NAMES = tuple(dict.fromkeys(rule.name for rule in TRACE_RULES + JOURNEY_RULES))
DEFAULTS = Thresholds()
MAX_EXAMINED_SPANS = 20_000  # of a trace: to decode a larger one takes half a second and 60 MB


def diagnose(trace: Trace, thresholds: Thresholds = DEFAULTS) -> tuple[Finding, ...]:
    """What is wrong with a trace, the worst first; the same whatever the order of its spans."""
    return diagnose_facts(gather(trace), thresholds)


def diagnose_facts(facts: TraceFacts, thresholds: Thresholds = DEFAULTS) -> tuple[Finding, ...]:
    """As ``diagnose``, for a trace that was laid out already."""
    found = [finding for find in _bound(TRACE_RULES, thresholds) for finding in find(facts)]
    return in_order(folded(found)) if found else ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a trace, the worst first, and the flows recognised in it.

    ``journey`` is what was found over several traces of its people, this one among them, where a store knows that already.
    """

    findings: tuple[Finding, ...] = ()
    flows: tuple[Flow, ...] = ()
    journey: tuple[Finding, ...] = ()


def diagnosis_of(trace: Trace, thresholds: Thresholds = DEFAULTS) -> Diagnosis:
    facts = gather(trace)
    return Diagnosis(diagnose_facts(facts, thresholds), recognise(facts))


def diagnose_journey(traces: Iterable[Trace], thresholds: Thresholds = DEFAULTS) -> tuple[Finding, ...]:
    """What is wrong over the traces of one person, in any order, beyond what each trace shows alone."""
    return diagnose_steps(follow(gather(trace) for trace in traces), thresholds)


def way_of(trace: Trace) -> Journey:
    """What a trace adds to the way of its person: worked out once, and joined with that of others."""
    return alone(gather(trace))


def diagnose_steps(
    steps: Journey, thresholds: Thresholds = DEFAULTS, rules: tuple[Rule, ...] = JOURNEY_RULES
) -> tuple[Finding, ...]:
    """By these of the rules of journeys."""
    return in_order(finding for find in _bound(rules, thresholds) for finding in find(steps))


@lru_cache(maxsize=32)
def _bound(rules: tuple[Rule, ...], thresholds: Thresholds) -> tuple[Callable[..., tuple[Finding, ...]], ...]:
    """The rules with their limits filled in, once for each set of limits."""
    return tuple(partial(rule.find, **{name: getattr(thresholds, name) for name in rule.thresholds}) for rule in rules)
