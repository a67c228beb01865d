"""The building blocks of a segment: columns of one length, and a dictionary of texts."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from diamond_viewer.telemetry.secret_texts import redact_new_text

Indexes = npt.NDArray[np.int64]
Column = npt.NDArray[Any]

_ENTRY_BYTES = 100  # of a text in a dict and a list, beside the text itself


def sorted_distinct(values: Column) -> Column:
    """Like ``np.unique``, whose hashing takes twice as long as sorting does."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def merged_distinct(runs: Sequence[Column]) -> Column:
    """The distinct values of ascending runs, ascending. A stable sort finds the runs and merges them."""
    ordered = np.sort(np.concatenate(runs), kind="stable")
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def is_among(values: Column, others: Column) -> npt.NDArray[np.bool_]:
    """Like ``np.isin``, whose hashing takes three times as long as sorting one side and looking up the other."""
    if not len(others):
        return np.zeros(len(values), bool)
    ordered = np.sort(others)
    found: npt.NDArray[np.bool_] = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


class Table:
    """Columns of one length that grow at the end. ``table["name"]`` is a view: copy what outlives the store's lock."""

    def __init__(self, dtypes: Mapping[str, npt.DTypeLike], capacity: int = 256) -> None:
        self.size = 0
        self._columns: dict[str, Column] = {name: np.zeros(capacity, dtype) for name, dtype in dtypes.items()}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name][: self.size]

    def append(self, rows: Mapping[str, Column], count: int) -> None:
        """Add ``count`` rows; a column that ``rows`` does not name stays 0."""
        end = self.size + count
        for name, column in self._columns.items():
            if end > len(column):
                grown = np.zeros(max(end, 2 * len(column)), column.dtype)
                grown[: self.size] = column[: self.size]
                self._columns[name] = column = grown
            if name in rows:
                column[self.size : end] = rows[name]
        self.size = end

    def reorder(self, order: Indexes) -> None:
        for name in self._columns:
            self._columns[name] = self[name][order]

    def pack(self) -> None:
        """Give back what was allocated ahead, and store each unsigned column in the narrowest type that holds it."""
        for name, column in self._columns.items():
            column = column[: self.size]
            if column.dtype.kind == "u" and column.dtype.itemsize < 8:  # 64 bits are ids, and are compared with ids
                dtype = np.min_scalar_type(int(column.max(initial=0)))
                column = column.astype(dtype) if dtype != column.dtype else column.copy()
            else:
                column = column.copy()
            self._columns[name] = column

    def widen(self, name: str, dtype: npt.DTypeLike) -> Column:
        """A packed column as one that can take larger values again."""
        if self._columns[name].dtype != np.dtype(dtype):
            self._columns[name] = self._columns[name].astype(dtype)
        return self[name]

    @property
    def size_bytes(self) -> int:
        return sum(column.nbytes for column in self._columns.values())


def rows_in(ranges: Sequence[tuple[int, int]]) -> Indexes:
    """The row numbers of ranges side by side.

    >>> rows_in([(3, 5), (9, 9), (0, 2)]).tolist()
    [3, 4, 0, 1]
    """
    if len(ranges) == 1:
        return np.arange(*ranges[0])
    starts, ends = np.array(ranges, np.int64).reshape(-1, 2).T
    counts = ends - starts
    shifts: Indexes = starts - (np.cumsum(counts) - counts)
    return np.arange(int(counts.sum())) + np.repeat(shifts, counts)


def exact_sum(values: Column) -> int:
    """Of int64, beyond what 64 bits hold: a hostile producer's spans last 292 years each. Up to 2**31 values.

    >>> exact_sum(np.full(3, 2**63 - 1)) == 3 * (2**63 - 1), exact_sum(np.empty(0, np.int64))
    (True, 0)
    """
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


class Dictionary:
    """Text <-> code. Code 0 is the empty text. Secrets are taken out before a text enters."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {"": 0}
        self.texts: list[str] = [""]
        self._text_bytes = 0

    def intern(self, text: str) -> int:
        code = self._codes.get(text)
        return self._add(text) if code is None else code

    def intern_all(self, texts: list[str]) -> npt.NDArray[np.uint32]:
        codes = list(map(self._codes.get, texts))
        if None in codes:
            codes = [self.intern(text) if code is None else code for code, text in zip(codes, texts, strict=True)]
        return np.array(codes, np.uint32)

    def find(self, text: str) -> int | None:
        return self._codes.get(text)

    def _add(self, text: str) -> int:
        shown = redact_new_text(text)
        if shown != text:
            # the raw text is no key either: it would be a secret in memory dumps and in autocomplete
            return self.intern(shown)
        code = self._codes[text] = len(self.texts)
        self.texts.append(text)
        self._text_bytes += sys.getsizeof(text) + _ENTRY_BYTES
        return code

    @property
    def size_bytes(self) -> int:
        return self._text_bytes
