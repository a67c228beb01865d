"""The memory budget: what is counted is held against what the system says the process takes.

Columns, postings and originals are counted to the byte and agree with the resident size within a few percent, once freed
pages are given back. What is not counted (the interpreter, caches of answers, requests under way) shows in the resident
size alone. So both must fit.
"""

from collections.abc import Callable

from diamond_viewer.resident import give_back


class Budget:
    """``limit_bytes`` for the process; ``resident`` measures it (None: only what is counted counts). ``reserve_bytes`` of them
    are kept free for what a line takes while it is read."""

    def __init__(self, limit_bytes: int, reserve_bytes: int = 0, resident: Callable[[], int] | None = None) -> None:
        self.limit_bytes = limit_bytes
        self._resident = resident
        self._index_bytes = limit_bytes - reserve_bytes
        # a budget below what the bare process takes still holds something
        self._process_bytes = max(self._index_bytes, self.measured_bytes() + self._index_bytes // 2)

    def fits(self, counted_bytes: int) -> bool:
        """By what is counted alone."""
        return counted_bytes <= self._index_bytes

    def is_passed(self, counted_bytes: int) -> bool:
        if not self.fits(counted_bytes):
            return True
        if self.measured_bytes() <= self._process_bytes:
            return False
        give_back()
        return self.measured_bytes() > self._process_bytes

    def measured_bytes(self) -> int:
        return self._resident() if self._resident is not None else 0
