"""Layout: what the tables of a cluster look like. The exporter has written three kinds, and users have their own on top.

Nothing is assumed of sort keys and indexes. Columns beyond the exporter's are used when they are there (``OPTIONAL_COLUMNS``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.insertion import Place

LOOKUP_SUFFIX = "_trace_id_ts"
USERS_COLUMN, LESSONS_COLUMN, STATUS_COLUMN = "DiamondUsers", "DiamondLessons", "DiamondHttpStatus"
TRACE_COLUMN, SPAN_COLUMN, PARENT_COLUMN = "DiamondTraceId", "DiamondSpanId", "DiamondParentSpanId"
OPTIONAL_COLUMNS = (USERS_COLUMN, LESSONS_COLUMN, STATUS_COLUMN, TRACE_COLUMN, SPAN_COLUMN, PARENT_COLUMN)
# ids as numbers, to group by: half the bytes of their texts
IDS = {
    TRACE_COLUMN: "reinterpretAsUInt128(unhex(TraceId))",
    SPAN_COLUMN: "reinterpretAsUInt64(unhex(SpanId))",
    PARENT_COLUMN: "reinterpretAsUInt64(unhex(ParentSpanId))",
}
METRIC_KINDS = ("gauge", "sum", "histogram", "exp_histogram", "summary")
OTHER_SUFFIXES = {
    "exp_histogram": ("exponential_histogram",)
}  # as the exporter's code has it; the other is its README's
NEEDED = (
    *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind", "ServiceName", "ResourceAttributes"),
    *("SpanAttributes", "Duration", "StatusCode", "StatusMessage", "Events.Timestamp", "Events.Name"),
    *("Events.Attributes", "Links.TraceId", "Links.SpanId"),
)
UNKNOWN_TABLE = "table"


class Asks(Protocol):
    @property
    def address(self) -> Address: ...

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]: ...


@dataclass(frozen=True, slots=True)
class Layout:
    """``spans``, ``lookup`` and ``logs`` stand behind FROM; the latter two are empty where there is no such table, and
    ``metrics`` has those of ``METRIC_KINDS`` that there are.

    ``is_spread``: rows of one trace may lie on several machines, so that a question within a question has to be GLOBAL.
    """

    spans: str
    columns: Mapping[str, str]
    lookup: str = ""
    logs: str = ""
    log_columns: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    is_spread: bool = False
    has_json_values: bool = True

    @property
    def is_json(self) -> bool:
        return self.columns["SpanAttributes"].startswith(("JSON", "Object"))

    @property
    def has_items(self) -> bool:
        return "SpanAttributeItems" in self.columns

    @property
    def name(self) -> str:
        """In words, for the health page."""
        kind = "JSON columns" if self.is_json else "maps with text indexes" if self.has_items else "maps"
        extra = [name for name in OPTIONAL_COLUMNS if name in self.columns]
        return ", ".join([kind, *(["a lookup of traces"] if self.lookup else []), *extra])

    @property
    def trace(self) -> str:
        """The number of a span's trace, 0 where it belongs to none."""
        return self._id(TRACE_COLUMN)

    @property
    def span(self) -> str:
        return self._id(SPAN_COLUMN)

    @property
    def parent(self) -> str:
        return self._id(PARENT_COLUMN)

    def _id(self, column: str) -> str:
        return column if column in self.columns else IDS[column]

    @property
    def among(self) -> str:
        return "GLOBAL IN" if self.is_spread else "IN"


def read_layout(cluster: Asks) -> Layout:
    """Raises ``ClusterError`` when the table of spans is not there or lacks what every exporter writes."""
    address = cluster.address
    spans = _described(cluster, address.table)
    if spans is None:
        raise ClusterError(
            UNKNOWN_TABLE,
            f"{address} has no table {address.table}: check ?table= in --store, and whether the collector's exporter has "
            "made it.",
        )
    missing = [name for name in NEEDED if name not in spans]
    if missing:
        raise ClusterError(
            "layout",
            f"{address.table} of {address} has no column {missing[0]}, which the collector's exporter makes: ?table= in "
            "--store must name its table of spans.",
        )
    lookup = f"{address.table}{LOOKUP_SUFFIX}"
    lookup_columns = _described(cluster, lookup)
    has_lookup = lookup_columns is not None and {"TraceId", "Start", "End"} <= lookup_columns.keys()
    logs = _described(cluster, address.logs)
    metrics = [
        (kind, f"{address.metrics}_{suffix}")
        for kind in METRIC_KINDS
        for suffix in (kind, *OTHER_SUFFIXES.get(kind, ()))
    ]
    known = {kind: name for kind, name in metrics if _described(cluster, name) is not None}
    engine = cluster.rows(
        "SELECT engine FROM system.tables WHERE database = {p0:String} AND name = {p1:String}",
        dict(zip(("p0", "p1"), address.split(address.table), strict=True)),
    )
    functions = cluster.rows("SELECT count() FROM system.functions WHERE name = 'JSONAllValues'")
    return Layout(
        spans=source_of(address, address.table),
        columns=spans,
        lookup=source_of(address, lookup) if has_lookup else "",
        logs=source_of(address, address.logs) if logs is not None else "",
        log_columns=logs or {},
        metrics={kind: source_of(address, name) for kind, name in known.items()},
        is_spread=bool(address.cluster) or bool(engine and engine[0][0] == "Distributed"),
        has_json_values=bool(functions[0][0]),
    )


def source_of(address: Address, table: str) -> str:
    """What stands behind FROM.

    >>> source_of(Address((("a", 1),), database="otel"), "spans")
    '`otel`.`spans`'
    >>> source_of(Address((("a", 1),), database="otel", cluster="two"), "other.spans")
    "cluster('two', `other`.`spans`)"
    """
    database, name = address.split(table)
    return Place(database, name, address.cluster).read


def _described(cluster: Asks, table: str) -> Mapping[str, str] | None:
    """Names and types of the columns; None when there is no such table."""
    try:
        found = cluster.rows(f"DESCRIBE TABLE {source_of(cluster.address, table)}")
    except ClusterError as error:
        if error.kind == UNKNOWN_TABLE:
            return None
        raise
    return {str(row[0]): str(row[1]) for row in found}
