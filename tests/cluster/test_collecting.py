"""The same telemetry, once through a real collector with a clickhouse exporter, once through files and ``import``."""

import json
from pathlib import Path
from typing import Any

from tests.clickhouse.schema import METRICS, Schema
from tests.clickhouse.server import Node
from tests.cluster.collecting import collecting
from tests.cluster.importing import REAL, NodeSession, load
from tests.cluster.viewing import PAGES, QUESTIONS, viewing
from tests.receive.viewing import wait_until
from tests.test_app import viewer

TABLES = {
    "otel_traces": "TraceId, SpanId",
    "otel_logs": "TraceId, SpanId, Timestamp, Body",
    "otel_metrics_gauge": "MetricName, toString(Attributes), TimeUnix",
    "otel_metrics_sum": "MetricName, toString(Attributes), TimeUnix",
    "otel_metrics_histogram": "MetricName, toString(Attributes), TimeUnix",
}
ROTELS_ARRAY = '{"values":['


def test_an_import_writes_the_rows_that_a_collector_writes(node: Node, tmp_path: Path) -> None:
    collect(node, tmp_path)
    collected = {table: node.rows(f"SELECT * FROM {table} ORDER BY {key}") for table, key in TABLES.items()}
    for table in (*TABLES, "otel_traces_trace_id_ts", *(f"otel_metrics_{kind}" for kind in METRICS)):
        node.execute(f"TRUNCATE TABLE {table}")
    load(NodeSession(node), *REAL)
    for table, key in TABLES.items():
        imported = node.rows(f"SELECT * FROM {table} ORDER BY {key}")
        assert len(imported) == len(collected[table]) > 50
        for ours, theirs in zip(imported, collected[table], strict=True):
            assert as_rotel_writes(ours) == as_we_write(theirs)


def test_pages_of_a_cluster_that_a_collector_writes_to_are_those_of_its_files(node: Node, tmp_path: Path) -> None:
    collect(node, tmp_path)
    with viewing(node.address) as of_cluster, viewer(*map(str, REAL)) as of_files:
        wait_until(lambda: of_files.health()["spans"] == 3252)
        wait_until(lambda: json.loads(of_files.get("/api/findings")[1])["total"] > 70)
        ours, theirs = (as_json(of_files.get(QUESTIONS[0])[1]), as_json(of_cluster.ask(QUESTIONS[0])[1]))
        assert ours["total"] == theirs["total"] == 314
        for mine, other in zip(ours["traces"], theirs["traces"], strict=True):
            assert same(mine) == same(other)
        counted = (
            "traces",
            "spans",
            "error_traces",
            "error_spans",
            "auth_failure_traces",
            "slow_traces",
            "slow_db_traces",
        )
        stats = [as_json(answer) for answer in (of_files.get("/api/stats")[1], of_cluster.ask("/api/stats")[1])]
        for name in (*counted, "p50_ms", "p95_ms", "p99_ms", "events"):
            assert stats[0][name] == stats[1][name], name
        assert {of_cluster.ask(path)[0] for path in PAGES} == {200}


def as_json(body: bytes | str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body)
    return document


def same(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the list without what is found out by rules a little later."""
    late = ("duplicate-calls", "n-plus-one")
    return {**row, "flags": [flag for flag in row["flags"] if flag not in late], "findings": None}


def collect(node: Node, folder: Path) -> None:
    """The real files through the collector into new tables."""
    Schema().create(node)
    with collecting(node, folder) as collector:
        for signal, path in zip(("traces", "logs", "metrics"), REAL, strict=True):
            for line in path.read_bytes().splitlines():
                collector.send(signal, line)
        wait_until(lambda: node.value("SELECT count() FROM otel_metrics_histogram") == 59)
        wait_until(lambda: node.value("SELECT count() FROM otel_traces") == 3252)


def as_rotel_writes(row: dict[str, Any]) -> dict[str, Any]:
    """It leaves out attributes without a value, and calls consumers clients."""
    kind = {"SpanKind": "client"} if row.get("SpanKind") == "Consumer" else {}
    return {column: without_empty(value) for column, value in (row | kind).items()}


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: text for key, text in value.items() if text != ""}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def as_we_write(row: dict[str, Any]) -> dict[str, Any]:
    """It writes arrays as protobuf's own JSON, the exporter and we as plain JSON."""
    return {column: plain_arrays(without_empty(value)) for column, value in row.items()}


def plain_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain_arrays(text) for key, text in value.items()}
    if isinstance(value, str) and value.startswith(ROTELS_ARRAY):
        items = [next(iter(item.values())) for item in json.loads(value)["values"]]
        return json.dumps(items, separators=(",", ":"), ensure_ascii=False)
    return [plain_arrays(item) for item in value] if isinstance(value, list) else value
