"""How the cluster is: parts, rows and bytes, replication, slow queries; as far as the user may know. Looked at now and then."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.expressions import CONTENT
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.selection import Asked, Extent
from diamond_viewer.telemetry.model import FeedState, Problem, SourceState

SLOW_MS = 1_000
COUNTERS = (
    *("cluster_parts", "cluster_bytes", "cluster_replica_delay_seconds", "cluster_replication_queue"),
    *("cluster_readonly_replicas", "cluster_slow_queries"),
)
MAX_AGE_S = 10.0
MAX_COST = 30  # counting again costs a thirtieth of the time, however long it takes
COUNTED_ROWS = 20_000_000  # of more, traces are counted approximately


def feed_state(cluster: Connection, extent: Extent | None, fault: ClusterError | None) -> FeedState:
    """The cluster as a source: always read to the end, or not to be reached."""
    address = cluster.address
    database, table = address.split(address.table)
    rows = extent.rows if extent else 0
    problems = (Problem(fault.kind, str(fault)),) if fault else ()
    source = SourceState(
        f"{address.scheme}://{address.named_hosts}/{database}.{table}",
        "failed" if fault else "live",
        lines=rows,
        problems=problems,
    )
    return FeedState(
        ready=True,
        lines=0 if fault else rows,
        last_line_ns=extent.last_ns if extent else 0,
        sources=(source,),
        notice=str(fault) if fault else "",
    )


class ClusterFigures:
    """What the health page says beside the rows. A figure that the user may not ask for, or that takes too long, is missing."""

    def __init__(self, store: Asked) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._asked = (-1, -1e9)
        self._took_s = 0.0
        self.traces = 0
        self.duplicate_spans = 0
        self.counters: Mapping[str, int] = {}

    def renew(self, version: int) -> None:
        asked_version, asked_s = self._asked
        is_first = asked_version < 0
        age_s = time.monotonic() - asked_s
        if not is_first and (version == asked_version or age_s < max(MAX_AGE_S, MAX_COST * self._took_s)):
            return
        if not self._lock.acquire(blocking=is_first):
            return
        try:
            if self._asked == (asked_version, asked_s):
                began_s = time.monotonic()
                self._count()
                self._asked = version, time.monotonic()
                self._took_s = time.monotonic() - began_s
        finally:
            self._lock.release()

    def _count(self) -> None:
        store = self._store
        rows = store.extent().rows
        distinct = "uniqExact" if rows <= COUNTED_ROWS else "uniqCombined"
        spans = f"uniqExact({store.layout.trace}, {CONTENT})" if rows <= COUNTED_ROWS else "count()"
        sql = (
            f"SELECT {distinct}({store.layout.trace}), count() - {spans} FROM {store.layout.spans} WHERE TraceId != ''"
        )
        self.traces, self.duplicate_spans = _numbers(store.cluster, sql, {}) or (0, 0)
        self.counters = self._system()

    def _system(self) -> Mapping[str, int]:
        address = self._store.cluster.address
        database, table = address.split(address.table)
        named = {"p0": database, "p1": table}
        is_table = "database = {p0:String} AND table = {p1:String}"
        asked: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {
            ("cluster_parts", "cluster_bytes"): (
                f"SELECT count(), sum(bytes_on_disk) FROM system.parts WHERE active AND {is_table}",
                named,
            ),
            ("cluster_replica_delay_seconds", "cluster_replication_queue", "cluster_readonly_replicas"): (
                # of a replica that never took anything the delay counts since 1970
                "SELECT maxIf(absolute_delay, NOT is_readonly), max(queue_size), sum(is_readonly) FROM system.replicas "
                f"WHERE {is_table} HAVING count() > 0",
                named,
            ),
            ("cluster_slow_queries",): (
                "SELECT count() FROM system.query_log WHERE type = 'QueryFinish' AND event_time > now() - 3600 "
                "AND query_duration_ms > {p0:UInt32} AND has(tables, {p1:String})",
                {"p0": SLOW_MS, "p1": f"{database}.{table}"},
            ),
        }
        counters: dict[str, int] = {}
        for names, (sql, parameters) in asked.items():
            counters |= dict(zip(names, _numbers(self._store.cluster, sql, parameters), strict=False))
        return counters


def _numbers(cluster: Connection, sql: str, parameters: dict[str, Any]) -> Sequence[int]:
    try:
        rows = cluster.rows(sql, parameters)
    except ClusterError:
        return ()
    return [int(number or 0) for number in rows[0]] if rows else ()
