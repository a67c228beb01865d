"""``python -m diamond_viewer clickhouse-setup``: users, lessons and HTTP status in columns of their own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.semconv import EventFacts, SpanFacts, carried_keys, carry
from tests.cli.commanding import in_this_process
from tests.clickhouse.schema import Layout, Schema
from tests.clickhouse.server import Node, ServerError
from tests.cluster.importing import REAL, NodeSession, load
from tests.receive.viewing import wait_until

COUNTS = (
    "SELECT uniqExactArray(DiamondUsers) AS users, uniqExactArray(DiamondLessons) AS lessons, "
    "countIf(DiamondHttpStatus = 200) AS answered FROM otel_traces"
)


@pytest.fixture
def platform_keys() -> Iterator[None]:
    """In force again after the test."""
    keys = carried_keys()
    yield
    carry(keys)


def told(node: Node, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    said = in_this_process(capsys, "clickhouse-setup", "--store", node.address, *more)
    assert said.code == 0
    return said.out.splitlines()


@pytest.mark.parametrize("layout", Layout)
def test_old_and_new_rows_have_the_columns(node: Node, capsys: pytest.CaptureFixture[str], layout: Layout) -> None:
    Schema(layout).create(node)
    load(NodeSession(node), REAL[0])
    statements = told(node, capsys)
    assert len(statements) == 12
    assert all(statement.startswith("ALTER TABLE `otel`.`otel_traces` ") for statement in statements)
    with pytest.raises(ServerError, match="DiamondUsers"):
        node.rows(COUNTS)  # nothing was run
    assert told(node, capsys, "--apply") == statements
    wait_until(lambda: node.value("SELECT count() FROM system.mutations WHERE database = 'otel' AND NOT is_done") == 0)
    (row,) = node.rows(COUNTS)
    assert (row["users"], row["lessons"]) == expected_people()
    assert row["answered"] == node_count(node, layout) > 100
    assert told(node, capsys) == told(node, capsys, "--apply") == []


def test_ids_are_kept_as_numbers_only_where_they_are_wanted(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    load(NodeSession(node), REAL[0])
    without = told(node, capsys)
    statements = told(node, capsys, "--ids")
    assert statements[: len(without)] == without
    assert len(statements[len(without) :]) == 6  # no indexes
    node.execute(statements[len(without)].rstrip(";"))
    assert told(node, capsys) == [*without, *statements[len(without) + 1 :][:1]]  # what is begun is brought to its end
    told(node, capsys, "--ids", "--apply")
    wait_until(lambda: node.value("SELECT count() FROM system.mutations WHERE database = 'otel' AND NOT is_done") == 0)
    assert told(node, capsys) == told(node, capsys, "--ids") == []
    (row,) = node.rows(
        "SELECT countIf(reinterpretAsFixedString(DiamondTraceId) != unhex(TraceId)) AS traces, "
        "countIf(DiamondParentSpanId = 0 AND ParentSpanId != '') AS parents, uniqExact(DiamondSpanId) AS spans, "
        "uniqExact(SpanId) AS expected FROM otel_traces"
    )
    assert (row["traces"], row["parents"]) == (0, 0)
    assert row["spans"] == row["expected"] > 100


def expected_people() -> tuple[int, int]:
    """How many users and lessons the real file names, as the index in memory reads it."""
    facts: list[SpanFacts | EventFacts] = []
    for line in REAL[0].read_bytes().splitlines():
        batch = decode_line(line)
        facts += [*batch.facts, *(event.facts for event in batch.events)]
    return len({user for one in facts for user in one.users}), len({lesson for one in facts for lesson in one.lessons})


def node_count(node: Node, layout: Layout) -> int:
    """Spans that say 200, asked of the attributes themselves."""
    keys = ("http.response.status_code", "http.status_code")
    said = [
        f"getSubcolumn(SpanAttributes, '{key}')" if "json" in layout else f"SpanAttributes['{key}']" for key in keys
    ]
    count = node.value(f"SELECT countIf(toString({said[0]}) = '200' OR toString({said[1]}) = '200') FROM otel_traces")
    assert isinstance(count, int)
    return count


def test_every_spelling_is_in_the_columns(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    told(node, capsys, "--apply")
    keys = (*carried_keys().user, *carried_keys().lesson)
    for number, key in enumerate(keys):
        node.execute(
            f"INSERT INTO otel_traces (TraceId, SpanAttributes) VALUES ('{number}', map('{key}', 'x{number}')), "
            f"('e{number}', map('tick', '1'))"
        )
        node.execute(
            "INSERT INTO otel_traces (TraceId, Events.Timestamp, Events.Name, Events.Attributes) VALUES "
            f"('v{number}', [now(), now()], ['a', 'b'], [map(), map('{key}', 'x{number}')])"
        )
    rows = node.rows("SELECT TraceId, arrayConcat(DiamondUsers, DiamondLessons) AS found FROM otel_traces")
    found = {row["TraceId"]: row["found"] for row in rows}
    for number in range(len(keys)):
        assert (found[f"{number}"], found[f"v{number}"], found[f"e{number}"]) == ([f"x{number}"], [f"x{number}"], [])


def test_what_an_interrupted_setup_left_undone_is_printed_again(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    load(NodeSession(node), REAL[0])
    statements = told(node, capsys)
    node.execute(statements[0].rstrip(";"))
    assert told(node, capsys)[:3] == statements[1:4]
    node.execute(statements[1].rstrip(";"))
    assert told(node, capsys)[0] == statements[2]
    told(node, capsys, "--apply")
    wait_until(lambda: node.value("SELECT count() FROM system.mutations WHERE database = 'otel' AND NOT is_done") == 0)
    assert told(node, capsys) == []


def test_keys_that_an_operator_names_replace_those_of_before(
    node: Node, capsys: pytest.CaptureFixture[str], tmp_path: Path, platform_keys: None
) -> None:
    Schema().create(node)
    told(node, capsys, "--apply")
    node.execute(
        "INSERT INTO otel_traces (TraceId, SpanAttributes) VALUES ('1', map('tenant.id', 'acme', 'user.id', 'u1'))"
    )
    (tmp_path / "viewer.toml").write_text("[attributes]\nuser = ['tenant.id']\n")
    statements = told(node, capsys, "--config", str(tmp_path / "viewer.toml"), "--apply")
    assert len(statements) == 3
    assert statements[0].startswith("ALTER TABLE `otel`.`otel_traces` MODIFY COLUMN DiamondUsers ")
    wait_until(lambda: node.value("SELECT count() FROM system.mutations WHERE database = 'otel' AND NOT is_done") == 0)
    assert node.value("SELECT DiamondUsers FROM otel_traces") == ["acme"]
    assert told(node, capsys, "--config", str(tmp_path / "viewer.toml")) == []


def test_the_exporter_and_an_import_go_on_behind_distributed_tables(
    shards: tuple[Node, Node], capsys: pytest.CaptureFixture[str]
) -> None:
    Schema().create_distributed(shards)
    load(NodeSession(shards[0]), REAL[0])
    statements = told(shards[0], capsys)
    assert all(" ON CLUSTER `two` " in statement for statement in statements)
    assert [re.findall(r"`(otel_\w+)`", statement)[0] for statement in statements[:1] + statements[-1:]] == [
        "otel_traces_local",
        "otel_traces",
    ]
    said = in_this_process(capsys, "clickhouse-setup", "--store", shards[0].address, "--apply")
    assert said.code == 2  # this engine has no Keeper, by which a cluster hands statements on
    assert "takes ClickHouse Keeper: run them on each server" in said.err
    for node in shards:
        for statement in statements:
            node.execute(statement.replace(" ON CLUSTER `two`", "").rstrip(";"), mutations_sync=2)
    assert told(shards[1], capsys) == []
    for table in ("otel_traces_local", "diamond_viewer_lines"):
        for node in shards:
            node.execute(f"TRUNCATE TABLE IF EXISTS {table}")
    load(NodeSession(shards[1]), REAL[0])
    for node in shards:
        (row,) = node.rows(COUNTS)
        assert (row["users"], row["lessons"]) == expected_people()


def test_without_the_table_there_is_one_sentence(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    said = in_this_process(capsys, "clickhouse-setup", "--store", node.address)
    assert (said.code, said.out) == (2, "")
    assert f"{node.address} has no table otel_traces" in said.err
