"""What the selected traces carry: flags, events, users and lessons, each value with the number of traces that have it.

The tables hold names as they were written. Secrets are taken out of them here, before anybody sees them; names that become
equal by that are one, and what a reader types is held against what is shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.conditions import ON_A_SPAN, Conditions, distinct_sum
from diamond_viewer.clickhouse.expressions import CONTENT, SERVICE, TRACE, Row
from diamond_viewer.clickhouse.selection import (
    SPANS_AT_ONCE,
    Asked,
    Column,
    Keys,
    Selection,
    around,
    halves,
    keys_of,
    matched,
    restricted,
)
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.resembling import contains_words, words_of
from diamond_viewer.query.terms import Field, SpanMarked
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redact import REDACTED, redact_text

MARKS = tuple(flag for flag in ON_A_SPAN if flag is not Flag.ERROR)  # errors are counted with the spans
MAX_PAIRS = 1_000_000
MAX_NAMES = (
    10_000  # of a question, the most frequent as they were written: those with secrets are many, and shown as one
)


def flags_of(store: Asked, selection: Selection) -> Column:
    """The flags of every selected trace that its spans and events tell; those that rules tell are not among them."""
    flags = selection.flags.copy()
    if not len(selection):
        return flags
    keys = selection.keys
    found = store.cluster.together(*(_marked(store, selection, flag) for flag in MARKS), _buffering(store, selection))
    for flag, others in zip((*MARKS, Flag.BUFFERING), found, strict=True):
        rows, _ = matched(keys, others)
        flags[rows] |= flag.value
    return flags


def _marked(store: Asked, selection: Selection, flag: Flag) -> "_Question":
    bound = Bound()
    rows = around(store, selection, bound)
    condition = Conditions(store.layout, bound, "true").of_span(SpanMarked(flag))
    return _Question(
        store, f"SELECT DISTINCT {halves(TRACE)} FROM {store.layout.spans} WHERE {rows} AND {condition.text}", bound
    )


def _buffering(store: Asked, selection: Selection) -> "_Question":
    bound = Bound()
    name = bound.value(semconv.BUFFERING_EVENT)
    rows = around(store, selection, bound)
    stalls = distinct_sum(f"countEqual(Events.Name, {name})")
    grouped = (
        f"SELECT {TRACE} AS trace, {stalls} AS stalls FROM {store.layout.spans} "
        f"WHERE {rows} AND has(Events.Name, {name}) GROUP BY trace HAVING stalls >= 2"
    )
    return _Question(store, f"SELECT {halves('trace')} FROM ({grouped})", bound)


class _Question:
    """Asked for keys of traces when it is called."""

    def __init__(self, store: Asked, sql: str, bound: Bound) -> None:
        self._store, self._sql, self._bound = store, sql, bound

    def __call__(self) -> Keys:
        found = self._store.cluster.columns(self._sql, self._bound.parameters, "first", "second")
        return keys_of(found["first"].astype(np.uint64), found["second"].astype(np.uint64))


def event_counts(store: Asked, selection: Selection) -> Mapping[str, int]:
    """How often each event occurs, most frequent first."""
    bound = Bound()
    rows = restricted(store, selection, bound)
    what = f"DISTINCT TraceId, {CONTENT}, Events.Name AS names"
    spans = f"SELECT {what} FROM {store.layout.spans} WHERE {rows} AND notEmpty(names)"
    sql = (
        f"SELECT arrayJoin(names) AS name, count() AS n FROM ({spans}) GROUP BY name "
        f"ORDER BY n DESC, name LIMIT {MAX_NAMES:d}"
    )
    return dict(_as_shown(store.cluster.rows(sql, bound.parameters)))


def count_users(store: Asked, selection: Selection) -> int:
    if not len(selection):
        return 0
    bound = Bound()
    row = Row(store.layout, bound)
    rows = f"{restricted(store, selection, bound)} AND {row.tells('user')}"
    sql = f"SELECT uniqExactArray({row.users}) FROM {store.layout.spans} WHERE {rows}"
    return int(store.cluster.rows(sql, bound.parameters)[0][0])


def values_of(row: Row, name: str) -> str:
    """An array of what a span has under a facet's name."""
    single = {"service": SERVICE, "operation": "toString(SpanName)", "route": row.route}
    if name in single:
        return f"[{single[name]}]"
    if name == "http_status":
        return f"[if({row.http_status} > 0, toString({row.http_status}), '')]"
    return {"user": row.users, "lesson": row.lessons, "event": "arrayMap(x -> toString(x), Events.Name)"}[name]


def most_carried(store: Asked, selection: Selection, name: str, limit: int) -> tuple[tuple[str, int], ...]:
    """See ``TraceStore.facets``: of one field."""
    if not len(selection):
        return ()
    bound = Bound()
    row = Row(store.layout, bound)
    rows = f"{restricted(store, selection, bound)} AND {row.tells(name)}"
    return _counted(store, bound, values_of(row, name), rows, limit)


def _counted(
    store: Asked, bound: Bound, values: str, rows: str, limit: int, text: str = ""
) -> tuple[tuple[str, int], ...]:
    """``text``: only of values that are shown with it, whatever its case."""
    most = max(limit, MAX_NAMES) if rules().is_on else limit
    pairs = f"SELECT {TRACE} AS trace, arrayJoin({values}) AS value FROM {store.layout.spans} WHERE {rows}"
    sql = (
        f"SELECT toString(value), uniqExact(trace) AS n FROM ({pairs}) WHERE value != '' GROUP BY value "
        f"ORDER BY n DESC, value LIMIT {most:d}"
    )
    shown = _as_shown(store.cluster.rows(sql, bound.parameters))
    return tuple([pair for pair in shown if is_shown_with(text, pair[0])][:limit])


def _as_shown(counted: Iterable[Any]) -> list[tuple[str, int]]:
    """Rows of a value as it was written, and how often -> what is shown of it, most frequent first. Counts of values that
    are shown alike are added: a trace that has two of them counts twice."""
    shown: Counter[str] = Counter()
    for value, count in counted:
        shown[redact_text(str(value))] += int(count)
    return sorted(shown.items(), key=lambda pair: (-pair[1], pair[0]))


def is_shown_with(text: str, shown: str) -> bool:
    return text.casefold() in shown.casefold()


def _narrowed(values: str, text: str, bound: Bound) -> str:
    """Those of an array's values that may be shown with ``text``. What it finds is to be held against what is shown: or a
    reader could find out a secret letter by letter."""
    part, mark = text.casefold(), REDACTED.casefold()
    if not part or (rules().is_on and (part in mark or mark in part)):  # that stands in no table
        return values
    return f"arrayFilter(x -> position(lowerUTF8(x), {bound.value(part)}) > 0, {values})"


def values_containing(store: Asked, field: Field, text: str, limit: int) -> list[tuple[str, int]]:
    """See ``TraceStore.values``. Where very much is held, of its newest part: a reader waits for what is offered here."""
    bound = Bound()
    row = Row(store.layout, bound)
    values = _narrowed(values_of(row, field.value), text, bound)
    rows = f"{newest_rows(store, bound)} AND {row.tells(field.value)}"
    return list(_counted(store, bound, values, rows, limit, text))


def newest_rows(store: Asked, bound: Bound) -> str:
    """About so many of the newest rows as can be grouped at once; all of them where there are no more."""
    extent = store.extent()
    if extent.rows <= SPANS_AT_ONCE:
        return "true"
    width_ns = (extent.last_ns - extent.first_ns) * SPANS_AT_ONCE // extent.rows
    return between(bound, extent.last_ns - width_ns, extent.last_ns)


def pairs_of(
    store: Asked, selection: Selection, field: Field, text: str
) -> tuple[list[str], Column, npt.NDArray[np.int64]]:
    """Users or lessons that are shown with every word of ``text``, whatever its case: the distinct values; and, side by side,
    the row of a trace in the selection and the place of a value that it names."""
    none = np.empty(0, np.int64)
    if not len(selection):
        return [], none, none
    bound = Bound()
    row = Row(store.layout, bound)
    words, values = words_of(text), values_of(row, field.value)
    for word in words:
        values = _narrowed(values, word, bound)
    rows = f"{around(store, selection, bound)} AND {row.tells(field.value)}"
    sql = (
        f"SELECT toString(value), groupUniqArray((first, second)) FROM (SELECT arrayJoin({values}) AS value, {halves(TRACE)} "
        f"FROM {store.layout.spans} WHERE {rows}) GROUP BY value ORDER BY value LIMIT {MAX_PAIRS}"
    )
    keys = selection.keys
    rows_of: dict[str, list[Column]] = {}
    for value, theirs in store.cluster.rows(sql, bound.parameters):
        pairs = np.array([_pair(pair) for pair in theirs], np.uint64).reshape(-1, 2)
        found, _ = matched(keys, keys_of(pairs[:, 0], pairs[:, 1]))
        shown = redact_text(str(value))
        if len(found) and contains_words(shown, words):
            rows_of.setdefault(shown, []).append(found)
    traces = [np.unique(np.concatenate(parts)) for parts in rows_of.values()]
    places = [np.full(len(found), place) for place, found in enumerate(traces)]
    return list(rows_of), np.concatenate([none, *traces]), np.concatenate([none, *places])


def _pair(found: Any) -> tuple[int, int]:
    """A tuple of the server is a dict where its members have names."""
    first, second = found.values() if isinstance(found, dict) else found
    return int(first), int(second)
