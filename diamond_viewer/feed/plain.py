"""Whole lines of plain files as fast as they can be had, for a question that most lines cannot answer.

Only what needs no care is read here: files that begin with a bracket and end with a line feed. Anything else (halves of lines,
holes, compressed copies, a pipe, a file that is not there) raises ``NotPlainError``, and whoever asks takes ``Backlog``.
"""

import os
from collections.abc import Iterator, Sequence

from diamond_viewer.feed import files
from diamond_viewer.feed.files import FeedError, Key, Name

BLOCK_BYTES = 1024 * 1024
KEPT_BYTES = 16 * 1024 * 1024  # more than a line usually takes


class NotPlainError(Exception):
    """It must be read with more care."""


def plain_files(patterns: Sequence[str]) -> list[Name]:
    """All files that the patterns name, with their backups, each once, in the order in which the feed reads a family."""
    found: dict[Key, Name] = {}
    bytes(KEPT_BYTES)  # once so much was given back, glibc asks the kernel no more for each block and each line anew
    try:
        files.check_patterns(patterns)
        for group in files.groups(patterns):
            for name in files.backups(group):
                found.setdefault(name.key, name)
            if group.asks_for_live:
                name = files.look_up(group.live_path)
                found.setdefault(name.key, name)
    except (OSError, FeedError):
        raise NotPlainError from None
    if not found or any(name.path.endswith((".gz", ".zst")) for name in found.values()):
        raise NotPlainError
    return list(found.values())


def plain_lines(name: Name, max_line_bytes: int) -> Iterator[bytes]:
    """The lines that stood in the file when it was looked up, with their line feeds. Empty ones are left out."""
    try:
        descriptor, now = files.open_file(name.path)
        try:
            if now.key != name.key or os.pread(descriptor, 1, 0) not in (b"{", b""):
                raise NotPlainError
            yield from _lines(descriptor, name.size_bytes, max_line_bytes)
        finally:
            os.close(descriptor)
    except OSError:
        raise NotPlainError from None


def _lines(descriptor: int, left_bytes: int, max_line_bytes: int) -> Iterator[bytes]:
    """Cut out of blocks: less than half of the time that ``readline`` takes, and not mapped, because a file that is truncated
    meanwhile would end the process."""
    begun: list[bytes] = []  # of the line that no block has ended yet
    begun_bytes = 0
    while left_bytes > 0:
        block = os.read(descriptor, min(BLOCK_BYTES, left_bytes))
        left_bytes -= len(block)
        begin = 0
        while (end := block.find(b"\n", begin)) >= 0:
            line = block[begin : end + 1]
            begin = end + 1
            if begun:
                line = b"".join((*begun, line))
                begun, begun_bytes = [], 0
            if len(line) > max_line_bytes:
                raise NotPlainError
            if not line.isspace():
                yield line
        if begin < len(block):
            begun.append(block[begin:])
            begun_bytes += len(block) - begin
        if not block or begun_bytes > max_line_bytes:
            raise NotPlainError
    if begun:
        raise NotPlainError
