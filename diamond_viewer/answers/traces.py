"""Traces as JSON: a row of the list, a page of them, and one in full as OTLP/JSON."""

from typing import Any

import orjson

from diamond_viewer.answers.findings import finding_row, flow_row
from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.telemetry.model import Page, Trace, TraceSummary, flag_names
from diamond_viewer.telemetry.otlp_json import encode_trace
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


def traces_answer(page: Page) -> dict[str, Any]:
    return {
        "version": page.version,
        "total": page.total,
        **reach_answer(page),
        "scanned_to_unix_nano": str(page.scanned_to_ns),
        "traces": [trace_row(summary) for summary in page.traces],
    }


def trace_answer(trace: Trace, diagnosis: Diagnosis | None) -> bytes:
    """OTLP/JSON of the whole trace, and beside it what the rules say: OTLP's readers pass over what they do not know.

    ``diagnosis`` is None where the trace was not examined; the answer says so.
    """
    is_examined = diagnosis is not None
    diagnosis = diagnosis or Diagnosis()
    said = {
        "is_examined": is_examined,
        "findings": [*map(finding_row, diagnosis.findings)],
        "flows": [*map(flow_row, diagnosis.flows)],
    }
    return encode_trace(trace)[:-1] + b"," + orjson.dumps(said)[1:]
