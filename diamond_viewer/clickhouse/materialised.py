"""Columns that keep what is asked for most: users, lessons and HTTP status of a span, worked out when it is written.

Out of a map or a JSON column each question reads all attributes of all spans; out of a column of its own only that. The
exporter names the columns that it writes, so it goes on as before. Whoever wants ids as numbers too has figures in about two
thirds of the time, and gives 32 bytes a span for it: ids can't be packed, and are read as fast as they lie there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.expressions import Row
from diamond_viewer.clickhouse.insertion import named, quoted
from diamond_viewer.clickhouse.layout import (
    IDS,
    LESSONS_COLUMN,
    STATUS_COLUMN,
    TRACE_COLUMN,
    USERS_COLUMN,
    Asks,
    Layout,
    read_layout,
)
from diamond_viewer.telemetry.semconv import carried_keys

NAMES = "Array(LowCardinality(String))"
_DISTRIBUTED = re.compile(r"Distributed\('?(?P<cluster>[^',]+)'?, '?(?P<database>[^',]+)'?, '?(?P<table>[^',)]+)'?")


class Literals(Bound):
    """Values in the SQL itself, for an expression that a table keeps, where nothing can be bound. Keys of semconv only."""

    def value(self, value: str | int | float) -> str:
        return quoted(value) if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class MaterialisedColumn:
    """``index`` is the type of the index over it; empty where there is none."""

    name: str
    type: str
    expression: str
    index: str = ""
    codec: str = ""

    @property
    def definition(self) -> str:
        return f"{self.name} {self.type} MATERIALIZED {self.expression}{self.codec and f' CODEC({self.codec})'}"

    @property
    def index_name(self) -> str:
        return f"idx_{self.name}"


def columns_of(layout: Layout, *, with_ids: bool = False) -> tuple[MaterialisedColumn, ...]:
    """What may be kept of a table of spans like this, under all spellings that semconv knows or an operator has named. Ids if
    they are wanted, or are being kept already."""
    row, keys = Row(layout, Literals()), carried_keys()
    return (
        MaterialisedColumn(USERS_COLUMN, NAMES, row.people(keys.user), "bloom_filter(0.01)"),
        MaterialisedColumn(LESSONS_COLUMN, NAMES, row.people(keys.lesson), "bloom_filter(0.01)"),
        MaterialisedColumn(STATUS_COLUMN, "UInt16", row.status_said, "set(100)"),
        *(
            MaterialisedColumn(name, "UInt128" if name == TRACE_COLUMN else "UInt64", expression, codec="NONE")
            for name, expression in IDS.items()
            if with_ids or name in layout.columns
        ),
    )


def missing_statements(cluster: Asks, *, with_ids: bool = False) -> Sequence[str]:
    """What has to be run so that all of them are there, in old rows too; nothing once they are. Raises ``ClusterError``."""
    address = cluster.address
    layout = read_layout(cluster)
    tables = _tables(cluster, address)
    return [
        statement for table in tables for statement in _of_table(cluster, columns_of(layout, with_ids=with_ids), table)
    ]


@dataclass(frozen=True, slots=True)
class _Table:
    """``cluster`` is empty where only the server that is asked has it; ``holds_rows``: it is not only a view of others."""

    database: str
    name: str
    cluster: str
    holds_rows: bool

    @property
    def altered(self) -> str:
        on_cluster = f" ON CLUSTER {named(self.cluster)}" if self.cluster else ""
        return f"ALTER TABLE {named(self.database)}.{named(self.name)}{on_cluster}"


def _tables(cluster: Asks, address: Address) -> list[_Table]:
    """The one that holds the rows first: what is spread over it may then ask for the columns."""
    database, name = address.split(address.table)
    bound = {"p0": database, "p1": name}
    found = cluster.rows(
        "SELECT engine_full FROM system.tables WHERE database = {p0:String} AND name = {p1:String}", bound
    )
    spread = _DISTRIBUTED.match(str(found[0][0])) if found else None
    if spread is None:
        return [_Table(database, name, address.cluster, holds_rows=True)]
    on_cluster = address.cluster or spread["cluster"]
    return [
        _Table(spread["database"], spread["table"], on_cluster, holds_rows=True),
        _Table(database, name, on_cluster, holds_rows=False),
    ]


def _of_table(cluster: Asks, columns: Sequence[MaterialisedColumn], table: _Table) -> Iterator[str]:
    bound: dict[str, Any] = {"p0": table.database, "p1": table.name}
    where = "WHERE database = {p0:String} AND table = {p1:String}"
    found = cluster.rows(f"SELECT name, default_expression FROM system.columns {where}", bound)
    made_of = {str(name): str(expression) for name, expression in found}
    indexes = {str(row[0]) for row in cluster.rows(f"SELECT name FROM system.data_skipping_indices {where}", bound)}
    for column in columns:
        is_new = column.name not in made_of
        # the server writes an expression in its own way; what other keys were read then is in its texts all the same
        is_other = not is_new and _texts(made_of[column.name]) != _texts(column.expression)
        if is_new or is_other:
            verb = "ADD COLUMN IF NOT EXISTS" if is_new else "MODIFY COLUMN"
            yield f"{table.altered} {verb} {column.definition}"
        if not table.holds_rows:
            continue
        has_index = not column.index or column.index_name in indexes
        if not has_index:
            what = f"{column.index_name} {column.name} TYPE {column.index} GRANULARITY 1"
            yield f"{table.altered} ADD INDEX IF NOT EXISTS {what}"
        if is_new or is_other or not has_index or _is_unwritten(cluster, bound, column):
            yield f"{table.altered} MATERIALIZE COLUMN {column.name}"
            if column.index:
                yield f"{table.altered} MATERIALIZE INDEX {column.index_name}"


def _texts(expression: str) -> frozenset[str]:
    """
    >>> sorted(_texts("[SpanAttributes['a.b'], x != '', m['c']]"))
    ["''", "'a.b'", "'c'"]
    """
    return frozenset(re.findall(r"'[^']*'", expression))


def _is_unwritten(cluster: Asks, bound: dict[str, Any], column: MaterialisedColumn) -> bool:
    """Whether parts from before the column still lack it, and nobody is about to write it there."""
    where = "WHERE database = {p0:String} AND table = {p1:String}"
    ((parts, with_column),) = cluster.rows(
        f"SELECT uniqExact(name), uniqExactIf(name, column = {{p2:String}}) FROM system.parts_columns {where} AND active",
        {**bound, "p2": column.name},
    )
    ((waiting,),) = cluster.rows(f"SELECT count() FROM system.mutations {where} AND NOT is_done", bound)
    return int(parts) > int(with_column) and not int(waiting)
