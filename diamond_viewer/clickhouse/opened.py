"""Single traces: all spans, log records and links from elsewhere that belong to one id, laid out for its page."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from diamond_viewer.clickhouse.bench import MakeBench, examine, laid_out
from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.logs import log_lines
from diamond_viewer.clickhouse.selection import (
    MAX_TIME_NS,
    Asked,
    Selection,
    columns_of,
    counted,
    grouped_traces,
    ordered,
)
from diamond_viewer.clickhouse.spans import IDS_AT_ONCE, NS_PER_SECOND, between, lines_where, span_lines
from diamond_viewer.store import SpanBench
from diamond_viewer.telemetry.sketch import TraceSketch

MAX_KEPT = 24
MAX_SPANS = 300_000  # of one trace
MAX_BACKLINKS = 200
MAX_ALIKE = 1_000  # traces whose ids begin alike
EXAMINED_SPANS = 20_000
AROUND_NS = 3_600_000_000_000  # links from elsewhere are looked for so long before and after a trace, ...
LINKING_SPANS = 4_000_000  # ... or among about so many spans: no index helps to find them
ENDS_NS = 10_000_000_000  # a trace ends so long after its last span has begun, unless its spans say otherwise


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

    def sketches(self, trace_ids: Sequence[str], version: int) -> dict[str, TraceSketch]:
        """The spans of several traces, asked for at once; without what is attached to them from elsewhere."""
        with self._lock:
            kept = {one: self._kept[one][1] for one in trace_ids if self._kept.get(one, (-1, None))[0] == version}
        benches: dict[str, SpanBench | None] = dict(kept)
        missing = [trace_id for trace_id in dict.fromkeys(trace_ids) if trace_id not in kept]
        for at in range(0, len(missing), IDS_AT_ONCE):
            portion = missing[at : at + IDS_AT_ONCE]
            since_ns, until_ns = self._begun(portion) or (0, MAX_TIME_NS)
            bench = self._make_bench()
            laid_out(bench, span_lines(self._store.cluster, self._store.layout, portion, since_ns, until_ns, MAX_SPANS))
            benches |= dict.fromkeys(portion, bench)
        return {
            trace_id: found
            for trace_id, bench in benches.items()
            if bench is not None and (found := bench.sketch(trace_id)) is not None
        }

    def _laid_out(self, trace_id: str) -> SpanBench | None:
        together = self._store.cluster.together
        begun = self._begun([trace_id])
        beside: list[Sequence[bytes]] | None = None
        if begun is None or not begun[0]:  # what belongs to it can only be asked for when its spans are known
            lines = self._spans(trace_id, begun)
        else:
            since_ns, until_ns = begun[0], begun[1] + ENDS_NS
            lines, *beside = together(lambda: self._spans(trace_id, begun), *self._beside(trace_id, since_ns, until_ns))
        if not lines:
            return None
        bench = self._make_bench()
        line = laid_out(bench, lines)
        row = bench.summary(trace_id)
        if row is None:
            return None
        start_ns, end_ns = row.start_ns, row.start_ns + row.duration_ns
        if beside is None or not since_ns <= start_ns <= end_ns <= until_ns:
            beside = together(*self._beside(trace_id, start_ns, end_ns))
        for belonging in beside:
            line = laid_out(bench, belonging, line)
        if row.span_count <= EXAMINED_SPANS:
            examine(bench)
        return bench

    def _begun(self, trace_ids: Sequence[str]) -> tuple[int, int] | None:
        """When the first and the last of their spans began (ns, in whole seconds around them), by the lookup table: it has a
        row for each block that was inserted. None when it does not know all of them: it may be younger than a trace."""
        lookup = self._store.layout.lookup
        if not lookup:
            return None
        own = Bound()
        sql = (
            f"SELECT uniqExact(TraceId), toInt64(toUnixTimestamp(min(Start))), toInt64(toUnixTimestamp(max(End))) "
            f"FROM {lookup} WHERE TraceId IN {own.texts(trace_ids)}"
        )
        count, start_s, end_s = self._store.cluster.rows(sql, own.parameters)[0]
        return (start_s * NS_PER_SECOND, (end_s + 1) * NS_PER_SECOND) if count == len(trace_ids) else None

    def _spans(self, trace_id: str, begun: tuple[int, int] | None) -> list[bytes]:
        bound = Bound()
        where = f"TraceId = {bound.value(trace_id)} AND {between(bound, *begun) if begun else 'true'}"
        return list(lines_where(self._store.cluster, self._store.layout, where, bound, MAX_SPANS))

    def _beside(self, trace_id: str, start_ns: int, end_ns: int) -> tuple[Callable[[], Sequence[bytes]], ...]:
        """Questions for what belongs to a trace of this time: its log records, and the spans that link to it."""
        cluster, layout = self._store.cluster, self._store.layout
        return (
            lambda: list(log_lines(cluster, layout, trace_id, start_ns, end_ns)),
            lambda: self._linking(trace_id, start_ns, end_ns),
        )

    def _linking(self, trace_id: str, start_ns: int, end_ns: int) -> Sequence[bytes]:
        bound = Bound()
        around_ns = min(AROUND_NS, int(LINKING_SPANS / 2 / self._store.extent().density))
        near = between(bound, start_ns - around_ns, end_ns + around_ns)
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
