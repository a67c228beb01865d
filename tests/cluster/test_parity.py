"""The same telemetry in memory and in a cluster: every question has the same answer, whatever the tables look like."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.materialised import missing_statements
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.showing import new_bench
from diamond_viewer.telemetry.model import TraceSummary
from tests.asking import NOW_NS, all_rows
from tests.clickhouse.plain_rows import Row, rows_of
from tests.clickhouse.schema import LOOKUP, METRICS, Layout, Schema
from tests.clickhouse.server import CLUSTER, Node
from tests.cluster.questions import answered, differences, questions
from tests.index.filling import filled

DATA = Path(__file__).parents[1] / "data" / "diamond-district"
NOT_KEPT = re.compile(rb'"dropped\w+Count":\d+,?|"flags":\d+,?')  # see clickhouse/differences.py
LAYOUTS = (Layout.MAP, Layout.TEXT, Layout.JSON)


def real_lines() -> list[bytes]:
    """As a table keeps them; the repeated lines count once everywhere."""
    lines = [
        line for name in ("traces", "logs", "metrics") for line in (DATA / f"{name}.json").read_bytes().splitlines()
    ]
    kept = [NOT_KEPT.sub(b"", line).replace(b",}", b"}") for line in lines]
    return [*kept, kept[3], kept[3]]


@pytest.fixture(scope="session")
def in_memory() -> MemoryStore:
    """Read only."""
    return filled([real_lines()], follows_people=False)  # see clickhouse/differences.py


@pytest.fixture(scope="session")
def rows(in_memory: MemoryStore) -> list[TraceSummary]:
    return all_rows(in_memory)


@pytest.fixture(scope="session", params=[*LAYOUTS, "columns of their own"])
def one_node(request: pytest.FixtureRequest, shared_node: Node) -> Iterator[ClickHouseStore]:
    has_columns = request.param == "columns of their own"
    layout: Layout = Layout.MAP if has_columns else request.param
    database = "parity_columns" if has_columns else f"parity_{layout.value.replace(' ', '_')}"
    address = f"clickhouse://127.0.0.1:{shared_node.http_port}/{database}"
    make_tables(shared_node, database, Schema(layout, has_lookup=layout is not Layout.JSON))
    if has_columns:
        materialise(shared_node, database)
    load(shared_node, database, list(rows_of(real_lines(), layout)))
    yield from examined_store(address)


@pytest.fixture(scope="session", params=["distributed tables", "?cluster="])
def two_shards(request: pytest.FixtureRequest, shared_shards: tuple[Node, Node]) -> Iterator[ClickHouseStore]:
    """Rows of one trace lie on both."""
    is_distributed = request.param == "distributed tables"
    database = "parity_distributed" if is_distributed else "parity_spread"
    found = list(rows_of(real_lines(), Layout.MAP))
    for place, node in enumerate(shared_shards):
        schema = Schema(suffix="_local" if is_distributed else "")
        make_tables(node, database, schema)
        load(node, database, found[place::2], schema.suffix)
    if is_distributed:
        names = ["otel_traces", LOOKUP, "otel_logs", *(f"otel_metrics_{kind}" for kind in METRICS)]
        for name in names:
            engine = f"Distributed('{CLUSTER}', '{database}', '{name}_local', rand())"
            shared_shards[0].execute(f"CREATE TABLE {name} AS {name}_local ENGINE = {engine}", database=database)
    more = "" if is_distributed else f"?cluster={CLUSTER}"
    yield from examined_store(f"clickhouse://127.0.0.1:{shared_shards[0].http_port}/{database}{more}")


def make_tables(node: Node, database: str, schema: Schema) -> None:
    node.execute(f"DROP DATABASE IF EXISTS {database} SYNC", database="default")
    node.execute(f"CREATE DATABASE {database}", database="default")
    for statement in schema.statements():
        node.execute(statement, database=database)


def materialise(node: Node, database: str) -> None:
    """All columns that ``clickhouse-setup`` knows, ids too."""
    with closing(Connection(Address.parse(f"clickhouse://127.0.0.1:{node.http_port}/{database}"))) as connection:
        for statement in missing_statements(connection, with_ids=True):
            node.execute(statement, database=database)


def load(node: Node, database: str, found: list[tuple[str, Row]], suffix: str = "") -> None:
    for table in {table for table, _ in found}:
        lines = [json.dumps(row) for name, row in found if name == table]
        columns = ", ".join(f"`{name}`" for name in json.loads(lines[0]))
        if table == "otel_logs":
            lines = [json.dumps({k: v for k, v in json.loads(line).items() if k != "EventName"}) for line in lines]
            columns = columns.replace(", `EventName`", "")
        statement = f"INSERT INTO {table}{suffix} ({columns}) FORMAT JSONEachRow"
        node.execute(statement, "\n".join(lines).encode(), database=database)


def examined_store(address: str) -> Iterator[ClickHouseStore]:
    store = ClickHouseStore(Address.parse(address), new_bench)
    answered(lambda store: store.findings(Query(), NOW_NS), store)
    yield store
    store.close()


def unequal(store: ClickHouseStore, in_memory: MemoryStore, rows: list[TraceSummary]) -> list[str]:
    found = []
    for name, ask in questions(rows):
        found += [f"{name}{line}" for line in differences(answered(ask, in_memory), answered(ask, store))]
    return found


@pytest.mark.timeout(300)
def test_every_question_has_the_same_answer(
    one_node: ClickHouseStore, in_memory: MemoryStore, rows: list[TraceSummary]
) -> None:
    assert unequal(one_node, in_memory, rows) == []


@pytest.mark.timeout(300)
def test_so_it_has_when_the_rows_of_a_trace_lie_on_two_shards(
    two_shards: ClickHouseStore, in_memory: MemoryStore, rows: list[TraceSummary]
) -> None:
    assert unequal(two_shards, in_memory, rows) == []
