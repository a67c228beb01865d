"""What a file is wrapped in, told by its first bytes, and how to get the lines out of it, a bounded piece at a time.

* JSON lines as they are
* gzip, also of several members; zstd, also of several frames
* the collector's length prefixes (4 bytes, big-endian), before messages in protobuf (``format: proto``), before zstd frames
  (``compression: zstd``), or both
* length prefixes inside gzip or zstd

Every ``feed`` yields pieces of lines of at most about 1 MiB, whatever the ratio: who reads decides when to stop.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from diamond_viewer.telemetry.lines import DEFAULT_MAX_LINE_BYTES
from diamond_viewer.telemetry.otlp import LineError

PIECE_BYTES = 1024 * 1024
MAX_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024  # what ``zstd --long=27`` needs, and no more
ZSTD_INPUT_BYTES = 256  # zstd has no limit on what comes out; so little in is at most some 8 MiB out

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC = b"\x1f\x8b"
_PROTOBUF_FIELD_1 = 0x0A
_LENGTH_PREFIX_BYTES = 4
_SNIFFED_BYTES = 8
_MAX_FIRST_LENGTH_BYTE = 0x08  # a message of 144 MiB or more is no message


class UnpackError(ValueError):
    """The file cannot be unpacked. The message is one sentence."""


class Unpacker(Protocol):
    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Pieces of lines out of the next raw bytes. Raises ``UnpackError``, after which the file is of no use."""
        ...

    @property
    def is_inside(self) -> bool:
        """Whether the raw bytes so far end in the middle of something."""
        ...


class Plain:
    """Lines as they are."""

    is_inside = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if raw:
            yield raw


class Gzip:
    def __init__(self, inner: Unpacker) -> None:
        self._inner = inner
        self._stream = zlib.decompressobj(wbits=31)
        self._begun = False

    @property
    def is_inside(self) -> bool:
        return (self._begun and not self._stream.eof) or self._inner.is_inside

    def feed(self, raw: bytes) -> Iterator[bytes]:
        while raw:
            if self._stream.eof:
                raw = raw.lstrip(b"\0")  # padding between and after members, as gzip itself allows
                if not raw:
                    return
                self._stream = zlib.decompressobj(wbits=31)
            self._begun = True
            try:
                piece = self._stream.decompress(raw, PIECE_BYTES)
                raw = self._stream.unconsumed_tail
                yield from self._inner.feed(piece)
                while not raw and not self._stream.eof and len(piece) == PIECE_BYTES:
                    piece = self._stream.decompress(b"", PIECE_BYTES)  # what zlib still holds back
                    yield from self._inner.feed(piece)
            except zlib.error as error:
                raise UnpackError(f"The gzip data is damaged: {error}.") from None
            if self._stream.eof:
                raw = self._stream.unused_data


class Zstd:
    def __init__(self, inner: Unpacker) -> None:
        self._inner = inner
        self._frame: zstandard.ZstdDecompressionObj | None = None

    @property
    def is_inside(self) -> bool:
        return self._frame is not None or self._inner.is_inside

    def feed(self, raw: bytes) -> Iterator[bytes]:
        view = memoryview(raw)
        for begin in range(0, len(raw), ZSTD_INPUT_BYTES):
            waiting = bytes(view[begin : begin + ZSTD_INPUT_BYTES])
            while waiting:
                if self._frame is None:
                    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES)
                    self._frame = decompressor.decompressobj()
                try:
                    unpacked = self._frame.decompress(waiting)
                except zstandard.ZstdError as error:
                    raise UnpackError(f"The zstd data is damaged: {error}.") from None
                waiting = self._frame.unused_data
                if self._frame.eof:
                    self._frame = None  # with its window, of up to 128 MiB: a file that was read needs no memory
                for at in range(0, len(unpacked), PIECE_BYTES):
                    yield from self._inner.feed(unpacked[at : at + PIECE_BYTES])


class LengthPrefixed:
    """Messages behind their lengths, each of them a zstd frame, a protobuf message or a JSON text."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._buffer = bytearray()

    @property
    def is_inside(self) -> bool:
        return bool(self._buffer)

    def feed(self, raw: bytes) -> Iterator[bytes]:
        self._buffer += raw
        while len(self._buffer) >= _LENGTH_PREFIX_BYTES:
            size_bytes = int.from_bytes(self._buffer[:_LENGTH_PREFIX_BYTES], "big")
            if size_bytes > self._max_message_bytes:
                raise UnpackError(
                    f"The file is length-prefixed (the collector's `format: proto` or `compression: zstd`), and its next "
                    f"message claims {size_bytes:,} bytes: more than the limit for a line, or damage."
                )
            end = _LENGTH_PREFIX_BYTES + size_bytes
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[_LENGTH_PREFIX_BYTES:end])
            del self._buffer[:end]
            if message:
                yield self._line(message) + b"\n"

    def _line(self, message: bytes) -> bytes:
        if message.startswith(ZSTD_MAGIC):
            message = b"".join(self._decompressed(message))
        if message.lstrip()[:1] in (b"{", b"["):
            return message.replace(b"\n", b" ")  # a raw line feed is white space in JSON, and would end the line here
        from diamond_viewer.telemetry.protobuf import line_from_message  # now: few files need it, and it takes a while

        try:
            return line_from_message(message)
        except LineError:
            # goes on as it is, to be counted and previewed as any bad line
            return message.translate(None, b"\n\0") or b"?"

    def _decompressed(self, message: bytes) -> Iterator[bytes]:
        size_bytes = 0
        for piece in Zstd(Plain()).feed(message):
            size_bytes += len(piece)
            if size_bytes > self._max_message_bytes:
                raise UnpackError(
                    f"A zstd message unpacks to more than {self._max_message_bytes:,} bytes, the limit for a line."
                )
            yield piece


class Sniffer:
    """Waits for the first bytes, then is whatever they ask for."""

    def __init__(self, max_line_bytes: int = DEFAULT_MAX_LINE_BYTES, *, may_be_compressed: bool = True) -> None:
        self._max_line_bytes = max_line_bytes
        self._may_be_compressed = may_be_compressed
        self._first = b""
        self._inner: Unpacker | None = None

    @property
    def wrapping(self) -> str:
        """What the file turned out to be: ``Plain``, ``Gzip``, ``Zstd``, ``LengthPrefixed``, or empty before it is known."""
        return type(self._inner).__name__ if self._inner else ""

    @property
    def is_inside(self) -> bool:
        return self._inner.is_inside if self._inner else bool(self._first)

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if self._inner is None:
            self._first += raw
            make = self._told_by(self._first)
            if make is None:
                return
            self._inner, raw, self._first = make(), self._first, b""
        yield from self._inner.feed(raw)

    def _told_by(self, first: bytes) -> Callable[[], Unpacker] | None:
        """The wrapping that these first bytes ask for; None when more are needed to tell."""
        if self._may_be_compressed:
            if first.startswith(GZIP_MAGIC):
                return lambda: Gzip(self._within())
            if first.startswith(ZSTD_MAGIC):
                return lambda: Zstd(self._within())
            if GZIP_MAGIC.startswith(first) or ZSTD_MAGIC.startswith(first):
                return None
        if first and first[0] <= _MAX_FIRST_LENGTH_BYTE and first[:_LENGTH_PREFIX_BYTES].strip(b"\0"):
            if len(first) < _SNIFFED_BYTES:
                return None
            if first[4] == _PROTOBUF_FIELD_1 or first[4:8] == ZSTD_MAGIC:
                return lambda: LengthPrefixed(self._max_line_bytes)
        elif first and len(first) < _LENGTH_PREFIX_BYTES and not first.strip(b"\0"):
            return None  # a hole, or the beginning of a length
        return Plain

    def _within(self) -> "Sniffer":
        return Sniffer(self._max_line_bytes, may_be_compressed=False)
