"""Which traces match, as columns, 56 bytes a trace: lists, figures and charts are worked out from one question; and how further
questions say which rows they mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.conditions import Conditions, conjuncts, joined
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.expressions import ANY_TIMES, FAILED, SAID_TIMES, Times
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.terms import Overlaps, Term

Column = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

SPANS_AT_ONCE = 4_000_000  # about so many are grouped by one query
MAX_TIME_NS = 2**63 - 1
MAX_NAMED = 3_000  # traces that a question names one by one; more are described by what they were found by, ...
MAX_LISTED = 20_000  # ... unless no SQL describes them: then the newest of them are named
_FIELDS = ("first", "second", "starts", "ends", "span_count", "error_count", "flags")
_HALF = 2**64 - 1
_FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # odd numbers that spread ids over all keys


@dataclass(frozen=True, slots=True)
class Extent:
    """What the table holds: how many rows, and when the first and the last began (ns)."""

    rows: int
    first_ns: int
    last_ns: int

    @property
    def density(self) -> float:
        """Spans a ns, on average."""
        return max(1, self.rows) / max(1, self.last_ns - self.first_ns)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Selection:
    """The traces that match, a row each, the newest start first, ties by trace id.

    ``first`` and ``second`` are the halves of their ids as they are stored. ``flags`` has those that cost little
    (``Conditions.marks``); the others are asked for where they are needed, as is whether spans were written twice
    (``marked``). ``is_exact`` is False while whole traces must decide which of these match. ``scanned_to_ns`` is how far back
    was looked, 0 when everywhere; ``is_through``: and it is not going to be further. Of a slice of time are the traces that
    begin in ``[since_ns, until_ns)``, None being no bound; ``astride`` are ids of those that only reach into it.

    ``parts`` are the slices that it was joined from, and ``places`` where its rows stand in them, one behind the other: what
    was asked of a slice is not asked again of the whole. A selection is equal to itself alone.
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
    is_through: bool = True
    since_ns: int | None = None
    until_ns: int | None = None
    astride: tuple[str, ...] = ()
    parts: tuple["Selection", ...] = ()
    places: Column | None = None

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def is_complete(self) -> bool:
        """Whether asking again finds no more."""
        return self.is_through

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
        columns = {name: getattr(self, name)[rows] for name in _FIELDS}
        return replace(self, **columns, parts=(), places=None)

    def decided(self, matches: npt.NDArray[np.bool_], scanned_to_ns: int) -> "Selection":
        """What of it really matches: no SQL describes it any more, so that it is named trace by trace."""
        is_through = self.is_through and scanned_to_ns == self.scanned_to_ns
        return replace(self.chosen(matches), scanned_to_ns=scanned_to_ns, is_through=is_through, is_exact=False)

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
    found: Keys = (first * np.uint64(_FIRST)) ^ (second * np.uint64(_SECOND) + (second >> np.uint64(29)))
    return found


def key_of(trace: str) -> str:
    """The same in SQL, of a trace's id as a number."""
    first, second = f"toUInt64(bitAnd({trace}, {_HALF}))", f"toUInt64(bitShiftRight({trace}, 64))"
    return f"bitXor({first} * {_FIRST}, {second} * {_SECOND} + bitShiftRight({second}, 29))"


def order_of(selection: Selection) -> Column:
    """Its rows, the newest start first, ties by trace id."""
    order: Column = np.argsort(-selection.starts)
    starts = selection.starts[order]
    is_tied = np.zeros(len(order), bool)
    same = starts[1:] == starts[:-1]
    is_tied[1:] |= same
    is_tied[:-1] |= same
    tied = selection.chosen(order[is_tied])  # sorting all of them by three columns would take longer than asking
    by_id = np.lexsort((tied.second.byteswap(), tied.first.byteswap(), -tied.starts))
    order[is_tied] = order[is_tied][by_id]
    return order


def ordered(selection: Selection) -> Selection:
    return selection.chosen(order_of(selection))


class Asked(Protocol):
    """What a selection needs to know of the store."""

    @property
    def cluster(self) -> Connection: ...

    @property
    def layout(self) -> Layout: ...

    def extent(self) -> Extent: ...


def counted(store: Asked, terms: tuple[Term, ...], sql: str, bound: Bound, is_exact: bool = True) -> Selection:
    """The rows of ``sql``, which has the columns of a selection."""
    found = store.cluster.columns(sql, bound.parameters, *_FIELDS)
    return nothing(terms, is_exact).of_columns(found) if len(found["starts"]) else nothing(terms, is_exact)


def columns_of(grouped: str) -> str:
    """A SELECT of the columns of a selection, out of one of grouped traces."""
    return f"SELECT {halves('trace')}, starts, ends, toInt64(span_count), toInt64(error_count), toInt64(flags) FROM ({grouped})"


def grouped_traces(
    store: Asked,
    terms: Sequence[Term],
    bound: Bound,
    since_ns: int | None = None,
    until_ns: int | None = None,
    *,
    has_astride: bool = False,
    rows: str = "",
) -> tuple[str, bool]:
    """A SELECT of the traces that match, a row each, with the columns of a selection; and whether it is exact. With
    ``since_ns`` and ``until_ns`` of those that begin in ``[since_ns, until_ns)``; ``has_astride``: and of those that began
    before and reach into it. ``rows`` is a condition on rows, if it is not that of the window."""
    rows = rows or rows_of_window(store, terms, bound, since_ns, until_ns)
    times = times_of(store)
    conditions = Conditions(store.layout, bound, rows, times)
    parts = conjuncts(terms)
    before = [found for term in parts if (found := conditions.of_rows(term)) is not None]
    after = [conditions.of_trace(term) for term in parts if conditions.of_rows(term) is None]
    begins = "ends" if has_astride else "starts"
    limits = [f"{begins} >= {bound.value(since_ns)}"] if since_ns is not None else []
    limits += [f"starts < {bound.value(until_ns)}"] if until_ns is not None else []
    having = " AND ".join(["trace != 0", *limits, *(found.text for found in after)])
    sql = (
        f"SELECT {store.layout.trace} AS trace, {times.starts} AS starts, {times.ends} AS ends, count() AS span_count, "
        f"countIf({FAILED}) AS error_count, {conditions.marks()} AS flags FROM {store.layout.spans} "
        f"WHERE {' AND '.join([rows, *(found.text for found in before)])} GROUP BY trace HAVING {having}"
    )
    everything = [*before, *after]
    return sql, joined("AND", everything).is_exact if everything else True


def times_of(store: Asked) -> Times:
    return SAID_TIMES if store.extent().first_ns else ANY_TIMES


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


def matched(keys: Keys, others: Keys, order: Column | None = None) -> tuple[Column, Column]:
    """Where the same key stands in both: places in the one, and in the other. ``order`` sorts the keys, if that is known."""
    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(keys) if order is None else order
    in_order = keys[order]
    asked = np.argsort(others)  # who looks up in order finds most of it at hand
    place = np.empty(len(others), np.int64)
    place[asked] = np.searchsorted(in_order, others[asked])
    place = np.minimum(place, len(keys) - 1)
    theirs = np.flatnonzero(in_order[place] == others)
    return order[place[theirs]], theirs


def joined_parts(
    terms: tuple[Term, ...], parts: Sequence[Selection], scanned_to_ns: int, is_through: bool
) -> Selection:
    """What was found slice by slice, the newest first."""
    if not parts:
        return replace(nothing(terms), scanned_to_ns=scanned_to_ns, is_through=is_through)
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
    whole = nothing(terms, all(part.is_exact for part in parts)).of_columns(columns)
    places = order_of(whole)
    # a trace that lasts longer than is looked around a slice is found by two: it begins where it does
    if len(parts) > 1:
        _, oldest = np.unique(whole.keys[places][::-1], return_index=True)
        places = places[np.sort(len(places) - 1 - oldest)]
    return replace(
        whole.chosen(places),
        scanned_to_ns=scanned_to_ns,
        is_through=is_through,
        since_ns=scanned_to_ns or None,
        astride=parts[-1].astride if scanned_to_ns else (),
        parts=tuple(parts),
        places=places,
    )


def restricted(store: Asked, selection: Selection, bound: Bound) -> str:
    """A condition on rows: those of the selected traces."""
    is_everything = selection.is_exact and selection.since_ns is None and selection.until_ns is None
    if not selection.terms and is_everything:
        return "true"
    if len(selection) <= MAX_NAMED or not selection.is_exact:
        chosen = selection.chosen(np.arange(min(len(selection), MAX_LISTED)))
        return f"{bound.is_among('TraceId', chosen.trace_ids())} AND {between(bound, *chosen.bounds_ns())}"
    rows = between(bound, *selection.bounds_ns())
    has_unsaid = times_of(store) is ANY_TIMES  # spans that do not say when they began lie in no window
    if all(isinstance(term, Overlaps) for term in selection.terms) and not has_unsaid:
        within = _rows_within(store.layout, selection, bound)
        if within:
            return f"{rows} AND {within}"
    grouped, _ = grouped_traces(store, selection.terms, bound, selection.since_ns, selection.until_ns)
    return f"{rows} AND {store.layout.trace} {store.layout.among} (SELECT trace FROM ({grouped}))"


def _rows_within(layout: Layout, selection: Selection, bound: Bound) -> str:
    """The same where only time selects: rows that begin in the window belong to these traces, the others only where a trace
    reaches beyond it, and those are few. Empty when they are not."""
    window = window_of(selection.terms)
    low = max(window.since_ns or 0, selection.since_ns or 0)
    bounds = [window.until_ns, None if selection.until_ns is None else selection.until_ns - 1]
    high = min((bound_ns for bound_ns in bounds if bound_ns is not None), default=MAX_TIME_NS)
    reaching = np.flatnonzero((selection.starts < low) | (selection.ends > high))
    if len(reaching) > MAX_LISTED or len(selection.astride) > MAX_LISTED:
        return ""
    ends = [f"Timestamp >= fromUnixTimestamp64Nano({bound.value(low)})"] if low else []
    ends += [f"Timestamp <= fromUnixTimestamp64Nano({bound.value(high)})"] if high < MAX_TIME_NS else []
    inside = " AND ".join([*ends, f"{layout.trace} != 0"])
    if selection.astride:
        inside += f" AND NOT {bound.is_trace_of(layout.trace, selection.astride)}"
    if not len(reaching):
        return f"({inside})"
    return f"({inside} OR {bound.is_trace_of(layout.trace, selection.chosen(reaching).trace_ids())})"


def around(store: Asked, selection: Selection, bound: Bound) -> str:
    """As ``restricted``, for a question whose answer is held against the selection anyway: where there are many, others may
    come along."""
    if len(selection) <= MAX_NAMED:
        return restricted(store, selection, bound)
    return between(bound, *selection.bounds_ns())
