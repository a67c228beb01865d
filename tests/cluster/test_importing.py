"""``python -m diamond_viewer import``: what stands in files stands in the tables afterwards, once."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.clickhouse.insertion import Place
from diamond_viewer.telemetry.otlp import LineError, decode_line
from tests.cli.commanding import in_this_process
from tests.clickhouse.schema import LAYOUTS, Layout, Schema
from tests.clickhouse.server import Node, ServerError
from tests.cluster.importing import DATA, REAL, NodeSession, load, row_counts

REAL_COUNTS = {
    "otel_traces": 3252,
    "otel_logs": 138,
    "otel_metrics_gauge": 225,
    "otel_metrics_sum": 107,
    "otel_metrics_histogram": 59,
    "otel_metrics_exp_histogram": 0,
    "otel_metrics_summary": 0,
    "diamond_viewer_lines": 36,
}
SECOND_NS = 1_000_000_000
SPAN_COLUMNS = (
    "SELECT TraceId, SpanId, ParentSpanId, SpanName, toUnixTimestamp64Nano(Timestamp) AS start_ns, Duration, StatusCode, "
    "ServiceName, Events.Name AS events, Links.TraceId AS links FROM otel_traces"
)


def a_line(*spans: dict[str, Any], service: str = "web") -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}) + "\n"


def a_span(number: int, start_ns: int = 1_795_000_000 * SECOND_NS, **more: Any) -> dict[str, Any]:
    ids = {"traceId": f"{number + 1:032x}", "spanId": f"{number + 1:016x}"}
    times = {"startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(start_ns + 5)}
    return {**ids, "name": "GET /", **times, **more}


@pytest.mark.parametrize("is_newer", [False, True], ids=["older tables", "newer tables"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_real_files_are_in_the_tables_once_however_often_they_are_imported(
    node: Node, capsys: pytest.CaptureFixture[str], layout: Layout, is_newer: bool
) -> None:
    Schema(layout, has_newer_logs=is_newer, has_newer_metrics=is_newer).create(node)
    first = in_this_process(capsys, "import", *REAL, "--store", node.address)
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("Imported 3,252 spans, 138 log records, 391 metric points into clickhouse://127.0.0.1:")
    assert row_counts(node) == REAL_COUNTS
    assert node.value("SELECT uniqExact(TraceId) FROM otel_traces_trace_id_ts") == 314
    second = in_this_process(capsys, "import", *REAL, "--store", node.address)
    assert (second.code, second.err) == (0, "")
    assert second.out.splitlines()[-1] == "36 lines had been imported before."
    again = in_this_process(capsys, "import", *REAL, "--store", node.address, "--again")
    assert again.code == 0
    assert {**row_counts(node), "diamond_viewer_lines": 36} == REAL_COUNTS


def test_every_spelling_that_the_index_reads_gives_the_same_span_in_the_table(node: Node) -> None:
    Schema().create(node)
    files = sorted(path for path in (DATA / "variants").rglob("*") if path.suffix in (".json", ".jsonl", ".gz", ".zst"))
    load(NodeSession(node), *files)
    expected = {}
    for path in files:
        if path.suffix in (".json", ".jsonl"):
            for line in path.read_bytes().splitlines():
                try:
                    batch = decode_line(line)
                except LineError:
                    continue
                for row in range(batch.span_count):
                    ids = batch.trace_ids[16 * row : 16 * row + 16].hex(), batch.span_ids[8 * row : 8 * row + 8].hex()
                    expected[ids] = (batch.names[row], batch.services[row], batch.start_ns[row])
    assert len(expected) > 1_000
    found = {
        (row["TraceId"], row["SpanId"]): (row["SpanName"], row["ServiceName"] or "unknown_service", row["start_ns"])
        for row in node.rows(SPAN_COLUMNS)
    }
    assert not expected.keys() - found.keys()
    different = [(said, found[ids]) for ids, said in expected.items() if said != found[ids]]
    assert len(different) <= 1, different  # one span is written by two variants, at different times


def test_a_row_is_what_the_exporter_writes(node: Node, tmp_path: Path) -> None:
    Schema().create(node)
    values = [
        ("text", {"stringValue": "a"}, "a"),
        ("yes", {"boolValue": True}, "true"),
        ("whole", {"intValue": "9007199254740993"}, "9007199254740993"),
        ("broken", {"doubleValue": 0.5}, "0.5"),
        ("list", {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}, '["a",1]'),
        ("bytes", {"bytesValue": "AAE="}, "AAE="),
        ("nothing", {}, ""),
    ]
    attributes = [{"key": key, "value": value} for key, value, _ in values]
    event = {"name": "saved", "timeUnixNano": "1795000000000000003", "attributes": attributes[:1]}
    link = {"traceId": "AB" * 16, "spanId": "CD" * 8, "attributes": attributes[1:2]}
    span = a_span(1, kind=2, status={"code": 2, "message": "no"}, attributes=attributes, events=[event], links=[link])
    (tmp_path / "traces.json").write_text(a_line({**span, "traceId": "EF" * 16}))
    load(NodeSession(node), tmp_path / "traces.json")
    (row,) = node.rows(
        "SELECT *, toUnixTimestamp64Nano(Timestamp) AS start_ns, arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp) "
        "AS event_ns FROM otel_traces"
    )
    assert (row["TraceId"], row["SpanId"], row["ParentSpanId"]) == ("ef" * 16, f"{2:016x}", "")
    assert (row["start_ns"], row["Duration"], row["SpanKind"]) == (1_795_000_000 * SECOND_NS, 5, "Server")
    assert (row["StatusCode"], row["StatusMessage"]) == ("Error", "no")
    assert (row["ServiceName"], row["ResourceAttributes"]) == ("web", {"service.name": "web"})
    assert row["SpanAttributes"] == {key: text for key, _, text in values}
    assert (row["Events.Name"], row["event_ns"]) == (["saved"], [1795000000000000003])
    assert row["Events.Attributes"] == [{"text": "a"}]
    assert (row["Links.TraceId"], row["Links.Attributes"]) == (["ab" * 16], [{"yes": "true"}])


def test_json_columns_keep_types_and_take_a_key_that_is_inside_another(node: Node, tmp_path: Path) -> None:
    Schema(Layout.JSON).create(node)
    inner = {"kvlistValue": {"values": [{"key": "b", "value": {"intValue": "1"}}]}}
    attributes = [{"key": "a", "value": inner}, {"key": "a.b", "value": {"intValue": "2"}}]
    attributes += [{"key": "seconds", "value": {"doubleValue": 1.5}}, {"key": "big", "value": {"intValue": str(2**70)}}]
    (tmp_path / "traces.json").write_text(a_line(a_span(1, attributes=attributes)))
    load(NodeSession(node), tmp_path / "traces.json")
    (row,) = node.rows("SELECT SpanAttributes, SpanAttributesKeys FROM otel_traces")
    assert row["SpanAttributes"]["seconds"] == 1.5
    assert row["SpanAttributes"]["big"] == str(2**70)
    assert row["SpanAttributesKeys"] == ["a", "a.b", "seconds", "big"]


def test_times_all_over_the_centuries_are_taken_and_found_again(node: Node, tmp_path: Path) -> None:
    Schema().create(node)
    times = [0, 1, 2**63 - 1, *(day * 86_400 * SECOND_NS for day in range(19_000, 19_000 + 3_000, 10))]
    (tmp_path / "traces.json").write_text(a_line(*(a_span(n, at) for n, at in enumerate(times))))
    for _ in range(2):
        load(NodeSession(node), tmp_path / "traces.json")
        node.execute("TRUNCATE TABLE diamond_viewer_lines")
    assert sorted(row["start_ns"] for row in node.rows(SPAN_COLUMNS)) == sorted(times)


def test_rotated_and_compressed_backups_come_along(node: Node, tmp_path: Path) -> None:
    Schema().create(node)
    (tmp_path / "traces-2026-11-22T10-00-00.000.json.gz").write_bytes(gzip.compress(a_line(a_span(1)).encode()))
    (tmp_path / "traces-2026-11-22T11-00-00.000.json").write_text(a_line(a_span(2)) + a_line(a_span(3))[:-40])
    (tmp_path / "traces.json").write_text(a_line(a_span(3))[-40:] + a_line(a_span(4)) + "not telemetry\n")
    load(NodeSession(node), tmp_path / "traces.json")
    assert sorted(row["SpanId"] for row in node.rows(SPAN_COLUMNS)) == [f"{n + 1:016x}" for n in (1, 2, 3, 4)]


@dataclass
class Breaking:
    """Breaks the connection at statement number ``at``: before the server has it, or when it has been done."""

    node: Node
    at: int
    is_done: bool

    def __call__(self, statement: str) -> None:
        self.at -= 1
        if self.at == 0 and not self.is_done:
            raise ServerError("the connection broke")
        if self.at == -1 and self.is_done:
            raise ServerError("the connection broke")


@pytest.mark.parametrize("is_done", [False, True], ids=["before a statement", "behind a statement"])
def test_an_import_that_breaks_off_anywhere_goes_on_without_a_gap_and_without_a_repeat(
    node: Node, tmp_path: Path, is_done: bool
) -> None:
    Schema().create(node)
    lines = [
        a_line(*(a_span(10 * line + n, (1_795_000_000 + line) * SECOND_NS) for n in range(10))) for line in range(12)
    ]
    (tmp_path / "traces.json").write_text("".join(lines))
    (tmp_path / "logs.json").write_bytes(REAL[1].read_bytes())
    files = (tmp_path / "traces.json", tmp_path / "logs.json")
    breaks = 0
    for at in range(1, 20):
        node.execute("TRUNCATE TABLE otel_traces")
        node.execute("TRUNCATE TABLE otel_logs")
        node.execute("DROP TABLE IF EXISTS diamond_viewer_lines SYNC")
        try:
            load(NodeSession(node, Breaking(node, at, is_done)), *files)
        except ServerError:
            breaks += 1
        load(NodeSession(node), *files)
        counts = row_counts(node)
        assert (counts["otel_traces"], counts["otel_logs"]) == (120, 138), f"broken at statement {at}"
    assert breaks >= 3


def test_what_the_exporter_wrote_already_is_not_written_again(node: Node, tmp_path: Path) -> None:
    Schema(Layout.TEXT).create(node)
    node.execute(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName) VALUES "
        f"(fromUnixTimestamp64Nano(1795000000000000000), '{2:032x}', '{2:016x}', 'by the exporter')"
    )
    (tmp_path / "traces.json").write_text(a_line(a_span(0), a_span(1), a_span(2)))
    load(NodeSession(node), tmp_path / "traces.json")
    assert sorted(row["SpanName"] for row in node.rows(SPAN_COLUMNS)) == ["GET /", "GET /", "by the exporter"]


def test_what_has_no_table_is_said(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    node.execute("DROP TABLE otel_logs")
    said = in_this_process(capsys, "import", *REAL, "--store", node.address)
    assert said.code == 0
    assert f"Left out, because {node.address} has no table for them: 138 log records." in said.err


def test_both_names_of_the_table_of_exponential_histograms_are_known(node: Node, tmp_path: Path) -> None:
    Schema().create(node)
    point = {
        "timeUnixNano": "1795000000000000000",
        "count": "3",
        "sum": 6,
        "scale": 1,
        "positive": {"bucketCounts": ["3"]},
    }
    metric = {"name": "d", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [point]}}
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    (tmp_path / "metrics.json").write_text(json.dumps(document) + "\n")
    load(NodeSession(node), tmp_path / "metrics.json")
    node.execute("RENAME TABLE otel_metrics_exp_histogram TO otel_metrics_exponential_histogram")
    node.execute("TRUNCATE TABLE diamond_viewer_lines")
    load(NodeSession(node), tmp_path / "metrics.json")
    (row,) = node.rows(
        "SELECT Count, Sum, Scale, PositiveBucketCounts AS counts FROM otel_metrics_exponential_histogram"
    )
    assert row == {"Count": 3, "Sum": 6, "Scale": 1, "counts": [3]}


def test_without_a_table_for_traces_nothing_is_begun(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    said = in_this_process(capsys, "import", *REAL, "--store", node.address)
    assert (said.code, said.out) == (2, "")
    assert "There is no table 'otel_traces' in the database 'otel'." in said.err
    assert node.rows("SHOW TABLES") == []


def test_another_name_of_the_table_is_another_import(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    Schema(suffix="_2").create(node)
    for table, expected in (("otel_traces", 3252), ("otel_traces_2", 3252)):
        in_this_process(capsys, "import", REAL[0], "--store", f"{node.address}?table={table}")
        assert node.value(f"SELECT count() FROM {table}") == expected


def test_distributed_tables_take_rows_of_both_shards(
    shards: tuple[Node, Node], capsys: pytest.CaptureFixture[str]
) -> None:
    Schema().create_distributed(shards)
    for node in shards:  # the second does not know which lines the first remembers
        said = in_this_process(capsys, "import", *REAL, "--store", node.address)
        assert (said.code, said.err) == (0, "")
        assert row_counts(node) == REAL_COUNTS
    local = [node.value("SELECT count() FROM otel_traces_local") for node in shards]
    assert sum(local) == 3252
    assert min(local) > 1_000


def test_a_cluster_without_distributed_tables_takes_rows_on_both_shards(shards: tuple[Node, Node]) -> None:
    for node in shards:
        Schema().create(node)
        node.execute(
            "CREATE TABLE diamond_viewer_lines (Traces LowCardinality(String), Digest FixedString(16), "
            "ImportedAt DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY (Traces, Digest)"
        )
    place = Place("otel", "otel_traces", "two")
    load(NodeSession(shards[0]), *REAL, place=place)
    again = load(NodeSession(shards[1]), *REAL, place=place)
    assert again.lines_known == 36
    local = [node.value("SELECT count() FROM otel_traces") for node in shards]
    assert sum(local) == 3252
    assert min(local) > 0


def test_a_server_that_is_not_there_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diamond_viewer.cli.cluster.WAITS_S", ())
    said = in_this_process(capsys, "import", REAL[0], "--store", "clickhouse://writer:secret@127.0.0.1:1/otel")
    assert (said.code, said.out) == (2, "")
    assert "cannot be reached" in said.err
    assert "secret" not in said.err
