"""Whole lines of plain files as fast as they can be had, for a question that most lines cannot answer.

Only what needs no care is read here: files that begin with a bracket and end with a line feed. Anything else (halves of lines,
holes, compressed copies, a pipe, a file that is not there) raises ``NotPlainError``, and whoever asks takes ``Backlog``.
"""

import os
from collections.abc import Iterator, Sequence

from diamond_viewer.feed import files
from diamond_viewer.feed.files import FeedError, Key, Name

BUFFER_BYTES = 1024 * 1024


class NotPlainError(Exception):
    """It must be read with more care."""


def plain_files(patterns: Sequence[str]) -> list[Name]:
    """All files that the patterns name, with their backups, each once, in the order in which the feed reads a family."""
    found: dict[Key, Name] = {}
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
    """The lines that stood in the file when it was looked up, without their line feeds. Empty ones are left out."""
    try:
        descriptor, now = files.open_file(name.path)
        with os.fdopen(descriptor, "rb", BUFFER_BYTES) as file:
            if now.key != name.key or os.pread(descriptor, 1, 0) not in (b"{", b""):
                raise NotPlainError
            left_bytes = name.size_bytes
            while left_bytes > 0:
                line = file.readline(max_line_bytes)
                left_bytes -= len(line)
                if not line.endswith(b"\n"):
                    raise NotPlainError
                if not line.isspace():
                    yield line
    except OSError:
        raise NotPlainError from None
