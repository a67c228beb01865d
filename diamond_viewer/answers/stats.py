"""Figures over everything that matches, as JSON."""

from typing import Any

from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.telemetry.model import Stats
from diamond_viewer.telemetry.units import NS_PER_MS


def stats_answer(stats: Stats) -> dict[str, Any]:
    return {
        "traces": stats.traces,
        "spans": stats.spans,
        "error_traces": stats.error_traces,
        "error_spans": stats.error_spans,
        "auth_failure_traces": stats.auth_failure_traces,
        "slow_traces": stats.slow_traces,
        "slow_db_traces": stats.slow_db_traces,
        "p50_ms": stats.p50_ns / NS_PER_MS,
        "p95_ms": stats.p95_ns / NS_PER_MS,
        "p99_ms": stats.p99_ns / NS_PER_MS,
        "events": dict(stats.events),
        "flags": dict(stats.flags),
        **reach_answer(stats),
    }
