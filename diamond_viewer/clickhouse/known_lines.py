"""Which lines have been imported: their digests in a table beside the traces, and in memory 16 bytes a line."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.insertion import Place, named, quoted

TABLE = "diamond_viewer_lines"
DIGEST_BYTES = 16
MAX_FRESH = 200_000  # digests that are kept loose until they are sorted in
SLICE_ROWS = 1_000_000  # digests in one answer of the server

Digests = npt.NDArray[np.bytes_]


class Session(Protocol):
    """What is asked of a connection: see ``connection.Connection``."""

    def rows(self, sql: str) -> Sequence[Sequence[Any]]: ...

    def lines(self, sql: str) -> bytes: ...

    def command(self, sql: str, body: bytes | None = None) -> None: ...


class KnownLines:
    """The digests that are known of one table of traces; ``add`` remembers more, here and there."""

    def __init__(self, session: Session, traces: Place) -> None:
        self._session = session
        self._place = Place(traces.database, TABLE, traces.cluster)
        self._traces = f"{traces.database}.{traces.table}"
        self._sorted: Digests = np.empty(0, dtype=f"S{DIGEST_BYTES}")
        self._fresh: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._fresh)

    def __contains__(self, digest: bytes) -> bool:
        if digest in self._fresh:
            return True
        at = int(self._sorted.searchsorted(np.bytes_(digest)))
        # numpy drops zeros at the end; all digests are equally long, so that none becomes another
        return at < len(self._sorted) and bytes(self._sorted[at]) == digest.rstrip(b"\0")

    def create(self) -> None:
        """The table, where there is none."""
        on_cluster = f" ON CLUSTER {named(self._place.cluster)}" if self._place.cluster else ""
        name = f"{named(self._place.database)}.{named(TABLE)}"
        ((exists,),) = self._session.rows(f"EXISTS TABLE {name}")
        if not int(exists):
            self._session.command(
                f"CREATE TABLE IF NOT EXISTS {name}{on_cluster} (Traces LowCardinality(String), "
                f"Digest FixedString({DIGEST_BYTES}), ImportedAt DateTime DEFAULT now()) "
                "ENGINE = ReplacingMergeTree ORDER BY (Traces, Digest)"
            )

    def load(self) -> None:
        """All of them, a million an answer."""
        mine = f"{self._place.read} WHERE Traces = {quoted(self._traces)}"
        ((count,),) = self._session.rows(f"SELECT count() FROM {mine}")
        slices = max(1, -(-int(count) // SLICE_ROWS))
        parts: list[Digests] = []
        for number in range(slices):
            share = f"cityHash64(Digest) % {slices} = {number}"
            answer = self._session.lines(f"SELECT DISTINCT hex(Digest) FROM {mine} AND {share}")
            digests = b"".join(bytes.fromhex(msgspec.json.decode(line)[0]) for line in answer.splitlines())
            parts.append(np.frombuffer(digests, dtype=f"S{DIGEST_BYTES}"))
        self._sorted = np.sort(np.concatenate(parts))

    def add(self, digests: Sequence[bytes]) -> None:
        """What was just imported."""
        place = f"{named(self._place.database)}.{named(TABLE)}"
        self._session.command(
            f"INSERT INTO {place} (Traces, Digest) SELECT {quoted(self._traces)}, digest "
            f"FROM input('digest FixedString({DIGEST_BYTES})') FORMAT RowBinary",
            b"".join(digests),
        )
        self._fresh.update(digests)
        if len(self._fresh) > MAX_FRESH:
            more = np.frombuffer(b"".join(self._fresh), dtype=f"S{DIGEST_BYTES}")
            self._sorted = np.sort(np.concatenate((self._sorted, more)))
            self._fresh.clear()
