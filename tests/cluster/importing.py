"""The command line that imports, in this process, and what the tables hold afterwards."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diamond_viewer.clickhouse.importing import TableWriter
from diamond_viewer.clickhouse.insertion import Place
from diamond_viewer.clickhouse.known_lines import TABLE
from diamond_viewer.feed.backlog import Backlog
from diamond_viewer.telemetry.otlp_written import decode_written
from tests.clickhouse.schema import METRICS
from tests.clickhouse.server import DATABASE, Node

DATA = Path(__file__).parents[1] / "data"
TRACES = Place(DATABASE, "otel_traces")
REAL = tuple(DATA / "diamond-district" / f"{signal}.json" for signal in ("traces", "logs", "metrics"))


class NodeSession:
    """A connection to a node without the client library. ``before`` is called with every statement that changes something."""

    def __init__(self, node: Node, before: Callable[[str], None] = lambda statement: None) -> None:
        self._node = node
        self._before = before

    def rows(self, sql: str) -> Sequence[Sequence[Any]]:
        return [list(row.values()) for row in self._node.rows(sql)]

    def lines(self, sql: str) -> bytes:
        return self._node.execute(f"{sql} FORMAT JSONCompactEachRow")

    def command(self, sql: str, body: bytes | None = None) -> None:
        self._before(sql)
        self._node.execute(sql, body=body or b"")


def load(session: NodeSession, *files: Path, batch_bytes: int = 1, place: Place = TRACES) -> TableWriter:
    """As the command line does it; small batches, so that there are many."""
    writer = TableWriter(session, place, batch_bytes=batch_bytes)
    writer.known.create()
    writer.known.load()
    backlog = Backlog([str(path) for path in files], writer, max_line_bytes=64 * 1024**2, decode=decode_written)
    try:
        while backlog.step():
            pass
        writer.flush()
    finally:
        backlog.close()
    return writer


def row_counts(node: Node) -> dict[str, int]:
    tables = ("otel_traces", "otel_logs", *(f"otel_metrics_{kind}" for kind in METRICS), TABLE)
    return {table: node.value(f"SELECT count() FROM {table}") for table in tables}
