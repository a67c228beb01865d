"""Which traces match, as columns, 56 bytes a trace: lists, figures and charts are worked out from one question.

A cluster may hold more than can be grouped at once. Then slices of time are asked one after the other, newest first, and the
same question goes on from there; until it is through, it says how far it came.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.conditions import ENDS, STARTS, Conditions, conjuncts, incomplete, joined
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.expressions import CONTENT, FAILED, SPAN, TRACE
from diamond_viewer.clickhouse.faults import MEMORY, TIMEOUT, ClusterError
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.terms import Overlaps, Term
from diamond_viewer.telemetry.model import Flag

Column = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

MAX_KEPT = 32  # selections, ...
MAX_KEPT_BYTES = 256 * 1024**2  # ... and what all of them may take
SPANS_AT_ONCE = 4_000_000  # about so many are grouped by one query
SLICE_NS = 1_000_000_000  # a question goes on for so long before it answers with what it knows
MIN_SLICE_NS = 1_000_000_000
MAX_TIME_NS = 2**63 - 1
MAX_NAMED = 3_000  # traces that a question names one by one; more are described by what they were found by, ...
MAX_LISTED = 20_000  # ... unless no SQL describes them: then the newest of them are named
_FIELDS = ("first", "second", "starts", "ends", "span_count", "error_count", "flags")
_HALF = 2**64 - 1
_REPEATS = 1 << 14  # beside the flags: some span of the trace may have been written twice


@dataclass(frozen=True, slots=True)
class Extent:
    """What the table holds: how many rows, and when the first and the last began (ns)."""

    rows: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The traces that match, a row each, the newest start first, ties by trace id.

    ``first`` and ``second`` are the halves of their ids as they are stored. ``flags`` has ``ERROR`` and ``INCOMPLETE``, the
    others are asked for where they are needed. ``is_exact`` is False while whole traces must decide which of these match;
    ``scanned_to_ns`` is how far back was looked, 0 when everywhere.
    """

    terms: tuple[Term, ...]
    first: Keys
    second: Keys
    starts: Column
    ends: Column
    span_count: Column
    error_count: Column
    flags: Column
    is_exact: bool = True
    scanned_to_ns: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def is_complete(self) -> bool:
        return not self.scanned_to_ns

    @property
    def durations(self) -> Column:
        return self.ends - self.starts

    @property
    def size_bytes(self) -> int:
        return 56 * len(self)

    @property
    def keys(self) -> Keys:
        """A number a trace: the same for the same trace, and as good as never for another."""
        return keys_of(self.first, self.second)

    def of_columns(self, columns: Mapping[str, npt.NDArray[Any]]) -> "Selection":
        return replace(self, **{name: columns[name] for name in _FIELDS})  # type: ignore[arg-type]  # these are columns

    def chosen(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Selection":
        return replace(self, **{name: getattr(self, name)[rows] for name in _FIELDS})

    def decided(self, matches: npt.NDArray[np.bool_], scanned_to_ns: int) -> "Selection":
        """What of it really matches: no SQL describes it any more, so that it is named trace by trace."""
        return replace(self.chosen(matches), scanned_to_ns=scanned_to_ns, is_exact=False)

    def trace_ids(self) -> list[str]:
        halves = np.stack([self.first, self.second], axis=1).astype("<u8").tobytes()
        return [halves[at : at + 16].hex() for at in range(0, len(halves), 16)]

    def bounds_ns(self) -> tuple[int, int]:
        """The first and the last ns of all of them."""
        known = self.starts[self.starts > 0]
        first_ns = 0 if len(known) < len(self) else int(known.min(initial=MAX_TIME_NS))
        return first_ns, int(self.ends.max(initial=0))


def halves(trace: str) -> str:
    """The halves of a trace's id as two columns."""
    return f"toUInt64(bitAnd({trace}, {_HALF})) AS first, toUInt64(bitShiftRight({trace}, 64)) AS second"


def keys_of(first: Keys, second: Keys) -> Keys:
    found: Keys = (first * np.uint64(0x9E3779B97F4A7C15)) ^ (
        second * np.uint64(0xC2B2AE3D27D4EB4F) + (second >> np.uint64(29))
    )
    return found


def ordered(selection: Selection) -> Selection:
    order = np.lexsort((selection.second.byteswap(), selection.first.byteswap(), -selection.starts))
    return selection.chosen(order)


class Asked(Protocol):
    """What a selection needs to know of the store."""

    @property
    def cluster(self) -> Connection: ...

    @property
    def layout(self) -> Layout: ...

    def extent(self) -> Extent: ...


@dataclass(slots=True)
class _Scan:
    """A question that is being answered. ``until_ns`` is where the next slice ends; None when the first has not been asked."""

    version: int
    parts: list[Selection] = field(default_factory=list)
    until_ns: int | None = None
    width_ns: int = 0
    least_ns: int = 0  # a cluster that is slow whatever it is asked must not be asked ever less
    is_through: bool = False
    answer: Selection | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Selections:
    """Answers, and remembers those to the last few questions for as long as nothing new has come."""

    def __init__(self, store: Asked) -> None:
        self._store = store
        self._scans: OrderedDict[tuple[Term, ...], _Scan] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, terms: tuple[Term, ...], version: int) -> Selection:
        """Raises ``ClusterError``. What was found so far when there is too much for one answer."""
        with self._lock:
            scan = self._scans.get(terms)
            if scan is None or scan.version != version:
                scan = self._scans[terms] = _Scan(version)
            self._scans.move_to_end(terms)
            self._let_go()
        with scan.lock:  # who asks the same meanwhile waits for this answer
            if not scan.is_through:
                self._go_on(scan, terms)
            if scan.answer is None:
                scan.answer = _joined(terms, scan)
            return scan.answer

    def _let_go(self) -> None:
        size_bytes = sum(part.size_bytes for scan in self._scans.values() for part in scan.parts)
        while len(self._scans) > 1 and (len(self._scans) > MAX_KEPT or 2 * size_bytes > MAX_KEPT_BYTES):
            _, scan = self._scans.popitem(last=False)
            size_bytes -= sum(part.size_bytes for part in scan.parts)

    def _go_on(self, scan: _Scan, terms: tuple[Term, ...]) -> None:
        scan.answer = None
        extent = self._store.extent()
        window = window_of(terms)
        reach_ns = self._store.cluster.address.longest_s * 1_000_000_000
        first_ns = max(extent.first_ns, 0 if window.since_ns is None else window.since_ns - reach_ns)
        last_ns = extent.last_ns if window.until_ns is None else min(extent.last_ns, window.until_ns)
        density = extent.rows / max(1, extent.last_ns - extent.first_ns)  # spans a ns
        if scan.until_ns is None and density * max(0, last_ns - first_ns) <= SPANS_AT_ONCE:
            scan.parts = [self._ask(terms, None, None)]
            scan.is_through = True
            return
        if scan.until_ns is None:
            scan.until_ns = last_ns + 1
            scan.width_ns = max(MIN_SLICE_NS, int(SPANS_AT_ONCE / 2 / density))
            scan.least_ns = max(MIN_SLICE_NS, scan.width_ns // 8)
        deadline = time.monotonic_ns() + SLICE_NS
        while not scan.is_through:  # one slice at least, however long it takes
            self._next_slice(scan, terms, first_ns)
            if scan.parts and time.monotonic_ns() > deadline:
                break

    def _next_slice(self, scan: _Scan, terms: tuple[Term, ...], first_ns: int) -> None:
        assert scan.until_ns is not None
        since_ns = scan.until_ns - scan.width_ns
        is_last = since_ns <= first_ns
        began_ns = time.monotonic_ns()
        try:
            part = self._ask(terms, None if is_last else since_ns, scan.until_ns)
        except ClusterError as error:
            if error.kind not in (MEMORY, TIMEOUT) or scan.width_ns <= MIN_SLICE_NS:
                raise
            scan.least_ns = MIN_SLICE_NS
            scan.width_ns = max(MIN_SLICE_NS, scan.width_ns // (4 if error.kind == MEMORY else 64))
            return
        scan.parts.append(part)
        scan.until_ns, scan.is_through = since_ns, is_last
        took_ns = time.monotonic_ns() - began_ns
        if took_ns < SLICE_NS // 4:
            scan.width_ns *= 2
        elif took_ns > SLICE_NS:
            scan.width_ns = max(scan.least_ns, scan.width_ns // 2)

    def _ask(self, terms: tuple[Term, ...], since_ns: int | None, until_ns: int | None) -> Selection:
        bound = Bound()
        grouped, is_exact = grouped_traces(self._store, terms, bound, since_ns, until_ns)
        sql = (
            f"SELECT {halves('trace')}, starts, ends, "
            f"toInt64(span_count) AS span_count, toInt64(error_count) AS error_count, toInt64(flags) AS flags "
            f"FROM ({grouped})"
        )
        return counted(self._store, terms, sql, bound, is_exact)


def counted(store: Asked, terms: tuple[Term, ...], sql: str, bound: Bound, is_exact: bool = True) -> Selection:
    """The rows of ``sql``, which has the columns of a selection. Spans that were written twice count once: they are rare, and
    looked at only where ids came twice."""
    found = store.cluster.columns(sql, bound.parameters, *_FIELDS)
    if not len(found["starts"]):
        return nothing(terms, is_exact)
    selection = nothing(terms, is_exact).of_columns(found)
    repeated = np.flatnonzero(selection.flags & _REPEATS)
    selection.flags[repeated] &= ~_REPEATS
    for at in range(0, len(repeated), MAX_NAMED):
        rows = repeated[at : at + MAX_NAMED]
        chosen = selection.chosen(rows)
        bound = Bound()
        where = f"{bound.is_among('TraceId', chosen.trace_ids())} AND {between(bound, *chosen.bounds_ns())}"
        distinct = (
            f"SELECT {halves('trace')}, toInt64(spans), toInt64(errors) FROM (SELECT {TRACE} AS trace, "
            f"uniqExact({CONTENT}) AS spans, uniqExactIf({CONTENT}, {FAILED}) AS errors FROM {store.layout.spans} "
            f"WHERE {where} GROUP BY trace)"
        )
        once = store.cluster.columns(distinct, bound.parameters, "first", "second", "spans", "errors")
        mine, theirs = matched(chosen.keys, keys_of(once["first"], once["second"]))
        selection.span_count[rows[mine]] = once["spans"][theirs]
        selection.error_count[rows[mine]] = once["errors"][theirs]
    return selection


def grouped_traces(
    store: Asked, terms: Sequence[Term], bound: Bound, since_ns: int | None = None, until_ns: int | None = None
) -> tuple[str, bool]:
    """A SELECT of the traces that match, a row each, with the columns of a selection; and whether it is exact. With
    ``since_ns`` and ``until_ns`` of those that begin in ``[since_ns, until_ns)``."""
    rows = rows_of_window(store, terms, bound, since_ns, until_ns)
    conditions = Conditions(store.layout, bound, rows)
    parts = conjuncts(terms)
    before = [found for term in parts if (found := conditions.of_rows(term)) is not None]
    after = [conditions.of_trace(term) for term in parts if conditions.of_rows(term) is None]
    limits = [f"starts >= {bound.value(since_ns)}"] if since_ns is not None else []
    limits += [f"starts < {bound.value(until_ns)}"] if until_ns is not None else []
    having = " AND ".join(["trace != 0", *limits, *(found.text for found in after)])
    ids = f"length(groupArray({SPAN}))"
    sql = (
        f"SELECT {TRACE} AS trace, {STARTS} AS starts, {ENDS} AS ends, count() AS span_count, "
        f"countIf({FAILED}) AS error_count, if(error_count > 0, {Flag.ERROR.value}, 0) "
        f"+ if({incomplete()}, {Flag.INCOMPLETE.value}, 0) "
        f"+ if({ids} > length(arrayDistinct(groupArray({SPAN}))), {_REPEATS}, 0) AS flags "
        f"FROM {store.layout.spans} WHERE {' AND '.join([rows, *(found.text for found in before)])} "
        f"GROUP BY trace HAVING {having}"
    )
    everything = [*before, *after]
    return sql, joined("AND", everything).is_exact if everything else True


def rows_of_window(
    store: Asked, terms: Sequence[Term], bound: Bound, since_ns: int | None = None, until_ns: int | None = None
) -> str:
    """A condition on rows: all spans of the traces that overlap the window of the terms and begin in the given one. A trace
    may last longer than the window; so long is looked before and after it (``Address.longest_s``)."""
    window = window_of(terms)
    reach_ns = store.cluster.address.longest_s * 1_000_000_000
    low = max((at for at in (window.since_ns, since_ns) if at is not None), default=None)
    high = min((at for at in (window.until_ns, until_ns) if at is not None), default=None)
    if low is None and high is None:
        return "true"
    since = 0 if low is None else max(0, low - reach_ns)
    return between(bound, since, MAX_TIME_NS if high is None else min(MAX_TIME_NS, high + reach_ns))


def window_of(terms: Sequence[Term]) -> Overlaps:
    return next((term for term in terms if isinstance(term, Overlaps)), Overlaps())


def nothing(terms: tuple[Term, ...], is_exact: bool = True) -> Selection:
    ids, numbers = np.empty(0, np.uint64), np.empty(0, np.int64)
    return Selection(terms, ids, ids, numbers, numbers, numbers, numbers, numbers, is_exact=is_exact)


def matched(keys: Keys, others: Keys) -> tuple[Column, Column]:
    """Where the same key stands in both: places in the one, and in the other."""
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys, others, sorter=order), max(0, len(keys) - 1))
    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows = order[place]
    theirs = np.flatnonzero(keys[rows] == others)
    return rows[theirs], theirs


def _joined(terms: tuple[Term, ...], scan: _Scan) -> Selection:
    parts = scan.parts or [nothing(terms)]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
    is_exact, scanned_to_ns = all(part.is_exact for part in parts), 0 if scan.is_through else max(1, scan.until_ns or 0)
    return ordered(replace(nothing(terms, is_exact).of_columns(columns), scanned_to_ns=scanned_to_ns))


def restricted(store: Asked, selection: Selection, bound: Bound) -> str:
    """A condition on rows: those of the selected traces."""
    if not selection.terms and selection.is_complete and selection.is_exact:
        return "true"
    if len(selection) <= MAX_NAMED or not selection.is_exact:
        chosen = selection.chosen(np.arange(min(len(selection), MAX_LISTED)))
        return f"{bound.is_among('TraceId', chosen.trace_ids())} AND {between(bound, *chosen.bounds_ns())}"
    since_ns = selection.scanned_to_ns or None
    rows = rows_of_window(store, selection.terms, bound, since_ns)
    grouped, _ = grouped_traces(store, selection.terms, bound, since_ns)
    return f"{rows} AND {TRACE} {store.layout.among} (SELECT trace FROM ({grouped}))"


def around(store: Asked, selection: Selection, bound: Bound) -> str:
    """As ``restricted``, for a question whose answer is held against the selection anyway: where there are many, others may
    come along."""
    if len(selection) <= MAX_NAMED:
        return restricted(store, selection, bound)
    return rows_of_window(store, selection.terms, bound, selection.scanned_to_ns or None)
