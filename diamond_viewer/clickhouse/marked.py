"""What is asked of the selected traces beside what selects them: their flags, and which of their spans were written twice.

Each is a question of its own, so that a list waits for none of them, and is asked once of a selection.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.carried import events_written
from diamond_viewer.clickhouse.conditions import Conditions, distinct_sum
from diamond_viewer.clickhouse.expressions import CONTENT, FAILED
from diamond_viewer.clickhouse.selection import (
    MAX_NAMED,
    Asked,
    Column,
    Selection,
    around,
    halves,
    keys_of,
    matched,
    times_of,
)
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.terms import SpanMarked
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Flag

MARKS = (Flag.AUTH_FAILURE, Flag.SLOW_DB, Flag.BUFFERING, Flag.INCOMPLETE)  # the others came with the selection
ALL_MARKS = int(sum(MARKS))

Rows = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Marks:
    """Of one selection. ``known`` are the flags that were asked for; ``repeated`` the rows of traces of which spans were
    written twice; ``events`` how often each event stands in the rows of its traces; ``order`` sorts the keys of the traces.
    Who asks for one flag does not wait for another."""

    flags: Column
    known: int = 0
    repeated: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    order: Rows | None = None
    once: Selection | None = None
    events: Mapping[str, int] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    locks: dict[Flag, threading.Lock] = field(default_factory=lambda: {flag: threading.Lock() for flag in MARKS})


class MarkedTraces:
    """Remembers what it was told of a selection for as long as somebody holds that. A selection that was joined from slices
    of time is asked about slice by slice, so that one that has grown is asked about what is new."""

    def __init__(self, store: Asked) -> None:
        self._store = store
        self._marks: WeakKeyDictionary[Selection, _Marks] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def flags(self, selection: Selection, wanted: int = ALL_MARKS) -> Column:
        """Of each selected trace at least the ``wanted`` flags that its spans and events tell."""
        if selection.places is not None:
            return _joined(selection, [self.flags(part, wanted) for part in selection.parts])
        marks = self._of(selection)
        missing = [flag for flag in MARKS if flag & wanted & ~marks.known]
        if missing:
            self._store.cluster.together(*(lambda flag=flag: self._ask(selection, marks, flag) for flag in missing))
        return marks.flags

    def repeated(self, selection: Selection) -> Selection:
        """Those of the selected traces of which spans were written twice."""
        return selection.chosen(np.flatnonzero(self._is_repeated(selection)))

    def once(self, selection: Selection) -> Selection:
        """The same traces, with each span counted once however often it was written."""
        if selection.places is not None:
            parts = [self.once(part) for part in selection.parts]
            return replace(
                selection,
                span_count=_joined(selection, [part.span_count for part in parts]),
                error_count=_joined(selection, [part.error_count for part in parts]),
            )
        repeated = np.flatnonzero(self._is_repeated(selection))
        if not len(repeated):
            return selection  # and is not kept: marks that held what they are of would hold it for ever
        marks = self._of(selection)
        with marks.lock:
            if marks.once is None:
                marks.once = _counted_once(self._store, selection, repeated)
            return marks.once

    def events(self, selection: Selection) -> Mapping[str, int]:
        """How often each event stands in the rows of the selected traces: more often than it occurs where spans were written
        twice."""
        if selection.places is not None:
            counts: Counter[str] = Counter()
            for part in selection.parts:
                counts.update(self.events(part))
            return counts
        marks = self._of(selection)
        if marks.events is None:
            marks.events = events_written(self._store, selection) if len(selection) else {}
        return marks.events

    def _is_repeated(self, selection: Selection) -> npt.NDArray[np.bool_]:
        if selection.places is not None:
            return _joined(selection, [self._is_repeated(part) for part in selection.parts])
        marks = self._of(selection)
        is_repeated = np.zeros(len(selection), bool)
        self._ask(selection, marks, Flag.INCOMPLETE)
        is_repeated[marks.repeated] = True
        return is_repeated

    def _of(self, selection: Selection) -> _Marks:
        with self._lock:
            if (marks := self._marks.get(selection)) is None:
                marks = self._marks[selection] = _Marks(selection.flags)
            return marks

    def _ask(self, selection: Selection, marks: _Marks, flag: Flag) -> None:
        with marks.locks[flag]:
            if marks.known & flag:
                return
            found = _answer(self._store, selection, flag) if len(selection) else None
            with marks.lock:
                if found is not None:
                    keys = selection.keys
                    if marks.order is None:
                        marks.order = np.argsort(keys)
                    rows, theirs = matched(keys, keys_of(found["first"], found["second"]), marks.order)
                    is_marked = found["is_marked"][theirs] > 0 if "is_marked" in found else slice(None)
                    flags = marks.flags.copy()  # others may be reading
                    flags[rows[is_marked]] |= flag.value
                    marks.flags = flags
                    if flag is Flag.INCOMPLETE:
                        marks.repeated = rows[found["is_repeated"][theirs] > 0]
                marks.known |= flag.value


def _joined(selection: Selection, columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """A column of its slices as one of the whole."""
    assert selection.places is not None
    return np.concatenate(columns)[selection.places]


def _answer(store: Asked, selection: Selection, flag: Flag) -> dict[str, npt.NDArray[Any]]:
    """Of the keys of traces that have the flag, and of others perhaps."""
    bound = Bound()
    rows = around(store, selection, bound)
    layout = store.layout
    trace, parent = layout.trace, layout.parent
    names: tuple[str, ...] = ("first", "second")
    if flag is Flag.INCOMPLETE:
        grouped = (
            f"SELECT {trace} AS trace, arrayDistinct(groupArray({layout.span})) AS ids, count() > length(ids) AS is_repeated, "
            f"countIf({parent} = 0) = 0 OR length(arrayDistinct(arrayConcat(ids, "
            f"groupArrayIf({parent}, {parent} != 0)))) > length(ids) AS is_marked "
            f"FROM {layout.spans} WHERE {rows} GROUP BY trace HAVING is_marked OR is_repeated"
        )
        sql = f"SELECT {halves('trace')}, toInt64(is_marked), toInt64(is_repeated) FROM ({grouped})"
        names = (*names, "is_marked", "is_repeated")
    elif flag is Flag.BUFFERING:
        name = bound.value(semconv.BUFFERING_EVENT)
        stalls = distinct_sum(f"countEqual(Events.Name, {name})")
        grouped = (
            f"SELECT {trace} AS trace, {stalls} AS stalls FROM {layout.spans} "
            f"WHERE {rows} AND has(Events.Name, {name}) GROUP BY trace HAVING stalls >= 2"
        )
        sql = f"SELECT {halves('trace')} FROM ({grouped})"
    else:
        # who could not sign in has come with the selection
        conditions = Conditions(layout, bound, "true", times_of(store))
        refused = conditions.refused() if flag is Flag.AUTH_FAILURE else conditions.of_span(SpanMarked(flag)).text
        sql = f"SELECT DISTINCT {halves(trace)} FROM {layout.spans} WHERE {rows} AND {refused}"
    return store.cluster.columns(sql, bound.parameters, *names)


def _counted_once(store: Asked, selection: Selection, repeated: Rows) -> Selection:
    span_count, error_count = selection.span_count.copy(), selection.error_count.copy()
    for at in range(0, len(repeated), MAX_NAMED):
        rows = repeated[at : at + MAX_NAMED]
        chosen = selection.chosen(rows)
        bound = Bound()
        where = f"{bound.is_among('TraceId', chosen.trace_ids())} AND {between(bound, *chosen.bounds_ns())}"
        distinct = (
            f"SELECT {halves('trace')}, toInt64(spans), toInt64(errors) FROM (SELECT {store.layout.trace} AS trace, "
            f"uniqExact({CONTENT}) AS spans, uniqExactIf({CONTENT}, {FAILED}) AS errors FROM {store.layout.spans} "
            f"WHERE {where} GROUP BY trace)"
        )
        once = store.cluster.columns(distinct, bound.parameters, "first", "second", "spans", "errors")
        mine, theirs = matched(chosen.keys, keys_of(once["first"], once["second"]))
        span_count[rows[mine]] = once["spans"][theirs]
        error_count[rows[mine]] = once["errors"][theirs]
    return replace(selection, span_count=span_count, error_count=error_count)
