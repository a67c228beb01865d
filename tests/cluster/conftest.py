"""One server for all tests of a run's process: each test makes a database of its own in it."""

from collections.abc import Iterator

import pytest

from tests.clickhouse.server import Node, cluster, server


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with server(tmp_path_factory.mktemp("clickhouse")) as node:
        yield node


@pytest.fixture
def node(shared_node: Node) -> Node:
    """A running server whose database is empty. A test that kills or pauses takes ``own_node``."""
    _empty(shared_node)
    return shared_node


@pytest.fixture
def own_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with server(tmp_path_factory.mktemp("clickhouse")) as node:
        yield node


@pytest.fixture(scope="session")
def shared_shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    with cluster(tmp_path_factory.mktemp("clickhouse-cluster")) as nodes:
        yield nodes


@pytest.fixture
def shards(shared_shards: tuple[Node, Node]) -> tuple[Node, Node]:
    """Two running servers that know each other, whose databases are empty."""
    for node in shared_shards:
        _empty(node)
    return shared_shards


def _empty(node: Node) -> None:
    node.execute("DROP DATABASE IF EXISTS otel SYNC", database="default")
    node.execute("CREATE DATABASE otel", database="default")
