"""What a client sent, decompressed as far as the limit and no further: a bomb is noticed before it is memory."""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import zstandard

MAX_BODY_BYTES = 64 * 1024**2  # decompressed, as the specification recommends
READ_BYTES = 64 * 1024
ZSTD_READ_BYTES = 512  # of which zstd makes at most 16 MiB: it does not stop in the middle of what it is given
MAX_ZSTD_WINDOW_BYTES = 8 * 1024**2  # RFC 8878 asks no more of a decoder, and no exporter uses more

_GZIP_OR_ZLIB, _RAW_DEFLATE = 47, -15  # zlib's names for them


class BodyError(ValueError):
    """The body cannot be had. The message is a sentence, ``status`` the HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_body(given: BinaryIO, encoding: str, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, plain. ``encoding`` is the Content-Encoding header; raises ``BodyError``."""
    name = encoding.strip().lower() or "identity"
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise BodyError(415, f"Content-Encoding {name[:40]!r} is not understood: use gzip, zstd, deflate or none.")
    parts: list[bytes] = []
    size_bytes = 0
    try:
        for part in decoder(given, max_bytes):
            size_bytes += len(part)
            if size_bytes > max_bytes:
                raise BodyError(413, f"The body has more than {max_bytes // 1024**2} MiB, decompressed.")
            parts.append(part)
    except (zlib.error, zstandard.ZstdError, EOFError):
        raise BodyError(400, f"The body is not {name}, or cut off.") from None
    return b"".join(parts)


def _plain(given: BinaryIO, _: int) -> Iterator[bytes]:
    while part := given.read(READ_BYTES):
        yield part


def _zlib(given: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """gzip (also of several members) and zlib; and deflate without a header, which the HTTP standard never meant."""
    part = given.read(READ_BYTES)
    while part:
        decoder = zlib.decompressobj(_GZIP_OR_ZLIB if _has_header(part) else _RAW_DEFLATE)
        while not decoder.eof:
            if not part:
                raise EOFError
            yield decoder.decompress(part, max_bytes + 1)
            part = decoder.unconsumed_tail or (decoder.unused_data if decoder.eof else given.read(READ_BYTES))
        part = part or given.read(READ_BYTES)


def _has_header(part: bytes) -> bool:
    is_zlib = part[0] & 0x0F == 8 and len(part) > 1 and (part[0] * 256 + part[1]) % 31 == 0
    return is_zlib or part[:2] == b"\x1f\x8b"


def _zstd(given: BinaryIO, _: int) -> Iterator[bytes]:
    part = given.read(ZSTD_READ_BYTES)
    while part:
        decoder = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES).decompressobj()
        while not decoder.eof:
            if not part:
                raise EOFError
            yield decoder.decompress(part)
            part = decoder.unused_data if decoder.eof else given.read(ZSTD_READ_BYTES)
        part = part or given.read(ZSTD_READ_BYTES)


_DECODERS: dict[str, Callable[[BinaryIO, int], Iterator[bytes]]] = {
    "identity": _plain,
    "gzip": _zlib,
    "x-gzip": _zlib,
    "deflate": _zlib,
    "zstd": _zstd,
}
