"""What stands in the files now, read once from the oldest to the newest, for whoever asks one question and goes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from diamond_viewer.feed import files
from diamond_viewer.feed.history import MIN_BYTES, History
from diamond_viewer.feed.ingest import Ingest
from diamond_viewer.feed.reading import Reader
from diamond_viewer.feed.shelf import Shelf
from diamond_viewer.feed.stream import Stream
from diamond_viewer.store import SealedWriter, TraceWriter
from diamond_viewer.telemetry.otlp import Batch, decode_line

STANDARD_INPUT = "-"
STEP_BYTES = 8 * 1024 * 1024  # read between two commits
COLLECT_S = 0.05  # waited for workers while there is nothing else to do


class Backlog:
    """``patterns`` are files and globs as the feed has them, and ``-`` for the descriptor ``standard_input``.

    ``decode`` makes the batch of a line, or one with nothing in it for a line that nobody asks for. Raises ``FeedError`` for
    a pattern that can never be read.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        writer: TraceWriter,
        *,
        max_line_bytes: int,
        decode: Callable[[bytes], Batch] = decode_line,
        standard_input: int = 0,
    ) -> None:
        self._patterns = tuple(pattern for pattern in patterns if pattern != STANDARD_INPUT)
        self._writer = writer
        self._ingest = Ingest(writer, decode)
        self._max_line_bytes = max_line_bytes
        self._stream: Stream | None = None
        if len(self._patterns) < len(patterns):
            self._stream = Stream(standard_input, self._ingest, max_line_bytes)
        if self._patterns or self._stream is None:
            files.check_patterns(self._patterns)
        self._shelf = Shelf(self._patterns, self._ingest.counters, max_line_bytes=max_line_bytes)
        self._reader = Reader(self._shelf, self._ingest, max_line_bytes=max_line_bytes)
        self._history: History | None = None
        self._was_surveyed = False

    def read_in_workers(
        self, worker_count: int, make_writer: Callable[[], SealedWriter], min_bytes: int = MIN_BYTES
    ) -> None:
        """Before the first step: see ``Feed.read_backlog_in``."""
        self._history = History(
            self._shelf,
            self._ingest,
            self._writer,
            make_writer,
            max_line_bytes=self._max_line_bytes,
            min_bytes=min_bytes,
            worker_count=worker_count,
        )

    def step(self) -> bool:
        """Read a part of it and make that visible. False when all has been read."""
        if not self._was_surveyed:
            self._was_surveyed = True
            self._shelf.survey()
            if self._history is not None:
                self._history.begin(self._shelf.by_age())
        more = self._reader.read(STEP_BYTES)
        if self._history is not None and not self._history.is_over:
            self._history.collect(0 if more else COLLECT_S)
            more = True
        if not more and self._stream is not None:
            more = self._stream.read()
        self._writer.commit()
        if not more:
            self._writer.commit()  # what waits for quiet moments
        return more

    def close(self) -> None:
        """End workers and let the files go. What was read stays read."""
        if self._history is not None:
            self._history.stop()
        self._shelf.close()

    @property
    def has_files(self) -> bool:
        """Whether there is anything that can be read."""
        return self._stream is not None or any(not tail.trouble for tail in self._shelf.by_age())

    @property
    def bytes_read(self) -> int:
        elsewhere = self._history.bytes_read if self._history else 0
        return self._reader.bytes_read + elsewhere + (self._stream.bytes_read if self._stream else 0)

    @property
    def bytes_total(self) -> int:
        """As far as it is known: nobody knows how much is to come through a pipe."""
        unread = sum(tail.unread_bytes for tail in self._shelf.by_age() if not tail.trouble)
        return self.bytes_read + unread

    @property
    def bad_lines(self) -> int:
        return self._ingest.bad_lines

    @property
    def lines(self) -> int:
        return self._ingest.lines

    def troubles(self) -> list[str]:
        """Why some of it, or all, cannot be read: a sentence each."""
        found = []
        tails = self._shelf.by_age()
        for family in self._shelf.families.values():
            has_backups = any(self._shelf.family_of(tail) is family for tail in tails)
            if family.is_waiting and not has_backups:
                found.append(f"There is no file '{_as_typed(family.group.live_path)}'.")
            elif family.trouble and not family.is_waiting:
                found.append(family.trouble.sentence)
        found += [tail.trouble or tail.failure for tail in tails if tail.trouble or tail.failure]
        if self._stream is not None and self._stream.failure:
            found.append(self._stream.failure)
        return list(dict.fromkeys(found))


def _as_typed(path: str) -> str:
    """From the working folder where it lies below that, else from the root: ``../../..`` tells nobody where."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
