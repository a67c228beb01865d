"""Lines that had to leave memory, remembered by their digests alone: a late copy of them is no news.

A backup is compressed an hour after it was rotated, and by then its traces may be gone from memory. Read again they would
push out younger ones, be counted twice, and leave in their turn.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

KEY_BYTES = 8  # of a digest's 16: that a new line looks like one of a million has odds of 1 to 18 million million
LINE_BYTES = 24  # the key and the number of spans, once as they came and once in order


class DepartedLines:
    """At most ``max_lines``, and the oldest are forgotten first. For one thread, the writer's; ``size_bytes`` for any."""

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        # keys and span counts, a segment's together, the oldest first
        self._groups: deque[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]] = deque()
        self._line_count = 0
        self._keys = memoryview(b"").cast("Q")
        self._span_counts = memoryview(b"").cast("I")
        self._is_in_order = True

    def __len__(self) -> int:
        return self._line_count

    @property
    def size_bytes(self) -> int:
        return LINE_BYTES * self._line_count

    def note(self, lines: Mapping[bytes, int]) -> None:
        """Remember a segment's lines: digest (16 bytes) -> number of spans."""
        if not lines:
            return
        keys = np.frombuffer(b"".join(digest[:KEY_BYTES] for digest in lines), ">u8").astype(np.uint64)
        span_counts = np.fromiter(lines.values(), np.uint32, len(lines))
        keys, span_counts = keys[-self._max_lines :], span_counts[-self._max_lines :]
        self._groups.append((keys, span_counts))
        self._line_count += len(keys)
        while self._line_count > self._max_lines:
            self._line_count -= len(self._groups.popleft()[0])
        self._is_in_order = False

    def span_count_of(self, digest: bytes) -> int | None:
        """The number of spans of the line; None for a line that is not remembered."""
        if not self._line_count:
            return None
        if not self._is_in_order:  # here and not in ``note``: that one keeps readers waiting
            self._put_in_order()
        key = int.from_bytes(digest[:KEY_BYTES], "big")
        at = bisect_left(self._keys, key)
        return self._span_counts[at] if at < len(self._keys) and self._keys[at] == key else None

    def _put_in_order(self) -> None:
        keys = np.concatenate([keys for keys, _ in self._groups])
        order = np.argsort(keys)
        self._keys = memoryview(keys[order].tobytes()).cast("Q")
        span_counts = np.concatenate([span_counts for _, span_counts in self._groups])
        self._span_counts = memoryview(span_counts[order].tobytes()).cast("I")
        self._is_in_order = True
