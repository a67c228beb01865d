"""The spans for which a trace was found, beside it in the answer of Tempo's search."""

from collections.abc import Sequence
from typing import Any

from diamond_viewer.query.evidence import fulfils
from diamond_viewer.query.reasons import span_conditions
from diamond_viewer.query.terms import Term
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.otlp_tempo import found_trace

MAX_SEARCHED_SPANS = 20_000  # of one trace: a larger one is answered without its spans


def answered(store: TraceStore, row: TraceSummary, terms: Sequence[Term], spans_each: int) -> dict[str, Any]:
    """With at most so many of its spans; 0 asks for none."""
    trace = store.trace(row.trace_id) if spans_each and row.span_count <= MAX_SEARCHED_SPANS else None
    if trace is None:
        return found_trace(row)
    conditions = span_conditions(terms)
    spans = sorted(trace.spans, key=lambda span: (span.start_ns, span.span_id))
    matching = [span for span in spans if not conditions or any(fulfils(span, one) for one in conditions)]
    return found_trace(row, matching[:spans_each], len(matching))
