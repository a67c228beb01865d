"""A row of the list as JSON and as a line of CSV: the names that others rely on."""

from typing import Any

from diamond_viewer.telemetry.model import TraceSummary, flag_names
from diamond_viewer.telemetry.units import NS_PER_MS


def trace_row(summary: TraceSummary) -> dict[str, Any]:
    return {
        "trace_id": summary.trace_id,
        "name": summary.name,
        "service": summary.service,
        "services": summary.services,
        "start_unix_nano": str(summary.start_ns),
        "duration_ms": summary.duration_ns / NS_PER_MS,
        "span_count": summary.span_count,
        "error_count": summary.error_count,
        "event_count": summary.event_count,
        "user_ids": summary.user_ids,
        "lesson_ids": summary.lesson_ids,
        "status": summary.status,
        "flags": flag_names(summary.flags),
        "findings": summary.findings,
    }
