"""Postings: from a value to the traces that carry it, without a scan.

A posting is one number, ``field | code | trace`` from its high bits down, so that sorting brings the traces of a value
together. New ones come as sorted runs that are merged like a log-structured tree; ``pack`` turns all into two flat arrays.
"""

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Column, Indexes, is_among, merged_distinct, sorted_distinct
from diamond_viewer.query.terms import Field

_TRACE_BITS = 32
FEW = 6  # times fewer than all: what few traces carry is looked up in the order of traces
MANY = 200  # postings that are rather looked for all together than one by one
_CODE_BITS = 27  # 134 million texts in one segment; four bits are left for fields
_TRACE_MASK = 2**_TRACE_BITS - 1
_CODE_MASK = 2**_CODE_BITS - 1
_FIELDS = tuple(Field)
_FIELD_NUMBERS = {field: number for number, field in enumerate(_FIELDS)}

PostingRun = npt.NDArray[np.int64]
_NO_RUN: PostingRun = np.empty(0, np.int64)


def posting_run(field: Field, codes: Column, traces: Column) -> PostingRun:
    """Postings of one field, in any order and with repeats; code 0, the empty text, is left out."""
    said = codes != 0
    values: PostingRun = _value(field, 0) | codes[said].astype(np.int64)
    postings: PostingRun = values << _TRACE_BITS | traces[said].astype(np.int64)
    return postings


def _value(field: Field, code: int) -> int:
    return _FIELD_NUMBERS[field] << _CODE_BITS | code


def posting_of(field: Field, code: int, trace: int) -> int:
    return _value(field, code) << _TRACE_BITS | trace


def posted(posting: int) -> tuple[Field, int, int]:
    """A posting -> its field, code and trace."""
    value = posting >> _TRACE_BITS
    return _FIELDS[value >> _CODE_BITS], value & _CODE_MASK, posting & _TRACE_MASK


class Postings:
    """Each posting is held once, however often it is added."""

    def __init__(self) -> None:
        self._runs: list[PostingRun] = []
        self._values = _NO_RUN
        self._starts: Column = np.zeros(1, np.int64)
        self._traces: Column = _NO_RUN
        self._counts: dict[Field, tuple[Indexes, Indexes]] = {}
        self._by_trace: tuple[Column, Column] | None = (
            None  # places of packed values, in the order of traces; their starts
        )
        self.revision = 0  # moves with every addition

    def add(self, postings: PostingRun) -> None:
        run = sorted_distinct(postings)
        if len(self._values):
            run = run[~self._is_packed(run)]
        if not len(run):
            return
        self._counts.clear()
        self.revision += 1
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = merged_distinct([self._runs.pop(), run])
        self._runs.append(run)

    def find(self, field: Field, code: int) -> Indexes:
        """The traces that carry the value, ascending."""
        value = _value(field, code)
        found = [self._packed(value)]
        for run in self._runs:
            first, last = np.searchsorted(run, [value << _TRACE_BITS, (value + 1) << _TRACE_BITS])
            if first < last:
                found.append(run[first:last] & _TRACE_MASK)
        return (merged_distinct(found) if len(found) > 1 else found[0]).astype(np.int64)

    def find_any(self, field: Field, codes: npt.NDArray[np.bool_]) -> Indexes:
        """The traces that carry any of the values; ``codes`` says for each code whether it is one. In any order."""
        low, high = np.searchsorted(self._values, [_value(field, 0), _value(field, 0) + (1 << _CODE_BITS)])
        chosen = codes[self._values[low:high] & _CODE_MASK]
        sizes = np.diff(self._starts[low : high + 1]).astype(np.int64)
        first, last = (int(self._starts[low]), int(self._starts[high]))
        found = [self._traces[first:last][np.repeat(chosen, sizes)].astype(np.int64)]
        for run in self._runs:
            bounds = np.array([_value(field, 0), _value(field, 0) + (1 << _CODE_BITS)]) << _TRACE_BITS
            mine = run[slice(*np.searchsorted(run, bounds))]
            found.append(mine[codes[mine >> _TRACE_BITS & _CODE_MASK]] & _TRACE_MASK)
        return np.concatenate(found)

    def counts(self, field: Field) -> tuple[Indexes, Indexes]:
        """Codes, and the number of traces of each, for every value of a field. Kept until postings are added."""
        if field not in self._counts:
            codes, sizes = self._packed_counts(field)
            if len(recent := self._recent(field)):
                found, added = np.unique(recent >> _TRACE_BITS & _CODE_MASK, return_counts=True)
                codes, places = np.unique(np.concatenate([codes, found]), return_inverse=True)
                sizes = np.bincount(places, weights=np.concatenate([sizes, added])).astype(np.int64)
            self._counts[field] = codes.astype(np.int64), sizes.astype(np.int64)
        return self._counts[field]

    def counts_among(self, field: Field, traces: npt.NDArray[np.bool_]) -> tuple[Column, Column]:
        """Codes, and how many of these traces carry each; ``traces`` says for each trace whether it counts. A code that was
        posted lately may come twice: the sum counts."""
        return self._tally(field, traces, *self._packed_range(field))

    def tallies(self, traces: npt.NDArray[np.bool_]) -> dict[Field, tuple[Column, Column]]:
        """What ``counts_among`` says of each field, in one pass over all of them."""
        ranges = [self._packed_range(field) for field in _FIELDS]
        counts = self._tally_few(traces) if self._is_few(traces) else self._tally_values(traces, 0, len(self._values))
        return {
            field: self._with_recent(field, traces, self._values[low:high] & _CODE_MASK, counts[low:high])
            for field, (low, high) in zip(_FIELDS, ranges, strict=True)
        }

    def _tally(self, field: Field, traces: npt.NDArray[np.bool_], low: int, high: int) -> tuple[Column, Column]:
        counts = self._tally_values(traces, low, high)
        return self._with_recent(field, traces, self._values[low:high] & _CODE_MASK, counts)

    def _tally_values(self, traces: npt.NDArray[np.bool_], low: int, high: int) -> Column:
        """Of the packed values from ``low`` to ``high``: how many of these traces carry each."""
        if low == high:
            return np.empty(0, np.int32)
        starts = self._starts[low : high + 1].astype(np.int64)
        counted = np.take(traces.view(np.uint8), self._traces[int(starts[0]) : int(starts[-1])])
        tally: Column = np.add.reduceat(counted, starts[:-1] - starts[0], dtype=np.int32)
        return tally

    def _is_few(self, traces: npt.NDArray[np.bool_]) -> bool:
        """Whether it takes less time to go through what these traces carry than through everything that is posted."""
        return FEW * int(np.count_nonzero(traces)) < len(traces)

    def _tally_few(self, traces: npt.NDArray[np.bool_]) -> Column:
        """As ``_tally_values``, of all values, from the postings in the order of traces."""
        if self._by_trace is None:
            order = np.argsort(self._traces, kind="stable")
            places = np.repeat(np.arange(len(self._values)), np.diff(self._starts))[order]
            ends = np.searchsorted(self._traces[order], np.arange(len(traces)), side="right")
            self._by_trace = (
                places.astype(np.min_scalar_type(len(self._values))),
                np.concatenate([[0], ends]).astype(np.uint32),
            )
        places, starts = self._by_trace
        chosen = np.flatnonzero(traces[: len(starts) - 1])
        first = starts[chosen].astype(np.int64)
        sizes = starts[chosen + 1] - first
        before = np.cumsum(sizes) - sizes
        at = np.repeat(first - before, sizes) + np.arange(int(sizes.sum()))
        return np.bincount(places[at], minlength=len(self._values))

    def _with_recent(
        self, field: Field, traces: npt.NDArray[np.bool_], codes: Column, counts: Column
    ) -> tuple[Column, Column]:
        if len(recent := self._recent(field)):
            added = np.bincount(recent[traces[recent & _TRACE_MASK]] >> _TRACE_BITS & _CODE_MASK)
            found = np.flatnonzero(added)
            codes, counts = np.concatenate([codes, found]), np.concatenate([counts, added[found]])
        said = counts > 0
        return codes[said], counts[said]

    def _packed_range(self, field: Field) -> tuple[int, int]:
        low, high = np.searchsorted(self._values, [_value(field, 0), _value(field, 0) + (1 << _CODE_BITS)])
        return int(low), int(high)

    def _packed_counts(self, field: Field) -> tuple[Column, Column]:
        low, high = self._packed_range(field)
        return self._values[low:high] & _CODE_MASK, np.diff(self._starts[low : high + 1].astype(np.int64))

    def _recent(self, field: Field) -> PostingRun:
        """The postings of a field that are not packed yet, ascending, each once."""
        if not self._runs:
            return _NO_RUN
        if len(self._runs) > 1:
            self._runs = [merged_distinct(self._runs)]
        bounds = np.array([_value(field, 0), _value(field, 0) + (1 << _CODE_BITS)]) << _TRACE_BITS
        return self._runs[0][slice(*np.searchsorted(self._runs[0], bounds))]

    def pairs_among(self, field: Field, traces: npt.NDArray[np.bool_]) -> tuple[Indexes, Indexes]:
        """Codes and traces, side by side, of everything that is posted of these traces; each pair once."""
        first, last = (_value(field, 0), _value(field, 0) + (1 << _CODE_BITS))
        low, high = np.searchsorted(self._values, [first, last])
        starts = self._starts[low : high + 1].astype(np.int64)
        packed_traces = self._traces[int(starts[0]) : int(starts[-1])]
        chosen = traces[packed_traces]
        codes = np.repeat(self._values[low:high] & _CODE_MASK, np.diff(starts))[chosen]
        found = [codes << _TRACE_BITS | packed_traces[chosen].astype(np.int64)]
        for run in self._runs:
            mine = run[slice(*np.searchsorted(run, np.array([first, last]) << _TRACE_BITS))]
            mine = mine & (_CODE_MASK << _TRACE_BITS | _TRACE_MASK)
            found.append(mine[traces[mine & _TRACE_MASK]])
        pairs = sorted_distinct(np.concatenate(found))
        return pairs >> _TRACE_BITS, pairs & _TRACE_MASK

    def pack(self) -> None:
        """Two flat arrays out of all runs; what is added later makes runs again."""
        self._hold(self._all())

    def extract(self, traces: Indexes) -> PostingRun:
        """Take out everything that is posted of these traces; what is left is packed."""
        if not len(traces):
            return _NO_RUN
        postings = self._all()
        found = postings & _TRACE_MASK
        mask = np.zeros(max(int(found.max(initial=0)), int(traces.max())) + 1, bool)
        mask[traces] = True
        is_theirs = np.take(mask, found)
        self._hold(postings[~is_theirs])
        return postings[is_theirs]

    def _all(self) -> PostingRun:
        packed = np.repeat(self._values, np.diff(self._starts)) << _TRACE_BITS | self._traces.astype(np.int64)
        return sorted_distinct(np.concatenate([packed, *self._runs])) if self._runs else packed

    def _hold(self, postings: PostingRun) -> None:
        every = postings >> _TRACE_BITS  # ascending: no need to sort them again, as ``np.unique`` would
        starts = np.flatnonzero(np.diff(every, prepend=-1))
        values, traces = every[starts], postings & _TRACE_MASK
        self._runs = []
        self._counts.clear()
        self._by_trace = None
        self.revision += 1
        self._values = values
        self._starts = np.append(starts, len(postings)).astype(np.uint32)
        self._traces = traces.astype(np.min_scalar_type(int(traces.max(initial=0))))

    def _packed(self, value: int) -> Column:
        place = int(np.searchsorted(self._values, value))
        if place == len(self._values) or self._values[place] != value:
            return self._traces[:0]
        return self._traces[int(self._starts[place]) : int(self._starts[place + 1])]

    def _is_packed(self, run: PostingRun) -> npt.NDArray[np.bool_]:
        if len(run) > MANY:
            return is_among(run, np.repeat(self._values, np.diff(self._starts)) << _TRACE_BITS | self._traces)
        held = [posting & _TRACE_MASK in self._packed(posting >> _TRACE_BITS) for posting in run.tolist()]
        return np.array(held, bool)

    @property
    def size_bytes(self) -> int:
        arrays = (*self._runs, self._values, self._starts, self._traces)
        return sum(array.nbytes for array in arrays)

    @property
    def spare_bytes(self) -> int:
        """Of what is only kept to answer faster."""
        kept = sum(codes.nbytes + sizes.nbytes for codes, sizes in self._counts.values())
        return kept + sum(column.nbytes for column in self._by_trace or ())

    def drop_spare(self) -> None:
        self._counts.clear()
        self._by_trace = None
