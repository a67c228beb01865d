"""A trace in the answer of Tempo's search. Source: Grafana Tempo, "Tempo HTTP API", ``tempopb.TraceSearchMetadata``."""

from collections.abc import Sequence
from typing import Any

from diamond_viewer.telemetry.model import STATUS_ERROR, Span, TraceSummary
from diamond_viewer.telemetry.otlp_json import encode_attributes
from diamond_viewer.telemetry.units import NS_PER_MS

Json = dict[str, Any]


def found_trace(row: TraceSummary, spans: Sequence[Span] = (), matched: int = 0) -> Json:
    """``spans`` are some of the ``matched`` spans for which the trace was found; without any it is a row alone."""
    span_set = {"spans": [_span(span) for span in spans], "matched": matched}
    return {
        "traceID": row.trace_id,
        "rootServiceName": row.service,
        "rootTraceName": row.name,
        "startTimeUnixNano": str(row.start_ns),
        "durationMs": row.duration_ns // NS_PER_MS,
        **({"spanSet": span_set, "spanSets": [span_set]} if spans else {}),
    }


def _span(span: Span) -> Json:
    said = {"service.name": span.service, **({"status": "error"} if span.status_code == STATUS_ERROR else {})}
    return {
        "spanID": span.span_id,
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns or span.end_ns),
        "durationNanos": str(span.duration_ns if span.start_ns else 0),
        "attributes": encode_attributes(said),
    }
