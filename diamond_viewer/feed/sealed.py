"""One sealed file, or the lines of a part of it, read by itself: what a backfill worker does.

Only what needs no neighbour is read here: a plain file that begins and ends with a whole line. Anything else (halves of lines,
holes, compressed copies, a file that changes meanwhile) is left to the reader that knows the other files.
"""

from collections.abc import Callable
from dataclasses import dataclass

from diamond_viewer.feed import files
from diamond_viewer.feed.ingest import Ingest
from diamond_viewer.feed.parts import line_start
from diamond_viewer.feed.tail import Tail
from diamond_viewer.store import SealedSpans, SealedWriter
from diamond_viewer.telemetry.model import Problem


@dataclass(frozen=True, slots=True)
class SealedFile:
    """Which file, how large it is, and of which part the lines are wanted. ``key`` is its (device, inode)."""

    path: str
    key: files.Key
    size_bytes: int
    max_line_bytes: int
    begin: int = 0
    end: int = 2**62


@dataclass(frozen=True, slots=True)
class SealedReading:
    """What was read, from ``begin`` up to ``end``, in bytes. ``fingerprint`` proves that it was the bytes that the follower
    sees under that name."""

    spans: SealedSpans
    begin: int
    end: int
    fingerprint: bytes
    lines: int
    bad_lines: int
    problems: dict[str, Problem]
    counters: dict[str, int]


def read_sealed(file: SealedFile, make_writer: Callable[[], SealedWriter]) -> SealedReading | None:
    """None when the file is not one to be read by itself. Raises ``OSError`` when it cannot be read."""
    descriptor, name = files.open_file(file.path)
    tail = Tail(name, 0, file.max_line_bytes)
    tail.hold(descriptor)
    try:
        if name.key != file.key or name.size_bytes != file.size_bytes:
            return None
        begin, end = (line_start(descriptor, at, file.size_bytes) for at in (file.begin, file.end))
        if begin:
            tail.take_as_read(begin)
        writer = make_writer()
        ingest = Ingest(writer)
        while tail.offset < end:
            raw = tail.next_chunk()[: end - tail.offset]
            if not raw:
                return None
            for lines in tail.lines(raw):
                for offset, line in lines:
                    ingest.take(tail.ledger, offset, line)
                    if tail.ledger.bad_lines and tail.ledger.lines == 1:
                        return None  # it may be the rest of a line that another file began
        if tail.is_unfinished or tail.oversize or tail.gap_bytes or tail.failure:
            return None
        return SealedReading(
            writer.handed_over(),
            begin,
            end,
            tail.fingerprint,
            ingest.lines,
            ingest.bad_lines,
            tail.ledger.problems,
            dict(ingest.counters),
        )
    finally:
        tail.close()
