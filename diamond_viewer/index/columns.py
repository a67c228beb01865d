"""The building blocks of a segment: packed columns, a dictionary of texts, postings from a value to its traces."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from diamond_viewer.telemetry.redact import redact_text

Indexes = npt.NDArray[np.int64]
Column = npt.NDArray[Any]

_NONE: Indexes = np.empty(0, np.int64)
_TEXT_OVERHEAD_BYTES = 150  # of a Python text in a dict and a list, beside its characters


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
            if column.dtype.kind == "u":
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
        codes = self._codes
        return np.fromiter(
            [code if (code := codes.get(text)) is not None else self._add(text) for text in texts],
            np.uint32,
            len(texts),
        )

    def find(self, text: str) -> int | None:
        return self._codes.get(text)

    def _add(self, text: str) -> int:
        shown = redact_text(text)
        if shown != text:
            # the raw text is no key either: it would be a secret in memory dumps and in autocomplete
            return self.intern(shown)
        code = self._codes[text] = len(self.texts)
        self.texts.append(text)
        self._text_bytes += len(text) + _TEXT_OVERHEAD_BYTES
        return code

    @property
    def size_bytes(self) -> int:
        return self._text_bytes


class Postings:
    """Value -> the traces that carry it, each once. Grows as sets; ``pack`` makes two flat arrays of them."""

    def __init__(self) -> None:
        self._recent: dict[int, set[int]] = {}
        self._codes = _NONE
        self._starts = _NONE
        self._traces: Column = _NONE

    def add(self, code: int, trace: int) -> None:
        recent = self._recent.get(code)
        if recent is None:
            recent = self._recent[code] = set()
        if len(self._codes) and trace in self._packed(code):
            return
        recent.add(trace)

    def find(self, code: int) -> Indexes:
        """The traces, ascending."""
        packed, recent = self._packed(code), self._recent.get(code)
        if not recent:
            return packed.astype(np.int64)
        found = np.concatenate([packed, np.fromiter(recent, np.int64, len(recent))])
        found.sort()
        return found

    def counts(self) -> Iterator[tuple[int, int]]:
        """``(code, number of traces)`` of every value."""
        counts = {code: len(traces) for code, traces in self._recent.items() if traces}
        for code, count in zip(self._codes.tolist(), np.diff(self._starts).tolist(), strict=False):
            counts[code] = counts.get(code, 0) + count
        return iter(counts.items())

    def pack(self) -> None:
        codes = sorted(self._recent)
        if len(self._codes):
            codes = sorted({*codes, *self._codes.tolist()})
        traces = [self.find(code) for code in codes]
        self._recent = {}
        self._codes = np.array(codes, np.int64)
        self._starts = np.concatenate([[0], np.cumsum([len(found) for found in traces])]).astype(np.int64)
        flat = np.concatenate(traces) if traces else _NONE
        self._traces = flat.astype(np.min_scalar_type(int(flat.max(initial=0))))

    def _packed(self, code: int) -> Column:
        place = int(np.searchsorted(self._codes, code))
        if place == len(self._codes) or self._codes[place] != code:
            return self._traces[:0]
        return self._traces[self._starts[place] : self._starts[place + 1]]

    @property
    def size_bytes(self) -> int:
        recent = sum(200 + 64 * len(traces) for traces in self._recent.values())
        return recent + self._codes.nbytes + self._starts.nbytes + self._traces.nbytes
