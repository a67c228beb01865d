"""``errors --count`` without anything that has to be found out first: no index is built, only statuses are read."""

from collections.abc import Sequence

import xxhash

from diamond_viewer.feed.files import Name
from diamond_viewer.feed.parallel import WorkError, for_each_file
from diamond_viewer.feed.plain import NotPlainError, plain_files, plain_lines
from diamond_viewer.telemetry.otlp_failures import UncertainError, failed_spans

LINE_BYTES = 64 * 1024**2  # as ``reading.LINE_BYTES``, which is not imported: that would take longer than to count

FailedLine = tuple[bytes, list[bytes]]  # the line's digest, and its failed spans


def quick_count(patterns: Sequence[str]) -> int | None:
    """Spans with status code 2, each counted once; None when only the index can tell.

    A line that was written twice is told by its digest. A span that comes again on another line may be the same or another
    version of it, which counts as one of its own: that takes the whole span to decide.
    """
    try:
        lines = [line for found in for_each_file(_failed_lines, plain_files(patterns)) for line in found]
    except (NotPlainError, UncertainError, WorkError):
        return None
    once = dict(lines)
    keys = [key for found in once.values() for key in found]
    return len(keys) if len(keys) == len(set(keys)) else None


def _failed_lines(name: Name) -> list[FailedLine]:
    return [
        (xxhash.xxh3_128_digest(line), keys) for line in plain_lines(name, LINE_BYTES) if (keys := failed_spans(line))
    ]
