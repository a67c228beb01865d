"""RequestTable: figures of operations, a bounded number of them, every one only growing.

Who comes first has a row of its own. Later ones are folded into ``other`` of their service, until one of them has come twice as
often as the rarest that has a row: that one is folded instead. What was counted stays counted, wherever it stands.
"""

from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.telemetry.counts import BOUNDS_S, BUCKETS, OTHER, Exemplar, RequestCounts
from diamond_viewer.telemetry.tallies import OTHERS, OperationKey

MAX_NAMED = 100  # operations with a row of their own
MAX_SERVICES = 25  # services with an ``other`` of their own
MAX_FOLDED = 2_000  # folded operations that are told apart, to see how often each comes
MAX_TEXT = 120  # characters of a name
KINDS = 3

_BOUNDS_NS = np.array([round(bound * 1e9) for bound in BOUNDS_S])
_ROWS = MAX_NAMED + KINDS * (MAX_SERVICES + 1)
_EXAMPLE = [("high", np.uint64), ("low", np.uint64), ("duration_ns", np.int64), ("end_ns", np.int64)]
_FAILED = BUCKETS  # the place of the example of a failure, behind those of the buckets


@dataclass(frozen=True, slots=True)
class Arrived:
    """Requests that have just come, one at each place; ``key`` counts ``keys``."""

    keys: list[OperationKey]
    key: Indexes
    duration_ns: Indexes
    end_ns: Indexes
    has_failed: Column
    trace_high: Column
    trace_low: Column


class RequestTable:
    def __init__(self) -> None:
        self._rows: dict[OperationKey, int] = {}
        self._row_count = 0
        self._named: list[OperationKey] = []
        # the rarest of them came at least as often: counts only grow, and who has just got a row begins anew
        self._least = 0
        self._folded: dict[OperationKey, int] = {}
        self._services: set[str] = set()
        self._buckets = np.zeros((_ROWS, BUCKETS), np.int64)
        self._errors = np.zeros(_ROWS, np.int64)
        self._total_ns = [0] * _ROWS  # a few requests since 1970 are more than 64 bits hold
        self._examples = np.zeros((_ROWS, BUCKETS + 1), _EXAMPLE)

    @property
    def folded_count(self) -> int:
        return len(self._folded)

    def add(self, arrived: Arrived) -> None:
        counts = np.bincount(arrived.key, minlength=len(arrived.keys))
        # a key that comes later in this round may take the row of one before it: each is added before the next is looked up
        order = np.lexsort((arrived.end_ns, arrived.key))
        ends = np.cumsum(counts)
        bucket = np.searchsorted(_BOUNDS_NS, arrived.duration_ns)  # a bound belongs to the bucket below it
        # a producer may write a name of its own for each request: these go in together
        folded: dict[int, list[Indexes]] = {}
        for at, key in enumerate(arrived.keys):
            if counts[at]:
                key, mine = shortened(key), order[ends[at] - counts[at] : ends[at]]
                row = self._row_of(key, int(counts[at]))
                if key in self._rows:
                    self._count(row, mine, bucket[mine], arrived)
                else:
                    folded.setdefault(row, []).append(mine)
        for row, parts in folded.items():
            mine = np.concatenate(parts)
            mine = mine[np.argsort(arrived.end_ns[mine], kind="stable")]
            self._count(row, mine, bucket[mine], arrived)

    def _count(self, row: int, mine: Indexes, bucket: Indexes, arrived: Arrived) -> None:
        self._buckets[row] += np.bincount(bucket, minlength=BUCKETS)
        self._total_ns[row] += sum(arrived.duration_ns[mine].tolist())
        last = np.full(BUCKETS + 1, -1)
        last[bucket] = mine  # of several the last stays, which ended last
        failed = mine[arrived.has_failed[mine]]
        if len(failed):
            self._errors[row] += len(failed)
            last[_FAILED] = failed[-1]
        examples = self._examples[row]
        places = np.flatnonzero((last >= 0) & (arrived.end_ns[last] >= examples["end_ns"]))
        chosen = last[places]
        examples["high"][places], examples["low"][places] = arrived.trace_high[chosen], arrived.trace_low[chosen]
        examples["duration_ns"][places] = arrived.duration_ns[chosen]
        examples["end_ns"][places] = arrived.end_ns[chosen]

    def add_all(self, other: "RequestTable") -> None:
        """What another process counted of a file of its own, older than what is here: its examples give way."""
        for key, row in other._rows.items():
            count = int(other._buckets[row].sum())
            if count:
                self._merge(self._row_of(key, count), other, row)
        for key, count in other._folded.items():
            self._note_folded(key, count)

    def _merge(self, into: int, other: "RequestTable", row: int) -> None:
        self._buckets[into] += other._buckets[row]
        self._errors[into] += other._errors[row]
        self._total_ns[into] += other._total_ns[row]
        is_newer = other._examples[row]["end_ns"] > self._examples[into]["end_ns"]
        self._examples[into][is_newer] = other._examples[row][is_newer]

    def counts(self, phase: str) -> list[RequestCounts]:
        """Rows with something in them, by operation."""
        return [self._counts(phase, key, row) for key, row in sorted(self._rows.items()) if self._buckets[row].any()]

    def _counts(self, phase: str, key: OperationKey, row: int) -> RequestCounts:
        examples = [_exemplar(*example) for example in self._examples[row].tolist()]
        return RequestCounts(
            phase,
            key,
            tuple(self._buckets[row].tolist()),
            int(self._errors[row]),
            self._total_ns[row],
            tuple(examples[:_FAILED]),
            examples[_FAILED],
        )

    def _row_of(self, key: OperationKey, count: int) -> int:
        """The row where ``count`` more of this operation are to be counted."""
        row = self._rows.get(key)
        if row is not None:
            return row
        if key.operation in (OTHER, OTHERS):
            return self._fold_of(key, key.service)
        if len(self._named) < MAX_NAMED:
            self._named.append(key)
            return self._new_row(key)
        often = self._note_folded(key, count)
        if often <= 2 * self._least:
            return self._fold_of(key, key.service)
        rows = [self._rows[named] for named in self._named]
        rarest = int(np.argmin(self._buckets[rows].sum(axis=1)))
        self._least = int(self._buckets[rows[rarest]].sum())
        if often > 2 * self._least:
            self._least = 0
            return self._exchange(rarest, key)
        return self._fold_of(key, key.service)

    def _exchange(self, place: int, key: OperationKey) -> int:
        """Fold the operation at this place among the named ones; ``key`` gets its row, empty."""
        gone = self._named[place]
        row = self._rows.pop(gone)
        self._merge(self._fold_of(gone, gone.service), self, row)
        for column in (self._buckets, self._errors, self._examples):
            column[row] = np.zeros(1, column.dtype)[0]
        self._total_ns[row] = 0
        self._folded.pop(key, None)
        self._note_folded(gone, 0)
        self._named[place] = key
        self._rows[key] = row
        return row

    def _fold_of(self, key: OperationKey, service: str) -> int:
        if service not in self._services and len(self._services) >= MAX_SERVICES:
            service = OTHER
        elif service != OTHER:
            self._services.add(service)
        folded = OperationKey(key.kind, OTHER, service)
        row = self._rows.get(folded)
        return self._new_row(folded) if row is None else row

    def _new_row(self, key: OperationKey) -> int:
        row = self._rows[key] = self._row_count
        self._row_count += 1
        return row

    def _note_folded(self, key: OperationKey, count: int) -> int:
        often = self._folded.get(key)
        if often is None:
            if len(self._folded) >= MAX_FOLDED:
                return 0
            often = 0
        self._folded[key] = often + count
        return often + count


def shortened(key: OperationKey) -> OperationKey:
    if len(key.operation) <= MAX_TEXT and len(key.service) <= MAX_TEXT:
        return key
    return OperationKey(key.kind, key.operation[:MAX_TEXT], key.service[:MAX_TEXT])


def _exemplar(high: int, low: int, duration_ns: int, end_ns: int) -> Exemplar | None:
    return Exemplar(f"{high:016x}{low:016x}", duration_ns, end_ns) if high or low else None
