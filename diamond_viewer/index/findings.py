"""What is remembered of questions to one segment: which of its texts pass, what was found in its originals, and how far one
looked. Lines and texts only ever come to a segment, so nothing here goes stale. Read and written under the store's lock.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Indexes
from diamond_viewer.query.patterns import TextTest, text_passes
from diamond_viewer.query.terms import Condition, Field

MAX_KEPT = 64  # conditions, and tests, of each segment: at most a megabyte

Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Found:
    """By line number: whether it was looked through. By trace number in this segment: whether a span of it was found."""

    _scanned: Mask = field(default_factory=lambda: np.zeros(0, bool))
    _traces: Mask = field(default_factory=lambda: np.zeros(0, bool))

    def scanned(self, line_count: int) -> Mask:
        self._scanned = _of_length(self._scanned, line_count)
        return self._scanned[:line_count]

    def traces(self, trace_count: int) -> Mask:
        self._traces = _of_length(self._traces, trace_count)
        return self._traces[:trace_count]

    @property
    def size_bytes(self) -> int:
        return self._scanned.nbytes + self._traces.nbytes


class Findings:
    def __init__(self) -> None:
        self._found: OrderedDict[Condition, Found] = OrderedDict()
        self._passing: OrderedDict[TextTest, Mask] = OrderedDict()
        self._mentions: dict[Field, tuple[tuple[int, bool], Indexes, Indexes]] = {}

    def of(self, condition: Condition) -> Found:
        found = self._found.setdefault(condition, Found())
        self._found.move_to_end(condition)
        if len(self._found) > MAX_KEPT:
            self._found.popitem(last=False)
        return found

    def passing(self, test: TextTest, texts: Sequence[str]) -> Mask:
        """Which of a dictionary's texts pass, by code; the empty text, code 0, never does."""
        held = self._passing.get(test, np.zeros(1, bool))
        if len(held) < len(texts):
            more = [text_passes(test, text) for text in texts[len(held) :]]
            held = np.concatenate([held, np.array(more, bool)])
        self._passing[test] = held
        self._passing.move_to_end(test)
        if len(self._passing) > MAX_KEPT:
            self._passing.popitem(last=False)
        return held

    def mentions(
        self, field: Field, mentions: Mapping[int, Sequence[tuple[Field, int]]], is_open: bool
    ) -> tuple[Indexes, Indexes]:
        """The mentions of a field as rows and codes, side by side. Rows only come, and are renumbered when a segment closes."""
        state = (len(mentions), is_open)
        if field not in self._mentions or self._mentions[field][0] != state:
            pairs = [(row, code) for row, found in mentions.items() for other, code in found if other is field]
            rows, codes = np.array(pairs, np.int64).reshape(-1, 2).T
            self._mentions[field] = (state, rows, codes)
        return self._mentions[field][1:]

    @property
    def size_bytes(self) -> int:
        parts = [
            *(found.size_bytes for found in self._found.values()),
            *(mask.nbytes for mask in self._passing.values()),
        ]
        return sum(parts) + sum(rows.nbytes + codes.nbytes for _, rows, codes in self._mentions.values())


def _of_length(mask: Mask, length: int) -> Mask:
    if len(mask) >= length:
        return mask
    grown = np.zeros(max(length, 2 * len(mask)), bool)
    grown[: len(mask)] = mask
    return grown
