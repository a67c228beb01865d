"""What is new in every file, oldest file first, and what becomes of half a line at the end of a file.

Old collectors rotate in the middle of a line, all of them may rotate between a line and its line feed, and a truncation
cuts where it likes. So a half line waits: for the rest of its own file, or for the first line of a later one.
"""

import time
from collections.abc import Callable

from diamond_viewer.feed.ingest import Ingest
from diamond_viewer.feed.shelf import Shelf
from diamond_viewer.feed.tail import Lines, Rewritten, Role, Tail
from diamond_viewer.telemetry.otlp_documents import documents_in

CUT_OFF = "cut off"  # the kind of problem that half a line is

Drop = Callable[[], object]


class Reader:
    """``patience_s``: how long a half line waits for its own file once a later one began without it."""

    def __init__(
        self,
        shelf: Shelf,
        ingest: Ingest,
        *,
        max_line_bytes: int,
        patience_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._ingest = ingest
        self._max_line_bytes = max_line_bytes
        self._patience_s = patience_s
        self._clock = clock
        self.bytes_read = 0  # raw bytes, of all files together

    def read(self, budget_bytes: int, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Read about ``budget_bytes`` of what is new. True when there may be more."""
        for tail in self._shelf.by_age():
            if tail.is_elsewhere:
                continue
            reading = _Reading(tail, budget_bytes)
            if self._shelf.attempt(tail, lambda reading=reading: self._read(reading, stopping)):  # type: ignore[misc]
                return True
            budget_bytes = reading.budget_bytes
        return False

    def _read(self, reading: "_Reading", stopping: Callable[[], bool]) -> bool:
        tail = reading.tail
        if not tail.is_open:
            if tail.mark_at_close == tail.name.mark:
                return False
            self._shelf.open(tail)
        while reading.budget_bytes > 0 and not stopping():
            try:
                raw = tail.next_chunk()
            except Rewritten:
                self._restart(tail)
                continue
            if not raw:
                self._at_end(tail)
                return False
            tail.grown_s = self._clock()
            if tail.is_half_refused:
                self._ingest.withdraw(tail.ledger, CUT_OFF)
            tail.was_passed = tail.is_half_refused = False
            self.bytes_read += len(raw)
            for lines in tail.lines(raw):
                self._take(tail, lines)
                reading.budget_bytes -= sum(len(line) for _, line in lines)
                if stopping():
                    return True
            self._count_losses(tail)
            reading.budget_bytes -= len(raw)
        return True

    def _take(self, tail: Tail, lines: Lines) -> None:
        for offset, line in lines:
            if tail.has_begun:
                self._ingest.take(tail.ledger, offset, line)
                continue
            halves = self._halves_before(tail, offset)
            used = self._ingest.take(tail.ledger, offset, line, [half for half, _ in halves])
            self._begin(tail, halves, used)

    def _restart(self, tail: Tail) -> None:
        self._give_up_cut_half(tail)
        tail.restart()
        if tail.role is Role.LIVE:
            self._ingest.counters["truncations"] += 1
            tail.ledger.note(
                "truncated", "The file was truncated: what was written between our last look and that may be missing."
            )

    def _count_losses(self, tail: Tail) -> None:
        for offset in tail.oversize:
            self._ingest.refuse_oversize(tail.ledger, offset, self._max_line_bytes)
        tail.oversize = []
        self._ingest.counters["gap_bytes"] += tail.gap_bytes
        tail.gap_bytes = 0
        if tail.failure:
            self._ingest.counters["unreadable"] += 1
            tail.ledger.note("cannot be unpacked", tail.failure, tail.offset)

    def _at_end(self, tail: Tail) -> None:
        """Everything that stands in the file has been read."""
        if last_line := tail.last_line():
            self._take_last_line(tail, last_line)
        has_waited = self._clock() - tail.grown_s >= self._patience_s
        if tail.role is not Role.LIVE and has_waited:
            if tail.was_passed and tail.is_unfinished and not tail.is_half_refused:
                tail.is_half_refused = self._refuse_half(tail, tail.half_offset, tail.half())
            if tail.is_inside_wrapping and "cut off data" not in tail.ledger.problems:
                tail.ledger.note(
                    "cut off data",
                    "The compressed data ends in its middle. If more is written to it, that is read.",
                    tail.offset,
                )
        if self._shelf.may_be_closed(tail):
            tail.close()
        elif self._shelf.may_be_forgotten(tail):
            if not tail.is_half_refused:
                self._refuse_half(tail, *tail.drop_half())
            self._shelf.forget(tail)

    def _take_last_line(self, tail: Tail, line: bytes) -> None:
        """A last line without its line feed is taken as soon as it is whole: the line feed comes in a write of its own,
        perhaps in the next file, perhaps never."""
        if tail.is_in_document:
            self._take(tail, tail.close_document(line))
            return
        *whole, (_, line) = documents_in(tail.half_offset, line)
        if whole:
            if self._ingest.write_if_readable(line):
                tail.drop_half()
                self._take(tail, whole)
            return
        halves = [] if tail.has_begun else self._halves_before(tail, tail.half_offset)
        used = None
        if not self._ingest.write_if_readable(line):
            used = next((half for half, _ in halves if self._ingest.join(half, line)), None)
            if used is None and not (
                tail.role is not Role.LIVE and self._ingest.take_behind_fragment(tail.ledger, tail.half_offset, line)
            ):
                return
        self._ingest.lines += 1
        tail.ledger.lines += 1
        tail.drop_half()
        if not tail.has_begun:
            self._begin(tail, halves, used)

    def _halves_before(self, tail: Tail, offset: int) -> list[tuple[bytes, Drop]]:
        """Half lines that may go on in the first line of ``tail``, which is at ``offset``, each with how to drop it."""
        halves: list[tuple[bytes, Drop]] = [
            (half, other.drop_half)
            for other in self._predecessors(tail)
            if not other.was_passed and (half := other.half())
        ]
        # A truncated file is no proof that nothing is missing between what we had and what follows, and two halves of
        # different lines may fit: a span that never was. A hole of exactly the size that we had read is a proof.
        if tail.cut_half and offset == tail.cut_half[0] + len(tail.cut_half[1]):
            halves.append((tail.cut_half[1], lambda: setattr(tail, "cut_half", None)))
        return halves

    def _begin(self, tail: Tail, halves: list[tuple[bytes, Drop]], used: bytes | None) -> None:
        """The first line of ``tail`` is read, with or without one of the halves: the others did not go on in it."""
        tail.has_begun = True
        for half, drop in halves:
            if half == used:
                drop()  # every copy of it: copytruncate leaves two
        self._give_up_cut_half(tail)
        for other in self._predecessors(tail):
            other.was_passed = True

    def _predecessors(self, tail: Tail) -> list[Tail]:
        """Files of the family that end before ``tail`` begins, latest first."""
        if tail.is_copy:
            return []
        relatives = self._shelf.relatives(tail)
        before = relatives[relatives.index(tail) + 1 :]
        return [other for other in before if other.role is not Role.LIVE and not other.is_copy]

    def _give_up_cut_half(self, tail: Tail) -> None:
        if tail.cut_half:
            self._refuse_half(tail, *tail.cut_half)
            tail.cut_half = None

    def _refuse_half(self, tail: Tail, offset: int, line: bytes) -> bool:
        """Count half a line as a bad one, unless there is nothing in it or another file has it too."""
        if not line.strip() or tail.is_copy:
            return False
        sentence = "The line is cut off at the end of its file, and no later file goes on with it."
        self._ingest.refuse(tail.ledger, CUT_OFF, sentence, offset, line)
        return True


class _Reading:
    """What is left of a look's budget; a reading that ends in an error has spent its part all the same."""

    def __init__(self, tail: Tail, budget_bytes: int) -> None:
        self.tail = tail
        self.budget_bytes = budget_bytes
