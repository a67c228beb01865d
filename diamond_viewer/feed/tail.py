"""One followed file: what is new in it, and whether what we read of it is still there.

A file is its (device, inode) while we hold it open. Truncation in place keeps both, and a file that has regrown past our
offset does not even look shorter, so every read compares bytes: the head of the file, and the marker just before the offset.
"""

import errno
import os
from collections.abc import Iterator
from enum import StrEnum

import xxhash

from diamond_viewer.feed.compressed import Sniffer, UnpackError
from diamond_viewer.feed.files import Name
from diamond_viewer.feed.ingest import Ledger
from diamond_viewer.feed.lag import Lag
from diamond_viewer.telemetry.lines import LineSplitter, trimmed
from diamond_viewer.telemetry.otlp_documents import DocumentGatherer

CHUNK_BYTES = 1024 * 1024
# The resource comes first in a line, so the first bytes of two files are often equal: the head reaches into the spans.
HEAD_BYTES = 16 * 1024
MARKER_BYTES = 4 * 1024

NEVER = (-1, -1, -1)  # the mark of a file that was not closed as it stands

Lines = list[tuple[int, bytes]]


class Role(StrEnum):
    LIVE = "live"  # has the name that the collector writes to
    BACKUP = "backup"  # has another name that was asked for
    GONE = "gone"  # has no such name any more; we still hold it open


class Rewritten(Exception):  # noqa: N818  (not an error of ours)
    """What was read of the file is no longer in it: it was truncated, or truncated and written again."""


class Tail:
    """``offset`` counts raw bytes, before unpacking. ``serial`` orders tails by age: a later file was found later."""

    def __init__(self, name: Name, serial: int, max_line_bytes: int) -> None:
        self.name = name
        self.serial = serial
        self.role = Role.BACKUP
        self.ledger = Ledger()
        self.failure = ""  # why its content is of no use, until it is rewritten
        self.trouble = ""  # why it cannot be read just now
        self.size_bytes = name.size_bytes
        self.lag = Lag()
        self.grown_s = 0.0  # when bytes last came, by the clock of who reads
        self.mark_at_close = NEVER
        self.is_elsewhere = False  # another process reads it
        self.is_copy = False  # of content that was read elsewhere: no neighbour of any other file
        self.was_passed = False  # a later file began with a whole line: our half line has no other half there
        self.is_half_refused = False  # it has been counted; still kept, for a writer that has not finished
        self.cut_half: tuple[int, bytes] | None = None  # a half line that a truncation cut off, and its offset
        self.oversize: list[int] = []
        self.gap_bytes = 0
        self._max_line_bytes = max_line_bytes
        self._descriptor: int | None = None
        # from where to where it was read elsewhere, when not from its beginning
        self._known: tuple[int, int] | None = None
        self._start()

    def _start(self) -> None:
        self.offset = 0
        self.has_begun = False  # the first line has been read
        self._marker = b""
        self._head = xxhash.xxh3_128()
        self._head_size = 0
        self._tried = (0, Role.LIVE)
        self._gap_before = 0
        self._sniffer = Sniffer(self._max_line_bytes)
        self._splitter = LineSplitter(self._max_line_bytes)
        self._gatherer = DocumentGatherer(self._max_line_bytes)

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    @property
    def unread_bytes(self) -> int:
        return 0 if self.failure else max(0, self.size_bytes - self.offset)

    def hold(self, descriptor: int) -> None:
        """Read from this descriptor from now on, and own it."""
        self.close()
        self._descriptor = descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self.mark_at_close = self.name.mark

    def looks_sealed(self) -> bool:
        """Whether it may be read by another process, which knows no other file. Raises ``OSError``."""
        if self._descriptor is None or self.offset or not self.size_bytes:
            return False
        begins_as_json = os.pread(self._descriptor, 1, 0) == b"{"
        return begins_as_json and os.pread(self._descriptor, 1, self.size_bytes - 1) == b"\n"

    def links(self) -> int:
        """How many names the file has, of any kind; 0 when it is deleted or not open."""
        return os.fstat(self._descriptor).st_nlink if self._descriptor is not None else 0

    def is_replaced(self) -> bool:
        """Whether this is another file than the one that was closed. Raises ``OSError``."""
        try:
            self._checked_bytes(0)
        except Rewritten:
            return True
        # Two files of one service may begin with the same few bytes. Reading a short file again costs nothing: its lines
        # are recognised.
        return self._head_size < HEAD_BYTES and self.size_bytes != self.offset

    def next_chunk(self) -> bytes:
        """The next raw bytes, at most 1 MiB; empty at the end. Raises ``Rewritten``, ``OSError``."""
        if self._known is not None and self.offset == self._known[0]:
            self.take_as_read(self._known[1])
            self._known = None
        raw = self._checked_bytes(CHUNK_BYTES)
        if self._known is not None:
            raw = raw[: self._known[0] - self.offset]
        return b"" if self.failure else raw

    def lines(self, raw: bytes) -> Iterator[Lines]:
        """Advance over a chunk: the lines it completes, piece by piece, so that the reader may stop in between."""
        self._advance(raw)
        try:
            for piece in self._sniffer.feed(raw):
                lines = self._splitter.feed(piece)
                too_long = self._splitter.take_oversize()
                self.oversize += too_long
                gap_bytes = self._splitter.gap_bytes - self._gap_before
                self.gap_bytes += gap_bytes
                self._gap_before = self._splitter.gap_bytes
                yield self._gathered(lines)
                if self._sniffer.wrapping != "Plain" and (too_long or self._splitter.gap_bytes > self._max_line_bytes):
                    if not too_long:
                        self.oversize.append(self._splitter.position)
                    raise UnpackError("It unpacks to a line longer than the limit: the rest of the file is not read.")
        except UnpackError as error:
            self.failure = f"'{self.name.path}': {error}"
        if not raw.strip(b"\0") and self._sniffer.wrapping == "Plain":
            yield self._gathered(self._jump_hole())

    def restart(self) -> None:
        """Read from the beginning again. A half line becomes ``cut_half``: the new content may begin with its rest."""
        offset, half = self.drop_half()
        self.cut_half = (offset, half) if half else None
        self.failure = ""
        self.was_passed = self.is_half_refused = False
        self.read_again()

    def take_as_read(self, size_bytes: int) -> bytes:
        """Go to ``size_bytes`` without reading the lines before it: another process has. Returns the fingerprint of what
        stands there now. Raises ``OSError``."""
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file is not open", self.name.path)
        self._start()
        head = os.pread(self._descriptor, min(HEAD_BYTES, size_bytes), 0)
        self._head.update(head)
        self._head_size = len(head)
        marker_bytes = min(MARKER_BYTES, size_bytes)
        self._marker = os.pread(self._descriptor, marker_bytes, size_bytes - marker_bytes)
        self.offset = size_bytes
        self._splitter = LineSplitter(self._max_line_bytes, size_bytes)
        self.has_begun = True
        return self.fingerprint

    def pass_over(self, last_bytes: int) -> None:
        """Read nothing before the line in which the last so many bytes begin; with 0 nothing before the end but half a line.

        A compressed file has no such place: all of it counts as read. Raises ``OSError``.
        """
        if self._descriptor is None:
            return
        is_plain = os.pread(self._descriptor, 1, 0) in (b"{", b"[")
        end = max(0, self.size_bytes - last_bytes) if is_plain else self.size_bytes
        begin = end
        while begin > 0 and is_plain:
            size_bytes = min(CHUNK_BYTES, begin)
            found = os.pread(self._descriptor, size_bytes, begin - size_bytes).rfind(b"\n")
            if found >= 0:
                begin += found + 1 - size_bytes
                break
            begin -= size_bytes
        self.take_as_read(begin)

    def read_again(self) -> None:
        """Nothing of it counts as read."""
        self._known = None
        self._start()

    def read_before(self, end: int) -> None:
        """What stands there now counts as read from ``end`` on, where a line begins, and nothing before it."""
        self.read_again()
        self._known = end, self.size_bytes

    @property
    def fingerprint(self) -> bytes:
        """Stands for the bytes up to the offset."""
        return self._head.digest() + xxhash.xxh3_128_digest(self._marker)

    @property
    def is_inside_wrapping(self) -> bool:
        """Whether a compressed file ends, as far as we can see, in the middle of its data."""
        return not self.failure and self._sniffer.is_inside

    @property
    def half_offset(self) -> int:
        return self._splitter.rest_offset

    def half(self) -> bytes:
        """The half line at the end; empty inside a document of many lines."""
        return b"" if self._gatherer.pending else self._splitter.rest

    def drop_half(self) -> tuple[int, bytes]:
        """Offset and bytes of what was unfinished, which is then forgotten."""
        gathered = self._gatherer.give_up()
        offset, rest = self._splitter.take_rest()
        if gathered:
            return gathered[0][0], b"\n".join([gathered[0][1], rest])
        return offset, rest

    @property
    def is_unfinished(self) -> bool:
        return self._splitter.rest_size > 0 or self._gatherer.pending

    def last_line(self) -> bytes:
        """The last line without its line feed when it looks whole and was not tried yet, else empty.

        In a document of many lines: its last line is given to the document, which may then be whole.
        """
        if self._tried == (self._splitter.position, self.role) or not self._splitter.rest_looks_whole:
            return b""
        self._tried = self._splitter.position, self.role
        return trimmed(self._splitter.rest)

    def close_document(self, last_line: bytes) -> Lines:
        """The document that ``last_line`` ends, if one is open and it does."""
        if not self._gatherer.closes_with(last_line):
            return []
        return self._gatherer.feed(*self._splitter.take_rest())

    @property
    def is_in_document(self) -> bool:
        return self._gatherer.pending

    def _checked_bytes(self, count: int) -> bytes:
        """``count`` bytes from the offset on, or fewer at the end, once the head and the marker are still what they were."""
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file is not open", self.name.path)
        if self._head_size:
            head = os.pread(self._descriptor, self._head_size, 0)
            if len(head) < self._head_size or xxhash.xxh3_128_digest(head) != self._head.digest():
                raise Rewritten
        # one read for the marker and what follows it: nothing can be truncated in between
        begin = self.offset - len(self._marker)
        raw = os.pread(self._descriptor, len(self._marker) + count, begin)
        self.size_bytes = os.fstat(self._descriptor).st_size
        if not raw.startswith(self._marker) or self.size_bytes < begin + len(raw):
            raise Rewritten
        return raw[len(self._marker) :]

    def _advance(self, raw: bytes) -> None:
        if self._head_size < HEAD_BYTES:
            added = raw[: HEAD_BYTES - self._head_size]
            self._head.update(added)
            self._head_size += len(added)
        self.offset += len(raw)
        self._marker = raw[-MARKER_BYTES:] if len(raw) >= MARKER_BYTES else (self._marker + raw)[-MARKER_BYTES:]

    def _gathered(self, lines: Lines) -> Lines:
        gathered: Lines = []
        for offset, line in lines:
            gathered += self._gatherer.feed(offset, line)
        return gathered

    def _jump_hole(self) -> Lines:
        """After a chunk of nothing but NULs: go to where bytes begin again, without reading what the disk does not hold."""
        if self._descriptor is None:
            return []
        try:
            offset = os.lseek(self._descriptor, self.offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no bytes up to the end; else the file system cannot tell
                return []
            offset = self.size_bytes
        size_bytes = offset - self.offset
        if size_bytes <= MARKER_BYTES:
            return []
        lines = self._splitter.skip(size_bytes)
        self.gap_bytes += size_bytes
        self._gap_before = self._splitter.gap_bytes
        self.offset = offset
        self._marker = bytes(MARKER_BYTES)
        return lines
