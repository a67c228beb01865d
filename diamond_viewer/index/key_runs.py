"""KeyRuns: a set of 64-bit keys that grows, as a few sorted runs. 8 bytes a key, where a Python set takes 60."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import sorted_distinct
from diamond_viewer.index.places import Keys


@dataclass(slots=True)
class KeyRuns:
    """A run is at least twice as long as the one after it, so that there are few, and each key is merged a few times."""

    _runs: list[Keys] = field(default_factory=list)

    def learn(self, keys: Keys) -> None:
        run = sorted_distinct(keys)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = sorted_distinct(np.concatenate([self._runs.pop(), run]))
        if len(run):
            self._runs.append(run)

    def holds(self, keys: Keys) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(keys), bool)
        for run in self._runs:
            found |= run[np.minimum(np.searchsorted(run, keys), len(run) - 1)] == keys
        return found

    def meets(self, other: "KeyRuns") -> bool:
        """Whether one key is in both."""
        return any(bool(other.holds(run).any()) for run in self._runs)

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    @property
    def size_bytes(self) -> int:
        return sum(run.nbytes for run in self._runs)
