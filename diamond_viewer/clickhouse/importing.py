"""Lines into the exporter's tables, in batches: the feed's writer for ``python -m diamond_viewer import``.

A batch goes into its tables first and is remembered after that. Whatever breaks off between the two is imported again, and
found to be there already (``insertion``).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from diamond_viewer.clickhouse.insertion import Insertion, Place, quoted
from diamond_viewer.clickhouse.known_lines import KnownLines, Session
from diamond_viewer.clickhouse.written_rows import (
    METRIC_TABLES,
    Rendering,
    Row,
    log_row,
    point_row,
    span_row,
    with_keys,
)
from diamond_viewer.store import Adoption, SealedSpans
from diamond_viewer.telemetry.batch import Batch
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.otlp_written import WrittenLine

BATCH_BYTES = 32 * 1024**2  # of JSON: what one batch takes here, and a multiple of it in the server
MAX_BATCH_ROWS = 200_000

SPANS, LOGS, POINTS = "spans", "log records", "metric points"
_WRITABLE = ("", "DEFAULT", "EPHEMERAL")


@dataclass(slots=True)
class _Table:
    """``rows`` wait for the next insert, each encoded; ``columns`` are those that they have between them."""

    insertion: Insertion
    attributes: Rendering
    rows: list[bytes] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    times_ns: list[int] = field(default_factory=list)

    def add(self, row: Row) -> int:
        if self.attributes.keeps_types:
            row = with_keys(row, self.insertion.columns)
        encoded = orjson.dumps({name: value for name, value in row.items() if name in self.insertion.columns})
        self.rows.append(encoded)
        self.columns.update(row)
        self.times_ns.append(row[self.insertion.time])
        return len(encoded)

    def clear(self) -> None:
        self.rows, self.columns, self.times_ns = [], set(), []


class TablesMissingError(Exception):
    """There is no table for the traces; the message is a sentence."""


class TableWriter:
    """What ``feed`` writes to. ``attempt(action)`` does it, again if that may help; what it raises ends the import.

    ``inserted`` counts rows that were sent, by what they are; ``left_out`` likewise those for which there is no table.
    ``lines_known`` are those that were imported before, or came twice.
    """

    def __init__(
        self,
        session: Session,
        traces: Place,
        logs: str = "otel_logs",
        metrics: str = "otel_metrics",
        *,
        attempt: Callable[[Callable[[], None]], None] = lambda action: action(),
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """Raises ``TablesMissingError``."""
        self._session = session
        self._attempt = attempt
        self._batch_bytes = batch_bytes
        self.inserted: Counter[str] = Counter({SPANS: 0, LOGS: 0, POINTS: 0})  # in the order in which they are told
        self.left_out: Counter[str] = Counter()
        self.invalid_points = 0
        self.lines_known = 0
        spans = self._table(traces, ("TraceId", "SpanId"), "Timestamp")
        if spans is None:
            raise TablesMissingError(
                f"There is no table {traces.table!r} in the database {traces.database!r}. The collector's clickhouse exporter "
                "makes it when it starts (create_schema); start it once, or name another with ?table=. Or the user may not see "
                f"it: GRANT SELECT, INSERT ON {traces.database}.*."
            )
        self._spans = spans
        self._logs = self._table(
            Place.parse(logs, traces.database, traces.cluster),
            ("TraceId", "SpanId", "Timestamp", "ServiceName", "SeverityNumber", "Body", "LogAttributes"),
            "Timestamp",
        )
        self._points = {
            kind: next(filter(None, (self._points_table(traces, f"{metrics}_{suffix}") for suffix in suffixes)), None)
            for kind, suffixes in METRIC_TABLES.items()
        }
        self.known = KnownLines(session, traces)
        self._digests: dict[bytes, None] = {}
        self._span_ids: set[tuple[str, str]] = set()
        self._size_bytes = 0

    def is_held(self, digest: bytes) -> bool:
        is_known = digest in self._digests or digest in self.known
        self.lines_known += is_known
        return is_known

    def add(self, batch: Batch, digest: bytes) -> None:
        """Only gathers: what the server has against it shows at the next commit."""
        assert isinstance(batch, WrittenLine)
        self._digests[digest] = None
        self.invalid_points += batch.invalid_points
        for what, table, row in self._rows_of(batch):
            if table is None:
                self.left_out[what] += 1
            else:
                self._size_bytes += table.add(row)
                self.inserted[what] += 1

    def commit(self) -> None:
        """Send the batch if it is large enough."""
        if self._size_bytes >= self._batch_bytes or self._row_count() >= MAX_BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Send what there is, and remember its lines."""
        for table in self._tables():
            if table.rows:
                statement = table.insertion.statement(table.columns, table.times_ns)
                body = b"\n".join(table.rows)
                self._attempt(lambda statement=statement, body=body: self._session.command(statement, body))  # type: ignore[misc]
                table.clear()
        if self._digests:
            self._attempt(lambda: self.known.add(list(self._digests)))
        self._digests = {}
        self._span_ids = set()
        self._size_bytes = 0

    def report(self, state: FeedState) -> None:
        """Nobody asks."""

    def adopt(self, spans: SealedSpans) -> Adoption:
        """Rows are written from lines, never from what another process packed: the file is to be read line by line."""
        return Adoption.HAS_REPEATS

    def _rows_of(self, line: WrittenLine) -> Iterator[tuple[str, "_Table | None", Row]]:
        for span in line.spans:
            if (ids := (span.trace_id, span.span_id)) not in self._span_ids:
                self._span_ids.add(ids)
                yield SPANS, self._spans, span_row(span, self._spans.attributes)
        for record in line.records:
            table = self._logs
            has_name = table is not None and "EventName" in table.insertion.columns
            yield LOGS, table, log_row(record, table.attributes, has_event_name=has_name) if table else {}
        for point in line.points:
            table = self._points[point.kind]
            yield POINTS, table, point_row(point, table.attributes) if table else {}

    def _points_table(self, traces: Place, name: str) -> _Table | None:
        return self._table(
            Place.parse(name, traces.database, traces.cluster),
            ("MetricName", "ServiceName", "TimeUnix", "StartTimeUnix", "Attributes", "ResourceAttributes", "ScopeName"),
            "TimeUnix",
        )

    def _tables(self) -> Iterator[_Table]:
        yield from (table for table in (self._spans, self._logs, *self._points.values()) if table)

    def _row_count(self) -> int:
        return sum(len(table.rows) for table in self._tables())

    def _table(self, place: Place, key: tuple[str, ...], time: str) -> _Table | None:
        columns = _columns(self._session, place)
        if not columns:
            return None
        insertion = Insertion(place, columns, tuple(name for name in key if name in columns), time)
        kind = columns.get("SpanAttributes") or columns.get("LogAttributes") or columns.get("Attributes") or "Map"
        return _Table(insertion, Rendering(kind))


def _columns(session: Session, place: Place) -> Mapping[str, str]:
    """Name -> type of the columns that may be written; empty when there is no such table."""
    found = session.rows(
        "SELECT name, type FROM system.columns "
        f"WHERE database = {quoted(place.database)} AND table = {quoted(place.table)} "
        f"AND default_kind IN ({', '.join(map(quoted, _WRITABLE))}) ORDER BY position"
    )
    return {str(name): str(kind) for name, kind in found}
