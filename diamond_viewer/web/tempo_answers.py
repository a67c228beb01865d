"""The spans for which traces were found, beside them in the answer of Tempo's search."""

from collections.abc import Sequence
from typing import Any

from diamond_viewer.query.evidence import fulfils
from diamond_viewer.query.reasons import span_conditions
from diamond_viewer.query.terms import Condition, Term
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.otlp_tempo import found_trace

MAX_SEARCHED_SPANS = 20_000  # of one trace: a larger one is answered without its spans
MAX_ANSWER_SPANS = 50_000  # of all traces of an answer, about a second of decoding: the remaining go without


def answered(
    store: TraceStore, rows: Sequence[TraceSummary], terms: Sequence[Term], spans_each: int
) -> list[dict[str, Any]]:
    """Each with at most so many of its spans, as far as the bounds allow to look for them; 0 asks for none."""
    conditions, left = span_conditions(terms), MAX_ANSWER_SPANS if spans_each else 0
    found = []
    for row in rows:
        is_small = row.span_count <= MAX_SEARCHED_SPANS
        is_looked_at = is_small and row.span_count <= left
        found.append(_with_spans(store, row, conditions, spans_each) if is_looked_at else found_trace(row))
        left -= row.span_count if is_small else 0  # below 0 it is spent: a smaller one further down does not go before
    return found


def _with_spans(
    store: TraceStore, row: TraceSummary, conditions: Sequence[Condition], spans_each: int
) -> dict[str, Any]:
    trace = store.trace(row.trace_id)
    if trace is None:  # it left memory meanwhile
        return found_trace(row)
    spans = sorted(trace.spans, key=lambda span: (span.start_ns, span.span_id))
    matching = [span for span in spans if not conditions or any(fulfils(span, one) for one in conditions)]
    return found_trace(row, matching[:spans_each], len(matching))
