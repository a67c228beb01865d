"""The same telemetry, once through a real collector with a clickhouse exporter, once through files and ``import``."""

import json
from pathlib import Path
from typing import Any

from tests.clickhouse.schema import METRICS, Schema
from tests.clickhouse.server import Node
from tests.cluster.collecting import collecting
from tests.cluster.importing import REAL, NodeSession, load
from tests.receive.viewing import wait_until

TABLES = {
    "otel_traces": "TraceId, SpanId",
    "otel_logs": "TraceId, SpanId, Timestamp, Body",
    "otel_metrics_gauge": "MetricName, toString(Attributes), TimeUnix",
    "otel_metrics_sum": "MetricName, toString(Attributes), TimeUnix",
    "otel_metrics_histogram": "MetricName, toString(Attributes), TimeUnix",
}
ROTELS_ARRAY = '{"values":['


def test_an_import_writes_the_rows_that_a_collector_writes(node: Node, tmp_path: Path) -> None:
    Schema().create(node)
    with collecting(node, tmp_path) as collector:
        for signal, path in zip(("traces", "logs", "metrics"), REAL, strict=True):
            for line in path.read_bytes().splitlines():
                collector.send(signal, line)
        wait_until(lambda: node.value("SELECT count() FROM otel_metrics_histogram") == 59)
        wait_until(lambda: node.value("SELECT count() FROM otel_traces") == 3252)
    collected = {table: node.rows(f"SELECT * FROM {table} ORDER BY {key}") for table, key in TABLES.items()}
    for table in (*TABLES, "otel_traces_trace_id_ts", *(f"otel_metrics_{kind}" for kind in METRICS)):
        node.execute(f"TRUNCATE TABLE {table}")
    load(NodeSession(node), *REAL)
    for table, key in TABLES.items():
        imported = node.rows(f"SELECT * FROM {table} ORDER BY {key}")
        assert len(imported) == len(collected[table]) > 50
        for ours, theirs in zip(imported, collected[table], strict=True):
            assert as_rotel_writes(ours) == as_we_write(theirs)


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
