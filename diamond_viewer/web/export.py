"""The whole result of a query as a file: CSV, NDJSON or OTLP/JSON, made while it is sent."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from typing import Any

import orjson

from diamond_viewer.answers.traces import trace_row
from diamond_viewer.query.query import MAX_LIMIT, Anchor, Query
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.otlp_json import stream_traces

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, "CSV Injection"


@dataclass(frozen=True, slots=True)
class Format:
    """``pieces`` makes bytes of the rows as they come."""

    name: str
    mimetype: str
    extension: str
    pieces: Callable[[TraceStore, Iterator[TraceSummary]], Iterator[bytes]]


def rows_of(store: TraceStore, query: Query, now_ns: int, most: int | None) -> Iterator[TraceSummary]:
    """Every match, or the first ``most``, in the order of the list. What comes in meanwhile is not in it."""
    return islice(_pages(store, replace(query, limit=MAX_LIMIT, page=1), now_ns), most)


def neutralised(text: str) -> str:
    """What a spreadsheet would take for a formula, as text.

    >>> [neutralised(text) for text in ("=1+1", "GET /", "-2", "@x", "")]
    ["'=1+1", 'GET /', "'-2", "'@x", '']
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _pages(store: TraceStore, query: Query, now_ns: int) -> Iterator[TraceSummary]:
    first = replace(query, limit=1, sort=DEFAULT_ORDER)
    while not (page := store.search(first, now_ns)).is_complete:
        pass  # each time further back; a file that ends where the search happened to be would be taken for the whole
    newest = page.traces
    if not newest:
        return
    query = replace(query, anchor=Anchor(newest[0].start_ns, newest[0].trace_id))
    while True:
        page = store.search(query, now_ns)
        yield from page.traces
        if len(page.traces) < query.limit:
            return
        query = replace(query, page=query.page + 1)


def _csv(store: TraceStore, rows: Iterator[TraceSummary]) -> Iterator[bytes]:
    page = StringIO()
    writer = csv.writer(page)
    columns = list(trace_row(_NOTHING))
    writer.writerow(columns)
    for row in rows:
        written = trace_row(row)
        writer.writerow([_cell(written[column]) for column in columns])
        yield page.getvalue().encode(errors="replace")
        page.seek(0)
        page.truncate()
    yield page.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return neutralised(" ".join(map(str, value)))
    return neutralised(value) if isinstance(value, str) else str(value)


def _ndjson(store: TraceStore, rows: Iterator[TraceSummary]) -> Iterator[bytes]:
    for row in rows:
        yield orjson.dumps(trace_row(row)) + b"\n"


def _otlp(store: TraceStore, rows: Iterator[TraceSummary]) -> Iterator[bytes]:
    """One document of all traces; a trace that is gone meanwhile is left out."""
    held = (store.trace(row.trace_id) for row in rows)
    return stream_traces(trace for trace in held if trace is not None)


_NOTHING = TraceSummary("", "", "", (), 0, 0, 0, 0, 0, (), (), 0)

FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        Format("csv", "text/csv", "csv", _csv),
        Format("ndjson", "application/x-ndjson", "ndjson", _ndjson),
        Format("otlp", "application/json", "json", _otlp),
    )
}
