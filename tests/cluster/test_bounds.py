"""What is taken of a cluster that holds more than one answer may be: bounded by the server, and said."""

import pytest

from diamond_viewer.clickhouse import people
from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.people import named_in
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.query.terms import Field
from diamond_viewer.showing import new_bench
from tests.clickhouse.schema import Schema
from tests.clickhouse.server import Node
from tests.cluster.importing import REAL, NodeSession, load

PAIRS = 40


def test_of_very_many_pairs_of_a_name_and_a_trace_no_more_are_sent_than_are_taken(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    Schema().create(node)
    load(NodeSession(node), REAL[0])
    store = ClickHouseStore(Address.parse(node.address), new_bench)
    sizes_bytes: list[int] = []
    binary = Connection.binary

    def weighed(self: Connection, *words: object) -> bytes:
        answer = binary(self, *words)  # type: ignore[arg-type]
        sizes_bytes.append(len(answer))
        return answer

    monkeypatch.setattr(Connection, "binary", weighed)
    try:
        every = store._whole()
        whole = named_in(store, every, Field.USER, "")
        assert whole.is_all
        assert len(whole.rows) > 3 * PAIRS
        for pairs in (PAIRS, 1):
            monkeypatch.setattr(people, "MAX_PAIRS", pairs)
            part = named_in(store, every, Field.USER, "")
            assert not part.is_all
            assert part.names == whole.names[: len(part.names)]
            assert len(part.rows) <= pairs
            # the name that goes beyond the bound comes too, with so many of its traces as would be beyond it alone
            assert sizes_bytes[-1] < (2 * pairs + 1) * 8 + (len(part.names) + 1) * 16
        monkeypatch.setattr(people, "MAX_PAIRS", len(whole.rows))
        assert named_in(store, every, Field.USER, "").is_all
    finally:
        store.close()
