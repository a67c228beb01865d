"""Log records out of the cluster: those of a trace, and those that somebody searches for."""

from collections.abc import Iterator
from dataclasses import replace

from diamond_viewer.clickhouse.bench import MakeBench, laid_out
from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.expressions import Row
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.clickhouse.selection import Asked
from diamond_viewer.clickhouse.spans import NS_PER_SECOND, between, taken_apart
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.store import SpanBench
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.otlp_rows import lines_of_logs
from diamond_viewer.telemetry.severity import lowest_number

MAX_OF_TRACE = 20_000
MAX_SEARCHED = 20_000  # of a question; the newest
AROUND_NS = 60 * NS_PER_SECOND  # records of a trace are written so long before and after its spans
_COLUMNS = (  # in the order of ``otlp_rows.LogRow``
    *("TraceId", "SpanId", "TraceFlags", "toUnixTimestamp64Nano(Timestamp)", "SeverityText", "SeverityNumber"),
    *("ServiceName", "Body", "ResourceAttributes", "ScopeName", "ScopeVersion", "ScopeAttributes", "LogAttributes"),
)


def log_lines(cluster: Connection, layout: Layout, trace_id: str, start_ns: int, end_ns: int) -> Iterator[bytes]:
    """The lines of a trace's records."""
    if not layout.logs:
        return
    bound = Bound()
    where = f"TraceId = {bound.value(trace_id)} AND {_when(layout, bound, start_ns - AROUND_NS, end_ns + AROUND_NS)}"
    yield from _lines(cluster, layout, where, bound, MAX_OF_TRACE)


def search_logs(store: Asked, make_bench: MakeBench, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
    """See ``TraceStore.logs``: among the newest records that the cluster lets through."""
    layout = store.layout
    if not layout.logs:
        return FoundLogs()
    bound = Bound()
    bench = make_bench()
    lines = list(_lines(store.cluster, layout, _narrowed(layout, query, now_ns, bound), bound, MAX_SEARCHED + 1))
    laid_out(bench, lines)
    found = _asked(bench, replace(query, user="", lesson=""), now_ns, buckets)
    held = sum(line.count(b'"eventName":') for line in lines)
    if held <= MAX_SEARCHED:
        return found
    oldest_ns = min((log.time_ns for log in _asked(bench, LogQuery(limit=1), now_ns, 1).logs), default=0)
    first_ns = found.histogram.start_ns or oldest_ns
    return replace(found, scanned_to_ns=max(1, first_ns))  # that is all that is looked at: asking again brings no more


def _asked(bench: SpanBench, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
    while not (found := bench.logs(query, now_ns, buckets)).is_complete:
        pass
    return found


def _narrowed(layout: Layout, query: LogQuery, now_ns: int, bound: Bound) -> str:
    """All records that can match: what the words decide is decided later, and the severity's text where there is no number."""
    window = query.window(now_ns)
    parts = [_when(layout, bound, window.since_ns or 0, 2**63 - 1 if window.until_ns is None else window.until_ns)]
    if query.least_level:
        of_level = f"SeverityNumber >= {bound.value(lowest_number(query.least_level))}"
        parts.append(f"({of_level} OR (SeverityNumber <= 0 AND SeverityText != ''))")
    if query.service:
        parts.append(f"ServiceName = {bound.value(query.service)}")
    if query.trace:
        parts.append(f"TraceId = {bound.value(query.trace)}")
    for value, keys, column in (
        (query.user, semconv.carried_keys().user, "users"),
        (query.lesson, semconv.carried_keys().lesson, "lessons"),
    ):
        if value:
            said = bound.value(value)
            own = " OR ".join(f"{_said(layout, key, bound)} = {said}" for key in keys)
            people = getattr(Row(layout, bound), column)
            theirs = f"SELECT TraceId FROM {layout.spans} WHERE has({people}, {said})"
            parts.append(f"({own} OR (TraceId != '' AND TraceId {layout.among} ({theirs})))")
    for word in query.words:
        if word.is_wanted and not layout.is_json and "=" not in word.folded:
            part = bound.value(word.folded)
            texts = "Body, SeverityText, TraceId, SpanId, arrayStringConcat(mapValues(LogAttributes), '\\n'), "
            texts += "arrayStringConcat(mapKeys(LogAttributes), '\\n')"
            name = ", EventName" if "EventName" in layout.log_columns else ""
            parts.append(f"position(lowerUTF8(concatWithSeparator('\\n', {texts}{name})), {part}) > 0")
    return " AND ".join(parts)


def _column(layout: Layout, column: str) -> str:
    is_json = layout.log_columns.get(column, "").startswith("JSON")
    return taken_apart(column) if is_json and layout.has_json_values else column


def _said(layout: Layout, key: str, bound: Bound) -> str:
    if layout.log_columns.get("LogAttributes", "").startswith("JSON"):
        return f"ifNull(toString(getSubcolumn(LogAttributes, {bound.value(key)})), '')"
    return f"LogAttributes[{bound.value(key)}]"


def _when(layout: Layout, bound: Bound, since_ns: int, until_ns: int) -> str:
    """A condition on time, also in the words of what the table may be sorted by."""
    exact = between(bound, since_ns, until_ns)
    if since_ns <= 0:
        return exact
    low = bound.value(since_ns // NS_PER_SECOND * NS_PER_SECOND)
    coarse = "TimestampTime" if "TimestampTime" in layout.log_columns else "toStartOfFiveMinutes(Timestamp)"
    of_low = f"toDateTime(fromUnixTimestamp64Nano({low}))"
    return f"{exact} AND {coarse} >= {of_low if 'TimestampTime' in layout.log_columns else f'toStartOfFiveMinutes({of_low})'}"


def _lines(cluster: Connection, layout: Layout, where: str, bound: Bound, limit: int) -> Iterator[bytes]:
    name = "EventName" if "EventName" in layout.log_columns else "''"
    sql = (
        f"SELECT {', '.join(_column(layout, column) for column in _COLUMNS)}, {name} FROM {layout.logs} "
        f"WHERE {where} ORDER BY Timestamp DESC LIMIT {limit:d}"
    )
    yield from lines_of_logs(cluster.lines(sql, bound.parameters))
