"""The bench: whole traces out of the cluster, on which everything is worked out that no SQL can tell.

It is a small store of the same sort as the one in memory; whoever makes this store gives it one (``store.SpanBench``), so that
rules, names, causes and ways are told by the very same code.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.expressions import FAILED, is_of_kind
from diamond_viewer.clickhouse.selection import Asked, Selection
from diamond_viewer.clickhouse.spans import between, lines_where, span_lines
from diamond_viewer.query.query import Query
from diamond_viewer.store import SpanBench
from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_SERVER
from diamond_viewer.telemetry.otlp import LineError, decode_line

MakeBench = Callable[[], SpanBench]

MAX_SPANS_AT_ONCE = 200_000  # of one question
TELLING = f"(ParentSpanId = '' OR {FAILED} OR {is_of_kind(KIND_SERVER)} OR {is_of_kind(KIND_CONSUMER)})"
_ANY = Query(limit=1)


def laid_out(bench: SpanBench, lines: Iterable[bytes], first: int = 0) -> int:
    """Put the lines on the bench; the number of the next line."""
    for line in lines:
        try:
            bench.add(decode_line(line), first.to_bytes(16, "big"))
        except LineError:
            continue  # a row of a table that somebody else writes to
        first += 1
    bench.commit()
    return first


def examine(bench: SpanBench) -> None:
    """Hold everything that is on the bench against all rules."""
    while not bench.findings(_ANY, 0).is_complete:
        pass


def settle(bench: SpanBench, query: Query, now_ns: int) -> None:
    """Look everything on the bench through for what the query asks."""
    asks = replace(query, limit=1, page=1, anchor=None)
    while not bench.search(asks, now_ns).is_complete:
        pass


def whole(store: Asked, selection: Selection) -> Iterable[bytes]:
    """The lines of the selected traces. The caller sees to it that they are not too many."""
    return span_lines(store.cluster, store.layout, selection.trace_ids(), *selection.bounds_ns(), MAX_SPANS_AT_ONCE)


def outlines(store: Asked, selection: Selection, most: int) -> Iterable[bytes]:
    """At most so many spans of each selected trace: those that name it first, then those with events, then the earliest."""
    bound = Bound()
    where = (
        f"{bound.is_among('TraceId', selection.trace_ids())} AND {between(bound, *selection.bounds_ns())} "
        f"ORDER BY {TELLING} DESC, notEmpty(Events.Name) DESC, Timestamp LIMIT {most:d} BY TraceId"
    )
    return lines_where(store.cluster, store.layout, where, bound, MAX_SPANS_AT_ONCE)


def newest_within(selection: Selection, span_budget: int) -> int:
    """How many of the newest traces have no more spans than this together; one at least."""
    spent = selection.span_count.cumsum()
    return max(1, int(spent.searchsorted(span_budget, side="right"))) if len(selection) else 0
