"""A person's traces, cut into hours that are held against the rules of journeys: every hour by the clock, and every hour that
begins at half past. So whatever lasts less than half an hour is seen whole, and which traces belong together depends neither on
the order in which they came nor on what else there is.
"""

from collections.abc import Iterable

from diamond_viewer.diagnosis.finding import Finding, in_order
from diamond_viewer.telemetry.units import NS_PER_SECOND

SILENCE_NS = 1800 * NS_PER_SECOND  # half an hour of it is what analytics call the end of a visit
STEP_NS = SILENCE_NS
MAX_VISIT_TRACES = 300  # the newest: who never rests is examined all the same


def visits_of(start_ns: int) -> tuple[int, int]:
    """The two visits in which a trace lies, by number.

    >>> visits_of(0), visits_of(STEP_NS - 1), visits_of(STEP_NS)
    ((-1, 0), (-1, 0), (0, 1))
    """
    step = start_ns // STEP_NS
    return step - 1, step


def extent_ns(visit: int) -> tuple[int, int]:
    """From when, and up to before when, traces of a visit begin.

    >>> extent_ns(0) == (0, 2 * STEP_NS)
    True
    """
    return visit * STEP_NS, (visit + 2) * STEP_NS


def told_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Without those that another of the same rule tells with more traces; the worst first."""
    by_rule: dict[str, list[tuple[frozenset[str], Finding]]] = {}
    for finding in in_order(findings):
        theirs = frozenset(finding.trace_ids)
        held = by_rule.setdefault(finding.rule, [])
        if any(theirs <= other for other, _ in held):
            continue
        held[:] = [*(one for one in held if not one[0] < theirs), (theirs, finding)]
    return in_order(finding for held in by_rule.values() for _, finding in held)
