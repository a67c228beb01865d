"""DepartedTraces: which had to leave memory, and when. A reader with an old link is told so, instead of "unknown"."""

from dataclasses import dataclass, field

import numpy as np

from diamond_viewer.index.places import Keys

MAX_KEYS = 1_000_000  # 8 MB; the newest are remembered
SHARE = 64  # at most so small a part of the budget


@dataclass(slots=True)
class DepartedTraces:
    """Sorted keys of every segment that went, oldest first, with the time at which it did (ns since 1970)."""

    max_keys: int = MAX_KEYS
    _runs: list[tuple[int, Keys]] = field(default_factory=list)

    @classmethod
    def within(cls, budget_bytes: int) -> "DepartedTraces":
        return cls(min(MAX_KEYS, budget_bytes // SHARE // 8))

    def remember(self, keys: Keys, left_ns: int) -> None:
        self._runs.append((left_ns, np.sort(keys)[: self.max_keys]))
        while len(self._runs) > 1 and sum(len(run) for _, run in self._runs) > self.max_keys:
            del self._runs[0]

    def left_ns(self, key: Keys) -> int:
        """When the trace of this one key left for the last time; 0 when that is not remembered."""
        for left_ns, run in reversed(self._runs):
            at = int(np.searchsorted(run, key)[0])
            if at < len(run) and run[at] == key[0]:
                return left_ns
        return 0

    @property
    def size_bytes(self) -> int:
        return sum(run.nbytes for _, run in self._runs)
