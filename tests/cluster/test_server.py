"""The server that the other tests rely on is a real one, and the tables are those that the collector's exporter fills."""

from itertools import product

import pytest

from tests.clickhouse.schema import LOOKUP, METRICS, TRACES, Layout, Schema
from tests.clickhouse.server import Node, ServerError

SPAN = (
    "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName, SpanAttributes, Duration, StatusCode) VALUES "
    "('2026-11-29 10:00:00.123456789', repeat('ab', 16), repeat('cd', 8), 'GET /', 'web', {attributes}, 5, 'Unset')"
)


@pytest.mark.parametrize(("layout", "has_lookup"), list(product(Layout, (True, False))))
def test_every_layout_takes_a_span(node: Node, layout: Layout, has_lookup: bool) -> None:
    Schema(layout, has_lookup, has_newer_logs=layout is Layout.TEXT, has_newer_metrics=layout is Layout.TEXT).create(
        node
    )
    node.execute(SPAN.format(attributes="""'{"user.id": "u1"}'""" if "json" in layout else "map('user.id', 'u1')"))
    (row,) = node.rows(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS start_ns, toString(SpanAttributes) AS said FROM otel_traces"
    )
    assert row["start_ns"] % 1_000_000_000 == 123_456_789
    assert "u1" in row["said"]
    names = {row["name"] for row in node.rows("SHOW TABLES")}
    assert names >= {"otel_traces", "otel_logs", *(f"otel_metrics_{kind}" for kind in METRICS)}
    if has_lookup:
        assert node.value(f"SELECT count() FROM {LOOKUP} WHERE TraceId = repeat('ab', 16)") == 1


def test_the_text_layout_finds_an_attribute_by_its_items(node: Node) -> None:
    Schema(Layout.TEXT).create(node)
    node.execute(SPAN.format(attributes="map('user.id', 'u1')"))
    assert node.value(f"SELECT count() FROM {TRACES} WHERE has(SpanAttributeItems, 'user.id=u1')") == 1


def test_a_killed_server_comes_back_with_its_tables(own_node: Node) -> None:
    Schema().create(own_node)
    own_node.execute(SPAN.format(attributes="map()"))
    own_node.kill()
    assert not own_node.answers()
    own_node.start()
    assert own_node.value(f"SELECT count() FROM {TRACES}") == 1


def test_two_shards_answer_as_one(shards: tuple[Node, Node]) -> None:
    Schema(Layout.TEXT).create_distributed(shards)
    for node in shards:
        node.execute(SPAN.format(attributes="map('user.id', 'u1')").replace("otel_traces", "otel_traces_local"))
    for node in shards:
        assert node.value(f"SELECT count() FROM {TRACES}") == 2
        assert node.value(f"SELECT count() FROM {LOOKUP} WHERE TraceId = repeat('ab', 16)") == 2
    with pytest.raises(ServerError, match="Code: 288"):  # what a store has to write as GLOBAL IN
        shards[0].rows(f"SELECT count() FROM {TRACES} WHERE TraceId IN (SELECT TraceId FROM {TRACES})")


def test_what_the_server_refuses_is_its_own_error(node: Node) -> None:
    with pytest.raises(ServerError, match="Code: 60"):
        node.rows("SELECT 1 FROM nowhere")
