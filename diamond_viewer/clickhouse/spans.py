"""Whole spans out of the cluster: the rows of some traces, as the lines that the collector would have written."""

from collections.abc import Iterator, Sequence

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.telemetry.otlp_rows import lines_of_spans, span_rows

IDS_AT_ONCE = 3_000
NS_PER_SECOND = 1_000_000_000
UNSAID = "Timestamp = fromUnixTimestamp64Nano(0)"
_COLUMNS = (  # in the order of ``otlp_rows.SpanRow``
    *("TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName", "ResourceAttributes"),
    *("ScopeName", "ScopeVersion", "SpanAttributes", "toUnixTimestamp64Nano(Timestamp)", "toInt64(Duration)"),
    *("StatusCode", "StatusMessage", "arrayMap(x -> toUnixTimestamp64Nano(x), Events.Timestamp)", "Events.Name"),
    *("Events.Attributes", "Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes"),
)
_MAY_BE_MISSING = {"TraceState": "''", "ScopeName": "''", "ScopeVersion": "''"}
_OF_EACH_LINK = {"Links.TraceState": "''", "Links.Attributes": "CAST(map(), 'Map(String, String)')"}


def span_lines(
    cluster: Connection, layout: Layout, trace_ids: Sequence[str], since_ns: int, until_ns: int, limit: int
) -> Iterator[bytes]:
    """Lines of the spans of these traces that begin in ``[since_ns, until_ns]``, at most ``limit`` spans."""
    for at in range(0, len(trace_ids), IDS_AT_ONCE):
        bound = Bound()
        chosen = bound.texts(trace_ids[at : at + IDS_AT_ONCE])
        where = f"TraceId IN {chosen} AND {between(bound, since_ns, until_ns)}"
        yield from lines_where(cluster, layout, where, bound, limit)


def lines_where(cluster: Connection, layout: Layout, where: str, bound: Bound, limit: int) -> Iterator[bytes]:
    columns = ", ".join(_column(layout, column) for column in _COLUMNS)
    # DISTINCT would be dear: what was written twice is told apart where it is decoded
    sql = f"SELECT {columns} FROM {layout.spans} WHERE {where} LIMIT {limit:d}"
    yield from lines_of_spans(span_rows(cluster.lines(sql, bound.parameters)))


def between(bound: Bound, since_ns: int, until_ns: int) -> str:
    """Rows that begin in the window, widened to whole seconds; and those that do not say when they begin."""
    since = max(0, since_ns // NS_PER_SECOND * NS_PER_SECOND)
    until = min(2**63 - 1, max(0, -(-until_ns // NS_PER_SECOND) * NS_PER_SECOND))
    high = f"Timestamp <= fromUnixTimestamp64Nano({bound.value(until)})"
    if not since:
        return high
    return f"(Timestamp >= fromUnixTimestamp64Nano({bound.value(since)}) AND {high} OR {UNSAID})"


def taken_apart(column: str) -> str:
    """Of a JSON column path, type and text of each value: written as JSON, a key that is the beginning of another would be
    lost."""
    triple = f"(p, JSONAllPathsWithTypes({column})[p], v)"
    return f"arrayMap((p, v) -> {triple}, JSONAllPaths({column}), JSONAllValues({column}))"


def _column(layout: Layout, column: str) -> str:
    """What an old or half-migrated table lacks is empty."""
    if layout.is_json and layout.has_json_values and column in layout.columns:
        if column in ("ResourceAttributes", "SpanAttributes"):
            return taken_apart(column)
        if column in ("Events.Attributes", "Links.Attributes"):
            return f"arrayMap(m -> {taken_apart('m')}, {column})"
    if column in layout.columns or "(" in column:
        return column
    if column in _OF_EACH_LINK:
        return f"arrayMap(x -> {_OF_EACH_LINK[column]}, Links.TraceId)"
    return _MAY_BE_MISSING.get(column, column)
