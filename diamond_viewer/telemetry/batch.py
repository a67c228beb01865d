"""Batch: one line of telemetry as columns, between the decoder and the index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diamond_viewer.telemetry.metrics import MetricBatch
from diamond_viewer.telemetry.otlp_links import NO_LINKS, LinkTargets
from diamond_viewer.telemetry.otlp_logs import NO_LOGS, LogRecords, logs_alone
from diamond_viewer.telemetry.semconv import EventFacts, SpanFacts

NO_METRICS = MetricBatch()


@dataclass(frozen=True, slots=True)
class BatchEvent:
    """An event of the span in row ``row`` of its batch."""

    row: int
    name: str
    time_ns: int
    facts: EventFacts


@dataclass(frozen=True, slots=True)
class Batch:
    """The spans of one line as columns: position ``i`` of every sequence belongs to span ``i``.

    ``trace_ids`` holds 16 bytes a span, ``span_ids`` and ``parent_ids`` 8 (a root's parent is all zeros). Times are ns,
    0 when the producer gave none. ``original`` is what the store keeps: the line, or its canonical form where
    the line itself had to be repaired. ``signal`` is traces | metrics | logs | mixed | none. ``logs`` are its log
    records, ``links`` what spans of the line point to in other traces. ``has_repeated_keys``: an attribute of a span
    was given twice, or, in a line that had to be repaired, anything; the last one counted. ``messages`` has the status
    message of failed spans that have one, by row, not redacted; ``dropping`` are the rows of spans of which the SDK dropped
    attributes, events or links. A store that has laid the batch down empties ``events``: a span may have a million.
    """

    original: bytes
    signal: str = "none"
    invalid_spans: int = 0
    repaired: bool = False
    has_repeated_keys: bool = False
    trace_ids: bytes = b""
    span_ids: bytes = b""
    parent_ids: bytes = b""
    start_ns: Sequence[int] = ()
    end_ns: Sequence[int] = ()
    names: Sequence[str] = ()
    services: Sequence[str] = ()
    kinds: Sequence[int] = ()
    status_codes: Sequence[int] = ()
    facts: Sequence[SpanFacts] = ()
    events: list[BatchEvent] = field(default_factory=list)
    logs: LogRecords = NO_LOGS
    links: LinkTargets = NO_LINKS
    metrics: MetricBatch = NO_METRICS
    messages: Mapping[int, str] = field(default_factory=dict)
    dropping: Sequence[int] = ()

    @property
    def span_count(self) -> int:
        return len(self.names)

    @property
    def is_worth_keeping(self) -> bool:
        return bool(self.names or self.logs.marks)

    @property
    def log_original(self) -> bytes:
        """What the store keeps of the log records: the whole line, unless spans stand on it as well."""
        return logs_alone(self.original) if self.names else self.original

    @property
    def has_metrics(self) -> bool:
        """Whether there is anything in it for the series of metrics, or to be said of them."""
        return bool(self.metrics.readings or self.metrics.invalid_points)
