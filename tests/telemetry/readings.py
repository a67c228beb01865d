"""What ``decode_line`` read and what plain loops read, in one form: a set of spans that can be compared."""

from collections.abc import Iterable

from diamond_viewer.telemetry.model import Span
from diamond_viewer.telemetry.otlp import Batch, decode_line
from tests.plain_otlp import read_documents, read_spans

MAX_TIME_NS = 2**63 - 1  # what a batch counts to; the original keeps all

Reading = tuple[object, ...]  # ids, parent, name, service, kind, start, end, status, event names and times


def rows_of(batch: Batch) -> list[Reading]:
    """The columns of a batch as rows."""
    events: dict[int, list[tuple[str, int]]] = {}
    for event in batch.events:
        events.setdefault(event.row, []).append((event.name, event.time_ns))
    return [
        (
            batch.trace_ids[16 * row : 16 * row + 16].hex(),
            batch.span_ids[8 * row : 8 * row + 8].hex(),
            batch.parent_ids[8 * row : 8 * row + 8].hex().replace("0" * 16, ""),
            batch.names[row],
            batch.services[row],
            batch.kinds[row],
            batch.start_ns[row],
            batch.end_ns[row],
            batch.status_codes[row],
            tuple(events.get(row, ())),
        )
        for row in range(batch.span_count)
    ]


def row_of_span(span: Span) -> Reading:
    return (
        span.trace_id,
        span.span_id,
        span.parent_id,
        span.name,
        span.service,
        span.kind,
        span.start_ns if span.start_ns <= MAX_TIME_NS else 0,
        span.end_ns if span.end_ns <= MAX_TIME_NS else 0,
        span.status_code,
        tuple((event.name, event.time_ns) for event in span.events),
    )


def decoded(lines: Iterable[bytes]) -> set[Reading]:
    return {row for line in lines for row in rows_of(decode_line(line))}


def read_plainly(lines: Iterable[bytes]) -> set[Reading]:
    return {row_of_span(span) for line in lines for wire in read_documents(line) for span in read_spans(wire)}
