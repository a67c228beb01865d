"""The complete originals of all lines of a segment, zstd-compressed in blocks.

A long line is a block of its own; short ones share a block, because 600 bytes alone hardly compress.
"""

import threading

import numpy as np
import zstandard

from diamond_viewer.index.columns import Table

BLOCK_BYTES = 128 * 1024
_LEVEL = 1  # 840 MB/s and 40 bytes a span; level 3 saves a tenth and costs half the speed

_local = threading.local()  # zstandard's contexts must not be shared between threads


class Originals:
    """Line number -> its bytes."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._lines = Table({"block": np.uint32, "offset": np.uint32, "length": np.uint32}, capacity=64)
        self._compressed_bytes = 0

    def append(self, original: bytes) -> int:
        """Keep a line; returns its number."""
        place = {"block": len(self._blocks), "offset": self._open_bytes, "length": len(original)}
        self._lines.append({name: np.array([value], np.uint32) for name, value in place.items()}, 1)
        self._open.append(original)
        self._open_bytes += len(original)
        if self._open_bytes >= BLOCK_BYTES:
            self._close_block()
        return self._lines.size - 1

    def pack(self) -> None:
        if self._open:
            self._close_block()
        self._lines.pack()

    def _close_block(self) -> None:
        # a copy of the right size: the compressor's own result keeps the room of the worst case, ten times as much
        block = bytes(memoryview(_compressor().compress(b"".join(self._open))))
        self._blocks.append(block)
        self._compressed_bytes += len(block)
        self._open, self._open_bytes = [], 0

    def excerpt(self, line: int) -> "Excerpt":
        """A line as a value that can be read after the store's lock is given back."""
        block, offset, length = (int(self._lines[name][line]) for name in ("block", "offset", "length"))
        if block == len(self._blocks):
            return Excerpt(b"".join(self._open), False, offset, length)
        return Excerpt(self._blocks[block], True, offset, length)

    @property
    def line_count(self) -> int:
        return self._lines.size

    @property
    def size_bytes(self) -> int:
        return self._compressed_bytes + self._open_bytes + self._lines.size_bytes + 40 * len(self._blocks)


class Excerpt:
    """One line inside its block; ``read`` decompresses it."""

    __slots__ = ("_block", "_is_compressed", "_length", "_offset")

    def __init__(self, block: bytes, is_compressed: bool, offset: int, length: int) -> None:
        self._block, self._is_compressed, self._offset, self._length = block, is_compressed, offset, length

    @classmethod
    def of(cls, line: bytes) -> "Excerpt":
        """A line that is not kept yet."""
        return cls(line, False, 0, len(line))

    @property
    def place(self) -> tuple[int, int]:
        """The same for the same line, as long as both excerpts live; lines of a block stand together when sorted."""
        return id(self._block), self._offset

    @property
    def is_sealed(self) -> bool:
        """Its block will hold nothing else."""
        return self._is_compressed

    def read(self) -> bytes:
        return self.cut(self.read_block())

    def read_block(self) -> bytes:
        """All lines of the block; ``cut`` takes this one out of it."""
        return _decompressor().decompress(self._block) if self._is_compressed else self._block

    def cut(self, block: bytes) -> bytes:
        return block[self._offset : self._offset + self._length]

    def shares_block_with(self, other: "Excerpt") -> bool:
        return self._block is other._block


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    compressor: zstandard.ZstdCompressor = _local.compressor
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    decompressor: zstandard.ZstdDecompressor = _local.decompressor
    return decompressor
