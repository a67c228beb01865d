"""What ``tail`` writes when it looks."""

import time
from collections.abc import Iterable
from typing import Protocol

import orjson

from diamond_viewer.answers.spans import span_row
from diamond_viewer.answers.traces import trace_row
from diamond_viewer.cli.following import REST_S, Followed, Remembered, trace_ids_of
from diamond_viewer.cli.output import SERVICE_COLOURS, Output
from diamond_viewer.cli.questions import examined, matching
from diamond_viewer.cli.trace_line import stamp, trace_line
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import STATUS_ERROR, Span, TraceSummary
from diamond_viewer.telemetry.otlp_spans import decode_spans_among
from diamond_viewer.telemetry.units import format_duration


class Teller(Protocol):
    """``told`` counts what was written."""

    store: MemoryStore
    told: int

    def begin(self, last: int) -> None:
        """Tell the last so many of what has been read already; nothing else of it."""
        ...

    def tell(self, is_over: bool = False) -> None:
        """Tell what is due; everything, if no more will come."""
        ...


class TraceTeller:
    def __init__(self, store: MemoryStore, followed: Followed, query: Query, output: Output, *, is_json: bool) -> None:
        self.store = store
        self.told = 0
        self._followed, self._query, self._output, self._is_json = followed, query, output, is_json

    def begin(self, last: int) -> None:
        self._followed.take_batches()
        self._write(_newest(self.store, self._query, self._followed.take_rested(0), last))

    def tell(self, is_over: bool = False) -> None:
        self._followed.take_batches()
        if rested := self._followed.take_rested(0 if is_over else REST_S):
            self._write(matching(self.store, self._query, rested, time.time_ns()))

    def _write(self, traces: Iterable[TraceSummary]) -> None:
        ordered = sorted(traces, key=lambda summary: (summary.start_ns, summary.trace_id))
        for summary in examined(self.store, ordered):
            self.told += 1
            if self._is_json:
                self._output.json(orjson.dumps(trace_row(summary)))
            else:
                self._output.line(trace_line(summary, self._output))
        self._output.flush()


class SpanTeller:
    def __init__(self, store: MemoryStore, followed: Followed, query: Query, output: Output, *, is_json: bool) -> None:
        self.store = store
        self.told = 0
        self._followed, self._query, self._output, self._is_json = followed, query, output, is_json
        self._matched = Remembered()
        self._written = Remembered()

    def begin(self, last: int) -> None:
        trace_ids = sorted({trace_id for batch in self._followed.take_batches() for trace_id in trace_ids_of(batch)})
        self._followed.take_rested(0)
        self._write_whole(_newest(self.store, self._query, trace_ids, last))

    def tell(self, is_over: bool = False) -> None:
        self._followed.take_rested(0)
        batches = self._followed.take_batches()
        if not batches:
            return
        trace_ids = sorted({trace_id for batch in batches for trace_id in trace_ids_of(batch)})
        begun = [trace_id for trace_id in trace_ids if trace_id not in self._matched]
        now_ns = time.time_ns()
        self._write_whole(sorted(matching(self.store, self._query, begun, now_ns), key=lambda row: row.start_ns))
        wanted = {trace_id for trace_id in trace_ids if trace_id in self._matched}
        for batch in batches:
            self._write(decode_spans_among(batch.original, wanted))

    def _write_whole(self, traces: Iterable[TraceSummary]) -> None:
        """Of a trace that matches from now on, also what came before it did."""
        for summary in traces:
            self._matched.add(summary.trace_id)
            if trace := self.store.trace(summary.trace_id):
                self._write(sorted(trace.spans, key=lambda span: (span.start_ns, span.end_ns)))

    def _write(self, spans: Iterable[Span]) -> None:
        for span in spans:
            if not self._written.add((span.trace_id, span.span_id, span.start_ns, span.end_ns, span.name)):
                continue
            self.told += 1
            if self._is_json:
                self._output.json(orjson.dumps(span_row(span)))
            else:
                self._output.line(span_line(span, self._output))
        self._output.flush()


def span_line(span: Span, output: Output) -> str:
    """When, how long, what, where, what failed, whose, and its ids."""
    has_failed = span.status_code == STATUS_ERROR
    message = " ".join(span.status_message.split())
    parts = (
        output.paint(stamp(span.start_ns), "grey"),
        output.paint(f"{format_duration(span.duration_ns):>9}", "red" if has_failed else "green"),
        output.paint(span.name or "(no name)", "bold"),
        output.paint(span.service, SERVICE_COLOURS[0]),
        output.paint(f"error: {message}".rstrip(": ") if has_failed else "", "red"),
        *(output.paint(one) for one in (*semconv.users_of(span.attributes), *semconv.lessons_of(span.attributes))),
        output.paint(f"trace {span.trace_id} span {span.span_id}", "grey"),
    )
    return "  ".join(part for part in parts if part)


def _newest(store: MemoryStore, query: Query, trace_ids: list[str], count: int) -> list[TraceSummary]:
    """Of the traces that match the last ``count`` that began, oldest first."""
    rows = sorted(matching(store, query, trace_ids, time.time_ns()), key=lambda row: (row.start_ns, row.trace_id))
    return rows[-count:] if count else []
