"""The tables as the collector's clickhouse exporter makes them: three layouts of traces, two generations of logs and metrics.

Column names, types, sort keys and indexes are those of opentelemetry-collector-contrib ``exporter/clickhouseexporter``;
the words are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.clickhouse.server import CLUSTER, DATABASE, Node

TRACES, LOOKUP, LOGS = "otel_traces", "otel_traces_trace_id_ts", "otel_logs"
METRICS = ("gauge", "sum", "histogram", "exp_histogram", "summary")

_MAP = "Map(LowCardinality(String), String)"
_ATTRIBUTES = (("res", "ResourceAttributes"), ("span", "SpanAttributes"))


class Layout(StrEnum):
    MAP = "map"  # every released exporter by default: maps with bloom filters
    TEXT = "text"  # the next one, on ClickHouse from 26.2 on: text indexes and arrays of "key=value"
    JSON = "json"  # ``json: true``
    OLD_JSON = "old json"  # likewise, before the arrays of keys

    @property
    def is_json(self) -> bool:
        return self in (Layout.JSON, Layout.OLD_JSON)

    @property
    def attributes(self) -> str:
        return "JSON" if self.is_json else _MAP

    def keys(self, *columns: str) -> Iterator[str]:
        """The arrays of keys beside columns of attributes, where this layout has them."""
        for column in columns if self is Layout.JSON else ():
            yield f"{column}Keys Array(LowCardinality(String)) CODEC(ZSTD(1))"
            yield f"INDEX idx_{column}Keys {column}Keys TYPE bloom_filter(0.01) GRANULARITY 1"


LAYOUTS = (Layout.MAP, Layout.TEXT, Layout.JSON)


@dataclass(frozen=True, slots=True)
class Schema:
    """What stands in the database. ``ttl_days``: 0 keeps everything. ``suffix`` is put behind every name of a table."""

    layout: Layout = Layout.MAP
    has_lookup: bool = True
    has_newer_logs: bool = False
    has_newer_metrics: bool = False
    ttl_days: int = 0
    suffix: str = ""

    @property
    def traces(self) -> str:
        return TRACES + self.suffix

    def statements(self) -> Iterator[str]:
        yield self._traces()
        if self.has_lookup:
            yield from self._lookup()
        yield (_newer_logs if self.has_newer_logs else _older_logs)(LOGS + self.suffix, self.layout)
        for kind in METRICS:
            yield _metrics(f"otel_metrics_{kind}{self.suffix}", kind, self.has_newer_metrics, self.layout)

    def create(self, node: Node) -> None:
        for statement in self.statements():
            node.execute(statement)

    def create_distributed(self, nodes: tuple[Node, ...]) -> None:
        """The tables on every node as ``<name>_local``, and under their own names what spreads over all nodes."""
        local = Schema(
            self.layout, self.has_lookup, self.has_newer_logs, self.has_newer_metrics, self.ttl_days, "_local"
        )
        names = [TRACES, LOGS, *(f"otel_metrics_{kind}" for kind in METRICS)] + [LOOKUP] * self.has_lookup
        for node in nodes:
            local.create(node)
            for name in names:
                engine = f"Distributed('{CLUSTER}', '{DATABASE}', '{_local(name)}', rand())"
                node.execute(f"CREATE TABLE {name} AS {_local(name)} ENGINE = {engine}")

    def _traces(self) -> str:
        attributes = self.layout.attributes
        columns = [
            "Timestamp DateTime64(9) CODEC(Delta, ZSTD(1))",
            *(f"{name} String CODEC(ZSTD(1))" for name in ("TraceId", "SpanId", "ParentSpanId", "TraceState")),
            *(f"{name} LowCardinality(String) CODEC(ZSTD(1))" for name in ("SpanName", "SpanKind", "ServiceName")),
            f"ResourceAttributes {attributes} CODEC(ZSTD(1))",
            "ScopeName String CODEC(ZSTD(1))",
            "ScopeVersion String CODEC(ZSTD(1))",
            f"SpanAttributes {attributes} CODEC(ZSTD(1))",
            f"Duration UInt64 CODEC({'T64, ' if self.layout is Layout.TEXT else ''}ZSTD(1))",
            "StatusCode LowCardinality(String) CODEC(ZSTD(1))",
            "StatusMessage String CODEC(ZSTD(1))",
            f"Events Nested(Timestamp DateTime64(9), Name LowCardinality(String), Attributes {attributes}) CODEC(ZSTD(1))",
            f"Links Nested(TraceId String, SpanId String, TraceState String, Attributes {attributes}) CODEC(ZSTD(1))",
            "INDEX idx_duration Duration TYPE minmax GRANULARITY 1",
            *self._trace_indexes(),
        ]
        key = "ServiceName, SpanName, toDateTime(Timestamp)"
        order = (
            f"PRIMARY KEY ({key}) ORDER BY ({key}, Timestamp)" if self.layout is Layout.TEXT else f"ORDER BY ({key})"
        )
        return _table(self.traces, columns, "toDate(Timestamp)", order, self._ttl("Timestamp"))

    def _trace_indexes(self) -> Iterator[str]:
        if self.layout is Layout.MAP:
            yield "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1"
            for short, column in _ATTRIBUTES:
                yield f"INDEX idx_{short}_attr_key mapKeys({column}) TYPE bloom_filter(0.01) GRANULARITY 1"
                yield f"INDEX idx_{short}_attr_value mapValues({column}) TYPE bloom_filter(0.01) GRANULARITY 1"
        elif self.layout is Layout.TEXT:
            yield "INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array')"
            yield "INDEX idx_lower_span_name lower(SpanName) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8"
            for short, column in _ATTRIBUTES:
                items = f"{column.removesuffix('Attributes')}AttributeItems"
                pairs = f"{column}::Array(Tuple(String, String))"
                yield f"{items} Array(String) ALIAS arrayMap(kv -> concat(kv.1, '=', kv.2), {pairs})"
                yield f"INDEX idx_{short}_attr_key mapKeys({column}) TYPE text(tokenizer = 'array')"
                yield f"INDEX idx_{short}_attr_items {items} TYPE text(tokenizer = 'array')"
        elif self.layout is Layout.JSON:
            yield "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1"
            yield from self.layout.keys(*(column for _, column in _ATTRIBUTES))

    def _lookup(self) -> Iterator[str]:
        name, view = LOOKUP + self.suffix, f"{TRACES}{self.suffix}_trace_id_ts_mv"
        if self.layout is Layout.TEXT:
            yield (
                f"CREATE TABLE {name} (TraceId String CODEC(ZSTD(1)), Start SimpleAggregateFunction(min, DateTime), "
                f"End SimpleAggregateFunction(max, DateTime)) ENGINE = AggregatingMergeTree "
                f"PARTITION BY toStartOfWeek(Start) ORDER BY TraceId{self._ttl('Start')}"
            )
        else:
            columns = [
                "TraceId String CODEC(ZSTD(1))",
                "Start DateTime CODEC(Delta, ZSTD(1))",
                "End DateTime CODEC(Delta, ZSTD(1))",
                "INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1",
            ]
            yield _table(name, columns, "toDate(Start)", "ORDER BY (TraceId, Start)", self._ttl("Start"))
        yield (
            f"CREATE MATERIALIZED VIEW {view} TO {name} AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End "
            f"FROM {self.traces} WHERE TraceId != '' GROUP BY TraceId"
        )

    def _ttl(self, column: str) -> str:
        return f" TTL toDateTime({column}) + toIntervalDay({self.ttl_days})" if self.ttl_days else ""


def _local(name: str) -> str:
    return f"{name}_local"


def _table(name: str, columns: list[str], partition: str, order: str, ttl: str = "") -> str:
    return (
        f"CREATE TABLE {name} ({', '.join(columns)}) ENGINE = MergeTree PARTITION BY {partition} {order}{ttl} "
        "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"
    )


def _log_columns(layout: Layout) -> list[str]:
    attributes = layout.attributes
    return [
        "TraceId String CODEC(ZSTD(1))",
        "SpanId String CODEC(ZSTD(1))",
        "TraceFlags UInt8",
        "SeverityText LowCardinality(String) CODEC(ZSTD(1))",
        "SeverityNumber UInt8",
        "ServiceName LowCardinality(String) CODEC(ZSTD(1))",
        "Body String CODEC(ZSTD(1))",
        "ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1))",
        f"ResourceAttributes {attributes} CODEC(ZSTD(1))",
        "ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1))",
        "ScopeName String CODEC(ZSTD(1))",
        "ScopeVersion LowCardinality(String) CODEC(ZSTD(1))",
        f"ScopeAttributes {attributes} CODEC(ZSTD(1))",
        f"LogAttributes {attributes} CODEC(ZSTD(1))",
        "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
        *layout.keys("ResourceAttributes", "ScopeAttributes", "LogAttributes"),
    ]


def _older_logs(name: str, layout: Layout) -> str:
    columns = [
        "Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1))",
        "TimestampTime DateTime DEFAULT toDateTime(Timestamp)",
        *_log_columns(layout),
        "INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8",
    ]
    order = "PRIMARY KEY (ServiceName, TimestampTime) ORDER BY (ServiceName, TimestampTime, Timestamp)"
    return _table(name, columns, "toDate(TimestampTime)", order)


def _newer_logs(name: str, layout: Layout) -> str:
    columns = [
        "Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1))",
        *_log_columns(layout),
        "EventName String CODEC(ZSTD(1))",
        "INDEX idx_body Body TYPE text(tokenizer = 'splitByNonAlpha')",
    ]
    if not layout.is_json:
        pod = "k8s.pod.name"
        columns.append(f"`__otel_materialized_{pod}` LowCardinality(String) MATERIALIZED ResourceAttributes['{pod}']")
    return _table(
        name, columns, "toDate(Timestamp)", "ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)"
    )


def _metrics(name: str, kind: str, is_newer: bool, layout: Layout) -> str:
    time = "DateTime" if is_newer and not layout.is_json else "DateTime64(9)"
    attributes = layout.attributes
    exemplar = f"FilteredAttributes {attributes}, TimeUnix {time}, Value Float64, SpanId String, TraceId String"
    exemplars = f"Exemplars Nested({exemplar})"
    aggregation = ["AggregationTemporality Int32 CODEC(ZSTD(1))"]
    figures = {
        "gauge": ["Value Float64 CODEC(ZSTD(1))", exemplars],
        "sum": ["Value Float64 CODEC(ZSTD(1))", exemplars, *aggregation, "IsMonotonic Boolean CODEC(Delta, ZSTD(1))"],
        "histogram": [
            *_COUNT_AND_SUM,
            "BucketCounts Array(UInt64) CODEC(ZSTD(1))",
            "ExplicitBounds Array(Float64) CODEC(ZSTD(1))",
            exemplars,
            *_EXTREMES,
            *aggregation,
        ],
        "exp_histogram": [
            *_COUNT_AND_SUM,
            "Scale Int32 CODEC(ZSTD(1))",
            "ZeroCount UInt64 CODEC(ZSTD(1))",
            "PositiveOffset Int32 CODEC(ZSTD(1))",
            "PositiveBucketCounts Array(UInt64) CODEC(ZSTD(1))",
            "NegativeOffset Int32 CODEC(ZSTD(1))",
            "NegativeBucketCounts Array(UInt64) CODEC(ZSTD(1))",
            exemplars,
            *_EXTREMES,
            *aggregation,
        ],
        "summary": [*_COUNT_AND_SUM, "ValueAtQuantiles Nested(Quantile Float64, Value Float64) CODEC(ZSTD(1))"],
    }
    columns = [
        f"ResourceAttributes {attributes} CODEC(ZSTD(1))",
        "ResourceSchemaUrl String CODEC(ZSTD(1))",
        "ScopeName String CODEC(ZSTD(1))",
        "ScopeVersion String CODEC(ZSTD(1))",
        f"ScopeAttributes {attributes} CODEC(ZSTD(1))",
        "ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1))",
        "ScopeSchemaUrl String CODEC(ZSTD(1))",
        "ServiceName LowCardinality(String) CODEC(ZSTD(1))",
        "MetricName String CODEC(ZSTD(1))",
        "MetricDescription String CODEC(ZSTD(1))",
        "MetricUnit String CODEC(ZSTD(1))",
        f"Attributes {attributes} CODEC(ZSTD(1))",
        f"StartTimeUnix {time} CODEC(Delta, ZSTD(1))",
        f"TimeUnix {time} CODEC(Delta, ZSTD(1))",
        "Flags UInt32 CODEC(ZSTD(1))",
        *figures[kind],
        *layout.keys("ResourceAttributes", "ScopeAttributes", "Attributes"),
    ]
    if layout.is_json:
        order = "ServiceName, MetricName, toUnixTimestamp64Nano(TimeUnix)"
    elif is_newer:
        columns.append("INDEX idx_time TimeUnix TYPE minmax GRANULARITY 1")
        order = "ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix"
    else:
        order = "ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix)"
    return _table(name, columns, "toDate(TimeUnix)", f"ORDER BY ({order})")


_COUNT_AND_SUM = ("Count UInt64 CODEC(Delta, ZSTD(1))", "Sum Float64 CODEC(ZSTD(1))")
_EXTREMES = ("Min Float64 CODEC(ZSTD(1))", "Max Float64 CODEC(ZSTD(1))")
