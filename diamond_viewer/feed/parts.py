"""Which parts of the backlog's files are read by themselves: whole files while there are enough for every core, then pieces."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

MIN_PART_BYTES = 8 * 1024 * 1024  # a smaller one is read in less time than it takes to hand over
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """Of file ``number`` the lines that begin at ``begin`` or later, and before ``end``. Bytes."""

    number: int
    begin: int
    end: int


def parts_of(sizes: Sequence[int], worker_count: int, min_part_bytes: int = MIN_PART_BYTES) -> list[Part]:
    """The files in their order. Those that are left when every worker has had as many as the others are cut, so that none is
    idle while another reads the last of them; the pieces of a file in the order in which they stand there.

    >>> [(part.number, part.begin, part.end) for part in parts_of([90, 90, 91], 2, 10)]
    [(0, 0, 90), (1, 0, 90), (2, 0, 46), (2, 46, 91)]
    >>> [(part.begin, part.end) for part in parts_of([100], 3, 40)]
    [(0, 50), (50, 100)]
    """
    left = len(sizes) % worker_count
    found = []
    for number, size_bytes in enumerate(sizes):
        count = 1
        if number >= len(sizes) - left:
            count = max(1, min(worker_count // left, size_bytes // max(1, min_part_bytes)))
        step = -(-size_bytes // count)
        found += [Part(number, begin, min(begin + step, size_bytes)) for begin in range(0, size_bytes, step)]
    return found


def line_start(descriptor: int, offset: int, size_bytes: int) -> int:
    """Where the first line begins that does so at ``offset`` or behind it; ``size_bytes`` where none does. Raises
    ``OSError``."""
    at = offset
    while 0 < at < size_bytes:
        chunk = os.pread(descriptor, _CHUNK_BYTES, at - 1)
        found = chunk.find(b"\n")
        if found >= 0:
            return at + found
        if not chunk:
            return size_bytes
        at += len(chunk)
    return min(at, size_bytes)
