"""The backlog that stands on disk at start, as far as worker processes can read it: who reads what, and what came of it."""

from collections.abc import Callable, Sequence

from diamond_viewer.feed.backfill import Backfill, Outcome
from diamond_viewer.feed.ingest import Ingest
from diamond_viewer.feed.parts import MIN_PART_BYTES, Part, parts_of
from diamond_viewer.feed.sealed import SealedFile, SealedReading
from diamond_viewer.feed.shelf import Shelf
from diamond_viewer.feed.tail import Role, Tail
from diamond_viewer.store import Adoption, SealedWriter, TraceWriter

MAX_FILE_BYTES = 256 * 1024 * 1024  # of a larger file perhaps only the end fits into memory: it is read as it goes
MIN_BYTES = 48 * 1024 * 1024  # below this the workers would start for longer than they read
BEYOND_MEMORY = "Older than what fits into memory: its traces are not shown. A larger --memory holds more."


class History:
    """``make_writer`` must be something that can be pickled: a class or a function of a module."""

    def __init__(
        self,
        shelf: Shelf,
        ingest: Ingest,
        writer: TraceWriter,
        make_writer: Callable[[], SealedWriter],
        *,
        max_line_bytes: int,
        min_bytes: int,
        worker_count: int,
    ) -> None:
        self._shelf, self._ingest, self._writer, self._make_writer = shelf, ingest, writer, make_writer
        self._max_line_bytes = max_line_bytes
        self._min_bytes = min_bytes
        self._worker_count = worker_count
        self._tails: list[Tail] = []
        self._parts: list[Part] = []
        self._readings: list[SealedReading | None] = []  # of the pieces of one file, until all of them are there
        self._min_part_bytes = min(MIN_PART_BYTES, min_bytes)
        self._backfill: Backfill | None = None
        self.bytes_read = 0

    @property
    def is_over(self) -> bool:
        return self._backfill is None

    def begin(self, tails: Sequence[Tail]) -> None:
        """Have the sealed files among them read elsewhere, if there is enough to read."""
        sealed: list[Tail] = []
        for tail in reversed(tails):
            if tail.role is not Role.BACKUP or not tail.name.path.endswith(".json"):
                continue
            if tail.size_bytes > MAX_FILE_BYTES or not self._shelf.attempt(tail, tail.looks_sealed):
                break  # its half of a line may go on in the next file, so what is older waits for it too
            sealed.append(tail)
        if sum(tail.size_bytes for tail in sealed) < self._min_bytes:
            return
        parts = parts_of([tail.size_bytes for tail in sealed], self._worker_count, self._min_part_bytes)
        files = [self._file(sealed[part.number], part) for part in parts]
        self._tails, self._parts = sealed, parts
        self._backfill = Backfill(files, self._make_writer, self._worker_count)
        for tail in sealed:
            tail.is_elsewhere = True

    def _file(self, tail: Tail, part: Part) -> SealedFile:
        name = tail.name
        return SealedFile(name.path, name.key, tail.size_bytes, self._max_line_bytes, part.begin, part.end)

    def collect(self, timeout_s: float) -> bool:
        """Take over what the workers have finished. True when something came of it."""
        if self._backfill is None:
            return False
        outcomes = list(self._backfill.finished(timeout_s))
        for outcome in outcomes:
            if self.is_over:
                break  # there was no room for a newer file
            self._take(outcome)
        if self._backfill is not None and self._backfill.is_over:
            self.stop()
        return bool(outcomes)

    def stop(self) -> None:
        if self._backfill is not None:
            self._backfill.stop()
            self._backfill = None
            for tail in self._tails:
                tail.is_elsewhere = False

    def _take(self, outcome: Outcome) -> None:
        """The pieces of a file are taken over together, the newest first: as any other, it is held from its end backwards."""
        number = self._parts[outcome.number].number
        self._readings.append(outcome.reading)
        if [part.number for part in self._parts[outcome.number + 1 : outcome.number + 2]] == [number]:
            return  # its next piece is still to come
        tail, readings = self._tails[number], self._readings
        self._readings = []
        tail.is_elsewhere = False
        whole = [reading for reading in readings if reading is not None]
        if len(whole) < len(readings) or not self._shelf.attempt(
            tail, lambda: self._are_what_stands_there(tail, whole)
        ):
            return  # the reader takes it, line by line
        for reading in reversed(whole):
            adoption = self._writer.adopt(reading.spans)
            if adoption is Adoption.NO_ROOM:
                self._give_up(number)
                return
            if adoption is Adoption.HAS_REPEATS:
                tail.read_before(reading.end)
                return
            self._count(tail, reading)

    def _count(self, tail: Tail, reading: SealedReading) -> None:
        self.bytes_read += reading.end - reading.begin
        tail.ledger.lines += reading.lines
        tail.ledger.bad_lines += reading.bad_lines
        tail.ledger.problems.update(reading.problems)
        self._ingest.lines += reading.lines
        self._ingest.bad_lines += reading.bad_lines
        self._ingest.counters.update(reading.counters)

    @staticmethod
    def _are_what_stands_there(tail: Tail, readings: Sequence[SealedReading]) -> bool:
        """``readings`` of all pieces, as they lie in the file."""
        are_same = all(tail.take_as_read(reading.end) == reading.fingerprint for reading in readings)
        if not are_same:
            tail.read_again()
        return are_same

    def _give_up(self, number: int) -> None:
        """This file and all older ones have no room: they count as read, and say so."""
        for tail in self._tails[number:]:
            self._shelf.attempt(tail, lambda tail=tail: bool(tail.take_as_read(tail.size_bytes)))  # type: ignore[misc]
            tail.ledger.note("beyond memory", BEYOND_MEMORY)
        self.stop()
