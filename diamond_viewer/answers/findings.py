"""Findings and flows as JSON: the names that others rely on."""

from typing import Any

from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.flows import Flow
from diamond_viewer.diagnosis.found import FoundPage
from diamond_viewer.query.filters import MAX_TIME_NS
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.units import NS_PER_MS


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


def journey_asked(query: Query, now_ns: int) -> tuple[str, int, int] | None:
    """The user, and the window in ns since 1970, over whose traces together findings are asked for; None without a user."""
    window, user = query.window(now_ns), query.value("user")
    until_ns = MAX_TIME_NS if window.until_ns is None else window.until_ns
    return (user, window.since_ns or 0, until_ns) if user else None


def findings_answer(page: FoundPage, journey: tuple[Finding, ...], query: Query) -> dict[str, Any]:
    """``journey``: what was found over the traces of the user that was asked for; only the rules of the query are told."""
    rules = query.values("finding")
    return {
        "version": page.version,
        "total": page.total,
        "is_complete": page.is_complete,
        "findings": [{**finding_row(found.finding), "similar": found.alike - 1} for found in page.findings],
        "journey": [finding_row(finding) for finding in journey if not rules or finding.rule in rules],
    }
