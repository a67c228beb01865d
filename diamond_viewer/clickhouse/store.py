"""ClickHouseStore: every question of ``TraceStore``, asked of a cluster. What is large is counted there, in SQL; what only
whole traces can tell is worked out on a bench, newest first, within bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from diamond_viewer.clickhouse import carried
from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.bench import MakeBench
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.opened import beginning_with, named
from diamond_viewer.clickhouse.selection import Selection
from diamond_viewer.clickhouse.told import ToldTraces
from diamond_viewer.clickhouse.watched import count_events
from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.query.over_time import count_flags, histogram_of, most_frequent, nearest_ranks, scatter_of
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.query.terms import Field
from diamond_viewer.store import Intervals
from diamond_viewer.telemetry.model import (
    FLAG_NAMES,
    Facets,
    Flag,
    Histogram,
    Page,
    Scatter,
    Stats,
    Trace,
    TraceSummary,
)
from diamond_viewer.telemetry.sketch import TraceSketch

__all__ = ["ClickHouseStore"]

FIELDS = ("service", "operation", "route", "http_status", "lesson", "user", "event")


class ClickHouseStore(ToldTraces):
    """Answers ``TraceStore``. ``make_bench`` gives an empty store for a few traces. Every question may raise ``StoreError``
    while the cluster cannot answer, and works again by itself when it can."""

    def __init__(self, address: Address, make_bench: MakeBench) -> None:
        super().__init__(Connection(address), make_bench)

    def search(self, query: Query, now_ns: int) -> Page:
        version = self.version()
        found = self._selected(query, now_ns, "search")
        if query.sort in ("spans", "errors"):
            found = self._marked.once(found)
        listed = found if query.anchor is None else found.chosen(_is_at_or_below(found, query.anchor))
        figures = {"duration": listed.durations, "spans": listed.span_count, "errors": listed.error_count}
        if query.sort in figures:
            listed = listed.chosen(np.argsort(-figures[query.sort], kind="stable"))
        first = (query.page - 1) * query.limit
        page = listed.chosen(np.arange(min(first, len(listed)), min(first + query.limit, len(listed))))
        return Page(
            self._rows.of(page),
            len(found),
            version,
            len(found) - len(listed),
            found.is_complete,
            found.scanned_to_ns,
        )

    def trace(self, trace_id: str) -> Trace | None:
        bench = self._opened.of(trace_id, self._pulse.version())
        return bench.trace(trace_id) if bench else None

    def sketch(self, trace_id: str) -> TraceSketch | None:
        bench = self._opened.of(trace_id, self._pulse.version())
        return bench.sketch(trace_id) if bench else None

    def sketches(self, trace_ids: Sequence[str]) -> dict[str, TraceSketch]:
        return self._opened.sketches(trace_ids, self._pulse.version())

    def summary(self, trace_id: str) -> TraceSummary | None:
        bench = self._opened.of(trace_id, self._pulse.version())
        return bench.summary(trace_id) if bench else None

    def beginning_with(self, digits: str, limit: int) -> tuple[TraceSummary, ...]:
        found = beginning_with(self, digits)
        return tuple(self._rows.of(found.chosen(np.arange(min(limit, len(found))))))

    def left_ns(self, trace_id: str) -> int:
        """What a cluster lets go (TTL) it does not remember."""
        return 0

    def stats(self, query: Query, now_ns: int) -> Stats:
        found = self._selected(query, now_ns, "stats")
        if not len(found):
            flags = dict.fromkeys(FLAG_NAMES, 0)
            return Stats(flags=flags, is_complete=found.is_complete, scanned_to_ns=found.scanned_to_ns)
        flags, written, failed_users = self.cluster.together(
            lambda: self._flags(found), lambda: self._marked.events(found), lambda: self._count_failed_users(found)
        )
        events = carried.event_counts(self, written, self._marked.repeated(found))
        found = self._marked.once(found)
        counts = count_flags([flags])
        p50_ns, p95_ns, p99_ns = nearest_ranks(found.durations, (50, 95, 99))
        figures = Stats(
            traces=len(found),
            spans=int(found.span_count.sum()),
            error_traces=counts["error"],
            error_spans=int(found.error_count.sum()),
            auth_failure_traces=counts["auth-failure"],
            auth_failure_users=failed_users,
            slow_traces=counts["slow"],
            slow_db_traces=counts["slow-db"],
            p50_ns=p50_ns,
            p95_ns=p95_ns,
            p99_ns=p99_ns,
            first_start_ns=int(found.starts.min()),
            last_start_ns=int(found.starts.max()),
            events=events,
            flags=counts,
            is_complete=found.is_complete,
            scanned_to_ns=found.scanned_to_ns,
        )
        self._examined.glance(found)  # last, so that it takes nothing from this answer; the next has it
        return figures

    def _count_failed_users(self, found: Selection) -> int:
        failed = found.chosen((self._flags(found, Flag.AUTH_FAILURE) & Flag.AUTH_FAILURE) > 0)
        return carried.count_users(self, replace(failed, is_exact=False))

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        found = self._selected(query, now_ns, "histogram")
        return histogram_of(found.starts, self._flags(found, Flag.AUTH_FAILURE), query.window(now_ns), now_ns, buckets)

    def scatter(self, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
        found = self._selected(query, now_ns, "scatter")
        window = query.window(now_ns)
        return scatter_of(
            found.starts, found.durations, self._flags(found, Flag.AUTH_FAILURE), window, now_ns, columns, rows
        )

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        found = self._selected(query, now_ns, "facets")
        most = self.cluster.together(
            *(lambda name=name: carried.most_carried(self, found, name, limit) for name in FIELDS),
            lambda: self._flags(found),
        )
        counts = count_flags([most[-1]])
        self._examined.glance(found)
        statuses = {"error": counts["error"], "ok": len(found) - counts["error"]}
        return Facets(
            status=most_frequent(statuses, limit),
            flag=most_frequent(counts, limit),
            finding=most_frequent(self._examined.rules(found), limit),
            **dict(zip(FIELDS, most, strict=False)),
        )

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        self.version()
        return carried.values_containing(self, Field(field), text, limit)

    def diagnoses(self, trace_ids: Sequence[str], span_budget: int) -> dict[str, Diagnosis]:
        ids = list(dict.fromkeys(trace_ids))
        if not ids:
            return {}
        found = named(self, ids)
        within = np.cumsum(np.where(self._examined.is_known(found), 0, found.span_count)) <= span_budget
        return self._examined.diagnose(found.chosen(within | self._examined.is_known(found)))

    def count_events(self, name: str, intervals: Intervals) -> Mapping[str, tuple[int, ...]]:
        return count_events(self, name, intervals)


def _is_at_or_below(found: Selection, anchor: Anchor) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    first, second = (np.uint64(int(half, 16)) for half in (anchor.trace_id[:16], anchor.trace_id[16:]))
    firsts, seconds = found.first.byteswap(), found.second.byteswap()
    same = (found.starts == anchor.start_ns) & ((firsts > first) | ((firsts == first) & (seconds >= second)))
    is_below: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (found.starts < anchor.start_ns) | same
    return is_below
