"""Pasted and dropped files: each is read once into a store of its own, beside the live one, and kept until it is removed.

Nothing of them is written to disk. All of them together have a share of the memory that the viewer may take.
"""

import io
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.examiner import Examiner
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.receive.bodies import MAX_BODY_BYTES, BodyError, read_body
from diamond_viewer.resident import give_back
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.imported import ImportedSource, ImportRefusedError
from diamond_viewer.telemetry.model import FeedState, SourceState

if TYPE_CHECKING:
    from diamond_viewer.telemetry.otlp_pasted import Pasted

SHARE = 8  # of the viewer's memory goes to imports, all together
MAX_IMPORTS = 8
MAX_NAME = 80  # characters
VALUE_BYTES = 512  # what an object or array takes decoded, about
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}  # how they begin


class Imports:
    """``memory_bytes`` is what the viewer may take, ``thresholds`` the limits of its rules. Every method may be called from any
    thread; one file is read at a time.
    """

    def __init__(self, memory_bytes: int, max_line_bytes: int, thresholds: Thresholds = DEFAULTS) -> None:
        budget_bytes = memory_bytes // SHARE
        self._store_bytes = budget_bytes // MAX_IMPORTS
        self._max_values = budget_bytes // VALUE_BYTES
        self._max_line_bytes = max_line_bytes
        self._thresholds = thresholds
        self._lock = threading.Lock()
        self._last = 0
        self._held: dict[int, tuple[ImportedSource, MemoryStore, Examiner]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self.sources():
            self.remove(source.number)

    def sources(self) -> Sequence[ImportedSource]:
        """Newest first."""
        return [source for source, _, _ in reversed(list(self._held.values()))]

    def store_of(self, number: int) -> tuple[ImportedSource, TraceStore] | None:
        held = self._held.get(number)
        return held[:2] if held else None

    def remove(self, number: int) -> bool:
        """False when there is none of this number."""
        held = self._held.pop(number, None)
        if held is None:
            return False
        held[2].stop()
        give_back()
        return True

    def take(self, name: str, content: bytes) -> ImportedSource:
        """Read one file, which may be gzip or zstd. Raises ``ImportRefusedError``, and then nothing of it is kept."""
        # only now: with protobuf it takes a while, and few paste
        from diamond_viewer.telemetry.otlp_pasted import NotTelemetryError, read_pasted

        with self._lock:
            if len(self._held) >= MAX_IMPORTS:
                raise ImportRefusedError(409, f"{MAX_IMPORTS} files are open already. Remove one of them first.")
            try:
                plain = _unpacked(content)
                pasted = read_pasted(plain, self._max_values)
            except BodyError as error:
                raise ImportRefusedError(error.status, str(error)) from None
            except NotTelemetryError as error:
                raise ImportRefusedError(422, str(error)) from None
            source, store = self._read(_shown_name(name), len(plain), pasted)
            examiner = Examiner(store)
            examiner.start()
            self._held[source.number] = source, store, examiner
            return source

    def _read(self, name: str, size_bytes: int, pasted: "Pasted") -> tuple[ImportedSource, MemoryStore]:
        store, ledger, now_ns = MemoryStore(self._store_bytes, thresholds=self._thresholds), Ledger(), time.time_ns()
        ingest = Ingest(store)
        offset = 0
        for line in pasted.lines:
            if len(line) > self._max_line_bytes:
                ingest.refuse_oversize(ledger, offset, self._max_line_bytes)
            else:
                ingest.take(ledger, offset, line)
            offset += len(line) + 1
        store.commit()
        problems = tuple(ledger.problems.values())
        state = SourceState(name, "imported", size_bytes, size_bytes, ledger.lines, problems)
        store.report(
            FeedState(
                ready=True,
                bytes_read=size_bytes,
                bytes_total=size_bytes,
                lines=ledger.lines,
                bad_lines=ledger.bad_lines,
                sources=(state,),
                counters=dict(ingest.counters),
            )
        )
        health = store.health()
        if health.held_since_ns:
            raise ImportRefusedError(
                413, "It takes more memory than an import may have. Start the viewer with its name instead."
            )
        if not health.spans and not store.metrics().metrics:
            why = problems[0].sentence if problems else pasted.why or "It holds no span."
            raise ImportRefusedError(422, f"Nothing of it can be shown. {why}")
        only = store.search(Query(limit=1), now_ns).traces if health.traces == 1 else ()
        self._last += 1
        source = ImportedSource(
            number=self._last,
            name=name,
            format=pasted.format,
            size_bytes=size_bytes,
            at_ns=now_ns,
            spans=health.spans,
            traces=health.traces,
            bad_lines=ledger.bad_lines,
            rejected=pasted.rejected + ingest.counters["invalid_spans"],
            why=pasted.why or (problems[0].sentence if problems else ""),
            trace_id=only[0].trace_id if only else "",
        )
        return source, store


def _unpacked(content: bytes) -> bytes:
    """Plain, as far as the limit; raises ``BodyError``."""
    encoding = next((name for magic, name in _PACKED.items() if content.startswith(magic)), "")
    if len(content) > MAX_BODY_BYTES:
        raise BodyError(413, f"The file has more than {MAX_BODY_BYTES // 1024**2} MiB.")
    return read_body(io.BytesIO(content), encoding) if encoding else content


def _shown_name(name: str) -> str:
    """
    >>> _shown_name("C:\\\\traces\\\\a\\x07.json"), _shown_name("  "), len(_shown_name("x" * 500))
    ('a.json', 'pasted text', 80)
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:MAX_NAME] or "pasted text"
