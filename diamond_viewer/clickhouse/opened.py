"""Single traces: all spans, log records and links from elsewhere that belong to one id, laid out for its page."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from diamond_viewer.clickhouse.bench import MakeBench, examine, laid_out
from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.logs import log_lines
from diamond_viewer.clickhouse.selection import Asked, Selection, columns_of, counted, grouped_traces, ordered
from diamond_viewer.clickhouse.spans import between, lines_where
from diamond_viewer.store import SpanBench

MAX_KEPT = 24
MAX_SPANS = 300_000  # of one trace
MAX_BACKLINKS = 200
MAX_ALIKE = 1_000  # traces whose ids begin alike
EXAMINED_SPANS = 20_000
AROUND_NS = 3_600_000_000_000  # links from elsewhere are looked for so long before and after a trace


class OpenedTraces:
    def __init__(self, store: Asked, make_bench: MakeBench) -> None:
        self._store, self._make_bench = store, make_bench
        self._kept: OrderedDict[str, tuple[int, SpanBench | None]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, trace_id: str, version: int) -> SpanBench | None:
        """A bench with this trace; None when there is no such trace. Raises ``ClusterError``."""
        with self._lock:
            kept = self._kept.get(trace_id)
            if kept is not None and kept[0] == version:
                self._kept.move_to_end(trace_id)
                return kept[1]
        bench = self._laid_out(trace_id)
        with self._lock:
            self._kept[trace_id] = version, bench
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return bench

    def _laid_out(self, trace_id: str) -> SpanBench | None:
        layout, cluster = self._store.layout, self._store.cluster
        bound = Bound()
        where = f"TraceId = {bound.value(trace_id)} AND {self._when(trace_id, bound)}"
        lines = list(lines_where(cluster, layout, where, bound, MAX_SPANS))
        if not lines:
            return None
        bench = self._make_bench()
        line = laid_out(bench, lines)
        row = bench.summary(trace_id)
        if row is None:
            return None
        start_ns, end_ns = row.start_ns, row.start_ns + row.duration_ns
        line = laid_out(bench, log_lines(cluster, layout, trace_id, start_ns, end_ns), line)
        laid_out(bench, self._linking(trace_id, start_ns, end_ns), line)
        if row.span_count <= EXAMINED_SPANS:
            examine(bench)
        return bench

    def _when(self, trace_id: str, bound: Bound) -> str:
        """When it was, by the lookup table if there is one: it has a row for each block that was inserted."""
        lookup = self._store.layout.lookup
        if not lookup:
            return "true"
        own = Bound()
        sql = (
            f"SELECT count(), toInt64(toUnixTimestamp(min(Start))), toInt64(toUnixTimestamp(max(End))) FROM {lookup} "
            f"WHERE TraceId = {own.value(trace_id)}"
        )
        count, start_s, end_s = self._store.cluster.rows(sql, own.parameters)[0]
        if not count:
            return "true"  # the lookup may be younger than the trace
        return between(bound, start_s * 1_000_000_000, (end_s + 1) * 1_000_000_000)

    def _linking(self, trace_id: str, start_ns: int, end_ns: int) -> Sequence[bytes]:
        bound = Bound()
        near = between(bound, start_ns - AROUND_NS, end_ns + AROUND_NS)
        linked = bound.value(trace_id)
        where = f"{near} AND has(Links.TraceId, {linked}) AND TraceId != {linked}"
        return list(lines_where(self._store.cluster, self._store.layout, where, bound, MAX_BACKLINKS))


def beginning_with(store: Asked, digits: str) -> Selection:
    """The traces whose ids begin with the digits, as ``TraceStore.beginning_with`` has it; of very many any ``MAX_ALIKE``. The
    lookup table is sorted by id; without one every id of the table of spans is looked at."""
    for table in filter(None, (store.layout.lookup, store.layout.spans)):
        bound = Bound()
        same = f" OR TraceId = {bound.value(digits.rjust(32, '0'))}" if len(digits) <= 16 else ""
        begins = f"startsWith(TraceId, {bound.value(digits)}){same}"
        rows = store.cluster.rows(
            f"SELECT DISTINCT TraceId FROM {table} WHERE {begins} LIMIT {MAX_ALIKE}", bound.parameters
        )
        # the lookup may be younger than the trace, or remember one that is gone
        if rows and len(found := named(store, [str(row[0]) for row in rows])):
            return ordered(found)
    return named(store, [])


def named(store: Asked, trace_ids: Sequence[str]) -> Selection:
    """The traces with these ids, those that there are."""
    bound = Bound()
    grouped, _ = grouped_traces(store, (), bound, rows=bound.is_among("TraceId", list(trace_ids)))
    return counted(store, (), columns_of(grouped), bound)
