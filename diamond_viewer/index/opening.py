"""Lines of originals -> the trace that lies on them, whole or as a sketch."""

from collections.abc import Sequence

from diamond_viewer.index.originals import Excerpt
from diamond_viewer.telemetry.model import Trace, TraceSummary
from diamond_viewer.telemetry.otlp_spans import decode_spans, sketch_spans
from diamond_viewer.telemetry.sketch import TraceSketch, distinct


def opened(summary: TraceSummary, lines: Sequence[Excerpt]) -> Trace:
    spans = [span for line in lines for span in decode_spans(line.read(), summary.trace_id)]
    if len(spans) != summary.span_count:  # a line was kept for its news, but repeats some spans of another
        spans = list({repr(span): span for span in spans}.values())
    return Trace(summary, tuple(spans))


def sketched(summary: TraceSummary, lines: Sequence[Excerpt]) -> TraceSketch:
    spans = [span for line in lines for span in sketch_spans(line.read(), summary.trace_id)]
    if len(spans) != summary.span_count:
        spans = distinct(spans)
    return TraceSketch(summary, tuple(spans))
