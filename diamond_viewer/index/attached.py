"""Attached: which lines of a segment hold something for a trace besides its spans: links from elsewhere.

By the trace's key, not by its number: a link may point to a trace that is not held, or not yet. It is found when the trace is
opened, wherever it lives by then.
"""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Table
from diamond_viewer.index.places import Keys, trace_keys


class Attached:
    """12 bytes an entry; lines are numbers of the segment."""

    def __init__(self) -> None:
        self._rows = Table({"key": np.uint64, "line": np.uint32}, capacity=0)
        self._is_open = True

    def add(self, keys: Keys, line: int) -> None:
        """One entry for each key."""
        if len(keys):
            self._rows.append({"key": keys, "line": np.full(len(keys), line, np.uint32)}, len(keys))

    def lines_of(self, key: Keys) -> Sequence[int]:
        """``key`` is one key; a line stands there as often as it has entries."""
        keys = self._rows["key"]
        if self._is_open:
            return _numbers(self._rows["line"][keys == key])
        first, last = np.searchsorted(keys, key, "left")[0], np.searchsorted(keys, key, "right")[0]
        return _numbers(self._rows["line"][first:last])

    def pack(self) -> None:
        self._rows.reorder(np.argsort(self._rows["key"], kind="stable"))
        self._rows.pack()
        self._is_open = False

    def __len__(self) -> int:
        return self._rows.size

    @property
    def size_bytes(self) -> int:
        return self._rows.size_bytes


def _numbers(column: Column) -> list[int]:
    return [int(number) for number in column]


def keys_of_ids(trace_ids: bytes) -> Keys:
    """16 bytes each -> their keys."""
    halves = np.frombuffer(trace_ids, ">u8").reshape(-1, 2).astype(np.uint64)
    return trace_keys(halves[:, 0], halves[:, 1])


def key_of_id(trace_id: str) -> Keys | None:
    """The one key of 32 hex digits, None for anything else."""
    try:
        packed = bytes.fromhex(trace_id)
    except ValueError:
        return None
    return keys_of_ids(packed) if len(packed) == 16 else None
