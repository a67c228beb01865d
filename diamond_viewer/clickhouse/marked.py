"""What is asked of the selected traces beside what selects them: their flags, and which of their spans were written twice.

Each is a question of its own, so that a list waits for none of them, and is asked once of a selection.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.conditions import Conditions, distinct_sum
from diamond_viewer.clickhouse.expressions import CONTENT, FAILED, PARENT, SPAN, TRACE
from diamond_viewer.clickhouse.selection import (
    MAX_NAMED,
    Asked,
    Column,
    Selection,
    around,
    halves,
    keys_of,
    matched,
)
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.terms import SpanMarked
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Flag

MARKS = (Flag.AUTH_FAILURE, Flag.SLOW_DB, Flag.BUFFERING, Flag.INCOMPLETE)  # the others came with the selection
ALL_MARKS = int(sum(MARKS))
MAX_KEPT = 16  # selections

Rows = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Kept:
    """``known`` are the flags that were asked for; ``repeated`` the rows of traces of which spans were written twice."""

    selection: Selection
    flags: Column
    known: int = 0
    repeated: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    once: Selection | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class MarkedTraces:
    def __init__(self, store: Asked) -> None:
        self._store = store
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def flags(self, selection: Selection, wanted: int = ALL_MARKS) -> Column:
        """Of each selected trace at least the ``wanted`` flags that its spans and events tell."""
        kept = self._of(selection)
        with kept.lock:
            self._ask(kept, wanted)
            return kept.flags

    def repeated(self, selection: Selection) -> Selection:
        """Those of the selected traces of which spans were written twice."""
        kept = self._of(selection)
        with kept.lock:
            self._ask(kept, Flag.INCOMPLETE.value)
            return selection.chosen(kept.repeated)

    def once(self, selection: Selection) -> Selection:
        """The same traces, with each span counted once however often it was written."""
        repeated = self.repeated(selection)
        kept = self._of(selection)
        with kept.lock:
            if kept.once is None:
                kept.once = _counted_once(self._store, selection, kept.repeated) if len(repeated) else selection
            return kept.once

    def _of(self, selection: Selection) -> _Kept:
        with self._lock:
            kept = self._kept.get(id(selection))  # it holds the selection, so that no other gets its id
            if kept is None:
                kept = self._kept[id(selection)] = _Kept(selection, selection.flags.copy())
            self._kept.move_to_end(id(selection))
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return kept

    def _ask(self, kept: _Kept, wanted: int) -> None:
        missing = [flag for flag in MARKS if flag & wanted & ~kept.known]
        if not missing:
            return
        if len(kept.selection):
            flags = kept.flags.copy()  # others may be reading
            keys = kept.selection.keys
            order = np.argsort(keys)
            questions = [_question(self._store, kept.selection, flag) for flag in missing]
            for flag, found in zip(missing, self._store.cluster.together(*questions), strict=True):
                rows, theirs = matched(keys, keys_of(found["first"], found["second"]), order)
                is_marked = found["is_marked"][theirs] > 0 if "is_marked" in found else slice(None)
                flags[rows[is_marked]] |= flag.value
                if flag is Flag.INCOMPLETE:
                    kept.repeated = rows[found["is_repeated"][theirs] > 0]
            kept.flags = flags
        kept.known |= int(sum(missing))


def _question(store: Asked, selection: Selection, flag: Flag) -> Callable[[], dict[str, npt.NDArray[Any]]]:
    """Of the keys of traces that have the flag, and of others perhaps."""
    bound = Bound()
    rows = around(store, selection, bound)
    spans = store.layout.spans
    names: tuple[str, ...] = ("first", "second")
    if flag is Flag.INCOMPLETE:
        grouped = (
            f"SELECT {TRACE} AS trace, arrayDistinct(groupArray({SPAN})) AS ids, count() > length(ids) AS is_repeated, "
            f"countIf(ParentSpanId = '') = 0 OR length(arrayDistinct(arrayConcat(ids, "
            f"groupArrayIf({PARENT}, ParentSpanId != '')))) > length(ids) AS is_marked "
            f"FROM {spans} WHERE {rows} GROUP BY trace HAVING is_marked OR is_repeated"
        )
        sql = f"SELECT {halves('trace')}, toUInt64(is_marked), toUInt64(is_repeated) FROM ({grouped})"
        names = (*names, "is_marked", "is_repeated")
    elif flag is Flag.BUFFERING:
        name = bound.value(semconv.BUFFERING_EVENT)
        stalls = distinct_sum(f"countEqual(Events.Name, {name})")
        grouped = (
            f"SELECT {TRACE} AS trace, {stalls} AS stalls FROM {spans} "
            f"WHERE {rows} AND has(Events.Name, {name}) GROUP BY trace HAVING stalls >= 2"
        )
        sql = f"SELECT {halves('trace')} FROM ({grouped})"
    else:
        conditions = Conditions(store.layout, bound, "true")  # who could not sign in has come with the selection
        refused = conditions.refused() if flag is Flag.AUTH_FAILURE else conditions.of_span(SpanMarked(flag)).text
        sql = f"SELECT DISTINCT {halves(TRACE)} FROM {spans} WHERE {rows} AND {refused}"
    return lambda: {
        name: column.astype(np.uint64) for name, column in store.cluster.columns(sql, bound.parameters, *names).items()
    }


def _counted_once(store: Asked, selection: Selection, repeated: Rows) -> Selection:
    span_count, error_count = selection.span_count.copy(), selection.error_count.copy()
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
        span_count[rows[mine]] = once["spans"][theirs]
        error_count[rows[mine]] = once["errors"][theirs]
    return replace(selection, span_count=span_count, error_count=error_count)
