"""What is found over several traces of a person, by plain loops: every visit of everybody is held against the rules."""

from collections.abc import Iterable
from dataclasses import replace

from diamond_viewer.diagnosis.diagnose import diagnose_steps, way_of
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.journey import Journey, joined
from diamond_viewer.diagnosis.visits import told_once
from diamond_viewer.telemetry.model import Trace, TraceSummary
from diamond_viewer.telemetry.rules import RULE_NAMES


def found_together(traces: Iterable[Trace]) -> dict[str, tuple[Finding, ...]]:
    """By trace id, of all in whose evidence it is; the worst first."""
    visits: dict[tuple[str, int], list[Journey]] = {}
    for trace in sorted(traces, key=lambda one: (one.summary.start_ns, one.trace_id)):
        if not trace.summary.user_ids:
            continue
        way = way_of(trace)
        for user in trace.summary.user_ids:
            half_hour = trace.summary.start_ns // (1800 * 10**9)
            for visit in (half_hour - 1, half_hour):  # an hour each, which begins on the hour or at half past
                visits.setdefault((user, visit), []).append(way)
    found: dict[str, list[Finding]] = {}
    for theirs in visits.values():
        for finding in diagnose_steps(joined(theirs[-300:])):
            for trace_id in finding.trace_ids:
                found.setdefault(trace_id, []).append(finding)
    return {trace_id: told_once(findings) for trace_id, findings in found.items()}


def followed(row: TraceSummary, over: Iterable[Finding]) -> TraceSummary:
    """The row with what was found over several traces."""
    rules = {finding.rule for finding in over}
    return replace(row, findings_together=tuple(rule for rule in RULE_NAMES if rule in rules))
