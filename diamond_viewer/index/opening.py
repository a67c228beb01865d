"""Lines of originals -> the trace that lies on them, whole or as a sketch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from diamond_viewer.index.originals import Excerpt
from diamond_viewer.telemetry.model import ForeignLink, Trace, TraceSummary
from diamond_viewer.telemetry.otlp_links import foreign_links
from diamond_viewer.telemetry.otlp_logs import sketch_logs
from diamond_viewer.telemetry.otlp_spans import decode_spans, sketch_spans_among
from diamond_viewer.telemetry.sketch import LogSketch, SpanSketch, TraceSketch, distinct

MAX_LINK_LINES = 200  # of other traces that link to one: a trace that everything links to must open all the same


@dataclass(frozen=True, slots=True)
class TraceLines:
    """A trace, and the lines that hold its ``spans``, its ``logs``, and spans elsewhere that link to it."""

    summary: TraceSummary
    spans: Sequence[Excerpt]
    logs: Sequence[Excerpt]
    links: Sequence[Excerpt]


def opened(lines: TraceLines) -> Trace:
    summary = lines.summary
    spans = [span for text in read_each(lines.spans) for span in decode_spans(text, summary.trace_id)]
    if len(spans) != summary.span_count:  # a line was kept for its news, but repeats some spans of another
        spans = list({repr(span): span for span in spans}.values())
    return Trace(summary, tuple(spans), tuple(log.whole() for log in _logs(lines)))


def sketched(wanted: Sequence[TraceLines]) -> list[TraceSketch]:
    """Each line is decoded once, however many of the traces lie on it. A trace that is wanted alone will be kept a while."""
    spans: dict[str, list[SpanSketch]] = {lines.summary.trace_id: [] for lines in wanted}
    for _, text, trace_ids in read_shared((lines.summary.trace_id, lines.spans) for lines in wanted):
        for trace_id, span in sketch_spans_among(text, trace_ids, apart=len(wanted) == 1):
            spans[trace_id].append(span)
    return [_sketched(lines, spans[lines.summary.trace_id]) for lines in wanted]


def _sketched(lines: TraceLines, spans: list[SpanSketch]) -> TraceSketch:
    if len(spans) != lines.summary.span_count:
        spans = distinct(spans)
    return TraceSketch(lines.summary, tuple(spans), _logs(lines), _links(lines))


def read_shared(wanted: Iterable[tuple[str, Iterable[Excerpt]]]) -> Iterator[tuple[Excerpt, bytes, set[str]]]:
    """Every line that some trace (an id) lies on, once, with its text, and which do; neighbours in one block together."""
    on_line: dict[tuple[int, int], tuple[Excerpt, set[str]]] = {}
    for trace_id, lines in wanted:
        for line in lines:
            on_line.setdefault(line.place, (line, set()))[1].add(trace_id)
    in_order = [on_line[place] for place in sorted(on_line)]
    texts = read_each([line for line, _ in in_order])
    yield from ((line, text, trace_ids) for text, (line, trace_ids) in zip(texts, in_order, strict=True))


def read_each(lines: Sequence[Excerpt]) -> Iterable[bytes]:
    """Neighbours often share a block: it is decompressed once."""
    block, last = b"", None
    for line in lines:
        if last is None or not line.shares_block_with(last):
            block, last = line.read_block(), line
        yield line.cut(block)


def _logs(lines: TraceLines) -> tuple[LogSketch, ...]:
    found: dict[int, LogSketch] = {}
    for text in read_each(lines.logs):
        for mark, log in sketch_logs(text, lines.summary.trace_id):
            found.setdefault(mark, log)
    return tuple(found.values())


def _links(lines: TraceLines) -> tuple[ForeignLink, ...]:
    texts = read_each(lines.links[-MAX_LINK_LINES:])
    return tuple(dict.fromkeys(link for text in texts for link in foreign_links(text, lines.summary.trace_id)))
