"""How the cluster is: parts, rows and bytes, lag of the newest span, replication, slow queries; as far as the user may know."""

from collections.abc import Sequence
from typing import Any

from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.layout import Layout, split_name
from diamond_viewer.clickhouse.selection import Extent
from diamond_viewer.telemetry.model import FeedState, Problem, SourceState

SLOW_MS = 1_000


def feed_state(cluster: Connection, extent: Extent | None, fault: ClusterError | None, layout: str) -> FeedState:
    """The cluster as a source: always read to the end, or not to be reached."""
    rows = extent.rows if extent else 0
    problems = (Problem("cluster", str(fault)),) if fault else ()
    name = f"{cluster.address}, {cluster.address.table}"
    source = SourceState(
        f"{name} ({layout})" if layout else name, "failed" if fault else "live", lines=rows, problems=problems
    )
    return FeedState(
        ready=True,
        lines=rows,
        last_line_ns=extent.last_ns if extent else 0,
        sources=(source,),
        notice=str(fault) if fault else "",
    )


def cluster_counters(cluster: Connection, layout: Layout) -> dict[str, int]:
    """Empty where the user may not look into the system's tables, or there are none of these."""
    database, table = split_name(cluster.address, cluster.address.table)
    named: dict[str, Any] = {"p0": database, "p1": table}
    is_table = "database = {p0:String} AND table = {p1:String}"
    counters: dict[str, int] = {}
    asked: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {
        ("cluster_parts", "cluster_rows", "cluster_bytes"): (
            f"SELECT count(), sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND {is_table}",
            named,
        ),
        ("cluster_replicas_behind_seconds", "cluster_replication_queue", "cluster_readonly_replicas"): (
            f"SELECT max(absolute_delay), max(queue_size), sum(is_readonly) FROM system.replicas WHERE {is_table}",
            named,
        ),
        ("cluster_slow_queries",): (
            "SELECT count() FROM system.query_log WHERE type = 'QueryFinish' AND event_time > now() - 3600 "
            "AND query_duration_ms > {p0:UInt32} AND has(tables, {p1:String})",
            {"p0": SLOW_MS, "p1": f"{database}.{table}"},
        ),
    }
    for names, (sql, parameters) in asked.items():
        counters |= dict(zip(names, _numbers(cluster, sql, parameters, len(names)), strict=True))
    return counters


def _numbers(cluster: Connection, sql: str, parameters: dict[str, Any], count: int) -> Sequence[int]:
    try:
        row = cluster.rows(sql, parameters)[0]
    except ClusterError:
        return [0] * count
    return [int(number or 0) for number in row]
