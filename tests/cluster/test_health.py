"""What the health page says of a cluster beside its rows, asked of a server that keeps a log of its queries and has a keeper.

The keeper is the one inside the engine that ClickHouse's own tests use. This engine has no address for other replicas, so that
a replicated table stays read-only, and no worker for statements ON CLUSTER: both are what a cluster that lost its keeper says.
"""

import json
from collections.abc import Iterator

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.showing import new_bench
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.builders import span
from tests.clickhouse.plain_rows import span_row
from tests.clickhouse.schema import Schema
from tests.clickhouse.server import Node, server

CONFIG = (
    "<clickhouse><zookeeper><implementation>testkeeper</implementation></zookeeper>"
    "<query_log><database>system</database><table>query_log</table></query_log>"
    "<remote_servers><one><shard><replica><host>127.0.0.1</host><port>1</port></replica></shard></one></remote_servers>"
    "<profiles><default/></profiles><quotas><default/></quotas>"
    "<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
    "<quota>default</quota></default></users></clickhouse>\n"
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "config.xml").write_text(CONFIG)
    with server(folder / "node", folder / "config.xml") as node:
        Schema().create(node)
        node.execute("INSERT INTO otel_traces FORMAT JSONEachRow", json.dumps(span_row(span("1" * 16))).encode())
        yield node


def test_queries_that_took_more_than_a_second_are_counted(kept: Node) -> None:
    kept.execute("SELECT sleepEachRow(1.1), TraceId FROM otel_traces")
    kept.execute("SELECT sleepEachRow(1.1)")  # of another table
    kept.execute("SYSTEM FLUSH LOGS")
    assert said(kept, kept.address)["cluster_slow_queries"] == 1


def test_a_replica_that_takes_nothing_is_told_and_is_not_said_to_be_behind_since_1970(kept: Node) -> None:
    made = "CREATE TABLE replicated AS otel_traces ENGINE = ReplicatedMergeTree('/tables/replicated', 'first')"
    kept.execute(f"{made} PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))")
    counters = said(kept, f"{kept.address}?table=replicated")
    assert counters["cluster_readonly_replicas"] == 1
    assert (counters["cluster_replica_delay_seconds"], counters["cluster_replication_queue"]) == (0, 0)
    store = ClickHouseStore(Address.parse(f"{kept.address}?table=replicated"), new_bench)
    page = create_app(store, clock=lambda: NOW_NS).test_client().get("/health").text
    store.close()
    assert "replicas that have lost their keeper and take nothing" in page
    assert '<span class="sources__layout">maps</span>' in page  # without the lookup of the other table


def test_a_statement_that_the_cluster_cannot_spread_is_refused_with_a_sentence(kept: Node) -> None:
    connection = Connection(Address.parse(f"{kept.address}?cluster=one"))
    try:
        with pytest.raises(ClusterError, match="cannot run statements ON CLUSTER, which takes ClickHouse Keeper"):
            connection.command("ALTER TABLE otel_traces ON CLUSTER one ADD COLUMN more UInt8")
    finally:
        connection.close()


def said(node: Node, address: str) -> dict[str, int]:
    store = ClickHouseStore(Address.parse(address), new_bench)
    try:
        return dict(store.health().counters)
    finally:
        store.close()
