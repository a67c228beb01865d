"""Bytes in, whole lines with their offsets out. No file in sight.

A raw line feed or NUL never occurs inside a JSON text, so both end a line: the first as the collector meant it, the second
because a run of NULs is a hole (a file truncated under its writer, a tail that never reached the disk before a power cut).
"""

DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineSplitter:
    """Carries half a line from chunk to chunk.

    ``position`` is the offset of the byte that comes next, ``gap_bytes`` counts the NULs passed over. A line of more than
    ``max_line_bytes`` costs that line only: it is dropped as it comes, so memory stays at the limit.

    >>> splitter = LineSplitter()
    >>> splitter.feed(b'{"a":1}\\r\\n{"b"'), splitter.feed(b':2}\\n\\n'), splitter.feed(b'half')
    ([(0, b'{"a":1}')], [(9, b'{"b":2}')], [])
    >>> splitter.rest_offset, splitter.rest
    (18, b'half')
    """

    def __init__(self, max_line_bytes: int = DEFAULT_MAX_LINE_BYTES, position: int = 0) -> None:
        self.max_line_bytes = max_line_bytes
        self.position = position
        self.gap_bytes = 0
        self.rest_offset = position
        self.rest_size = 0
        self._parts: list[bytes] = []  # joined only when the line is whole: a long line is copied once, not per chunk
        self._dropping = False
        self._oversize: list[int] = []

    @property
    def rest(self) -> bytes:
        """The bytes of the line that is not whole yet; empty while a line that is too long is being dropped."""
        return b"".join(self._parts)

    @property
    def rest_looks_whole(self) -> bool:
        """Whether the rest ends as a document does: worth a try when nothing follows."""
        return bool(self._parts) and self._parts[-1].rstrip()[-1:] in (b"}", b"]")

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """The lines that ``chunk`` completes, as ``(offset of the first byte, bytes without the line end)``.

        Empty and blank lines are passed over in silence: the collector writes a line and its line feed in two steps, and
        when it rotates in between the next file starts with an empty line.
        """
        lines: list[tuple[int, bytes]] = []
        if b"\0" in chunk:
            chunk = self._without_gaps(chunk, lines)
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            self._end_line(chunk[begin:end], end + 1 - begin, lines)
            begin = end + 1
        if begin < len(chunk):
            self._carry(chunk[begin:])
        return lines

    def skip(self, size_bytes: int) -> list[tuple[int, bytes]]:
        """Pass over a hole without reading it. A line that was cut off by it is returned: it has no other end."""
        lines: list[tuple[int, bytes]] = []
        self._end_line(b"", size_bytes, lines)
        self.gap_bytes += size_bytes
        return lines

    def take_rest(self) -> tuple[int, bytes]:
        """The half line, which is then no longer carried: what comes next starts a line of its own."""
        offset, rest = self.rest_offset, self.rest
        self._start_line()
        return offset, rest

    def take_oversize(self) -> list[int]:
        """The offsets of the lines that turned out too long since the last call; they need not have ended yet."""
        oversize, self._oversize = self._oversize, []
        return oversize

    def _without_gaps(self, chunk: bytes, lines: list[tuple[int, bytes]]) -> bytes:
        """The chunk with its NULs as line feeds, which keeps every offset; long runs at its ends are cut off at once."""
        body = chunk.lstrip(b"\0")
        if leading := len(chunk) - len(body):
            lines += self.skip(leading)
        self.gap_bytes += body.count(b"\0")
        return body.replace(b"\0", b"\n")

    def _end_line(self, piece: bytes, size_bytes: int, lines: list[tuple[int, bytes]]) -> None:
        """``size_bytes`` is that of the piece and of what ended it."""
        offset = self.rest_offset
        if piece:
            self._carry(piece)
            size_bytes -= len(piece)
        if self._parts:
            line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            line = trimmed(line)
            if line and not line.isspace():
                lines.append((offset, line))
        self.position += size_bytes
        self._start_line()

    def _carry(self, piece: bytes) -> None:
        self.position += len(piece)
        self.rest_size += len(piece)
        if self._dropping:
            return
        if self.rest_size > self.max_line_bytes:
            self._dropping = True
            self._oversize.append(self.rest_offset)
            self._parts.clear()
        else:
            self._parts.append(piece)

    def _start_line(self) -> None:
        self._parts = []
        self._dropping = False
        self.rest_size = 0
        self.rest_offset = self.position


def trimmed(line: bytes) -> bytes:
    """Without what Windows puts around a line: a byte order mark and a carriage return."""
    return line.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\r")
