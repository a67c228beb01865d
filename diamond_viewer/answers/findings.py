"""Findings and flows as JSON: the names that others rely on. Findings of many traces as Markdown."""

from collections.abc import Callable
from typing import Any

from diamond_viewer.answers.reach import cut_off, reach_answer
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.flows import Flow
from diamond_viewer.diagnosis.found import FoundPage
from diamond_viewer.diagnosis.wording import findings_markdown
from diamond_viewer.query.filters import FILTER_BY_PARAMETER, MAX_TIME_NS
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.units import NS_PER_MS, format_times

Journey = Callable[[str, int, int], tuple[Finding, ...]]  # ``TraceStore.journey``


def finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "sentence": finding.sentence,
        "next_step": finding.next_step,
        "fingerprint": finding.fingerprint,
        "thresholds": dict(finding.thresholds),
        "time_unix_nano": str(finding.time_ns),
        "duration_ms": finding.duration_ns / NS_PER_MS,
        "evidence": [{"trace_id": one.trace_id, "span_id": one.span_id} for one in finding.evidence],
    }


def flow_row(flow: Flow) -> dict[str, Any]:
    broken = flow.broken_step
    return {
        "name": flow.name,
        "span_id": flow.span_id,
        "start_unix_nano": str(flow.start_ns),
        "broken_step": broken.name if broken else None,
        "steps": [
            {
                "name": step.name,
                "state": step.state.value,
                "span_id": step.span_id,
                "duration_ms": step.duration_ns / NS_PER_MS,
            }
            for step in flow.steps
        ],
    }


def journey_findings(journey: Journey, query: Query, now_ns: int) -> tuple[Finding, ...]:
    """What was found over the traces of the user that is asked for, of the rules that are asked for; nothing without a user."""
    window, user, rules = query.window(now_ns), query.value("user"), query.values("finding")
    until_ns = MAX_TIME_NS if window.until_ns is None else window.until_ns
    way = journey(user, window.since_ns or 0, until_ns) if user else ()
    return tuple(finding for finding in way if not rules or finding.rule in rules)


def findings_answer(page: FoundPage, journey: tuple[Finding, ...]) -> dict[str, Any]:
    """``journey``: see ``journey_findings``; without any, what is known over several traces of those that match."""
    return {
        "version": page.version,
        "total": page.total,
        **reach_answer(page),
        "findings": [{**finding_row(found.finding), "similar": found.alike - 1} for found in page.findings],
        "journey": [finding_row(finding) for finding in journey or page.journey],
    }


def findings_document(page: FoundPage, journey: tuple[Finding, ...], query: Query) -> str:
    """The same as ``findings_answer``, as Markdown: what was asked for, then what was found, over several traces first."""
    journey = journey or page.journey
    asked = [FILTER_BY_PARAMETER[name].sentence.format(value) for name, value in query.set_filters]
    count = f"{len(page.findings):,} of {page.total:,}" if len(page.findings) < page.total else f"{page.total:,}"
    facts = [f"{count} {'finding' if page.total == 1 else 'findings'}"]
    facts += [f"and {format_times(len(journey), 'finding')} over several traces"] if journey else []
    note = cut_off(page)
    note = note if page.is_complete else "Not all traces have been examined yet: ask again for the rest."
    told = (*journey, *(found.finding for found in page.findings))
    return findings_markdown(told, title=f"Findings: {', '.join(asked) or 'all traces'}", facts=facts, note=note)
