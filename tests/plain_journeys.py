"""What is found over several traces of a person, by plain loops: every visit of everybody is held against the rules."""

from collections.abc import Iterable
from dataclasses import replace

from diamond_viewer.diagnosis.diagnose import diagnose_steps, way_of
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.journey import Journey, joined
from diamond_viewer.diagnosis.visits import told_once
from diamond_viewer.telemetry.model import Trace, TraceSummary
from diamond_viewer.telemetry.rules import RULE_NAMES


class PlainPeople:
    """Of a store that has ``_held_traces``: what its traces show together."""

    _together: dict[str, tuple[Finding, ...]] | None = None  # worked out when asked for

    def _held_traces(self) -> list[Trace]:
        raise NotImplementedError

    def together(self) -> dict[str, tuple[Finding, ...]]:
        if self._together is None:
            self._together = found_together(self._held_traces())
        return self._together

    def people_alike(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        return len(
            {
                user
                for (user, _), findings in findings_of_visits(self._held_traces()).items()
                for one in findings
                if one.fingerprint == fingerprint and since_ns <= one.time_ns <= until_ns
            }
        )


def found_together(traces: Iterable[Trace]) -> dict[str, tuple[Finding, ...]]:
    """By trace id, of all in whose evidence it is; the worst first."""
    found: dict[str, list[Finding]] = {}
    for findings in findings_of_visits(traces).values():
        for finding in findings:
            for trace_id in finding.trace_ids:
                found.setdefault(trace_id, []).append(finding)
    return {trace_id: told_once(findings) for trace_id, findings in found.items()}


def findings_of_visits(traces: Iterable[Trace]) -> dict[tuple[str, int], tuple[Finding, ...]]:
    """By user and visit."""
    visits: dict[tuple[str, int], list[Journey]] = {}
    for trace in sorted(traces, key=lambda one: (one.summary.start_ns, one.trace_id)):
        if not trace.summary.user_ids:
            continue
        way = way_of(trace)
        for user in trace.summary.user_ids:
            half_hour = trace.summary.start_ns // (1800 * 10**9)
            for visit in (half_hour - 1, half_hour):  # an hour each, which begins on the hour or at half past
                visits.setdefault((user, visit), []).append(way)
    return {visit: diagnose_steps(joined(theirs[-300:])) for visit, theirs in visits.items()}


def followed(row: TraceSummary, over: Iterable[Finding]) -> TraceSummary:
    """The row with what was found over several traces."""
    rules = {finding.rule for finding in over}
    return replace(row, findings_together=tuple(rule for rule in RULE_NAMES if rule in rules))
