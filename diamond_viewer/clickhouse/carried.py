"""What the selected traces carry: flags, events, users and lessons, each value with the number of traces that have it.

The tables hold names as they were written. Secrets are taken out of them here, before anybody sees them; names that become
equal by that are one, and what a reader types is held against what is shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.expressions import CONTENT, SERVICE, Row
from diamond_viewer.clickhouse.selection import (
    MAX_NAMED,
    SPANS_AT_ONCE,
    Asked,
    Selection,
    restricted,
)
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redact import REDACTED, redact_text

MAX_NAMED_PEOPLE = 200_000
# of a question, the most frequent as they were written: those with secrets are many, and shown as one
MAX_NAMES = 10_000


def events_written(store: Asked, selection: Selection) -> dict[str, int]:
    """How often each event stands in the rows of the selected traces."""
    bound = Bound()
    rows = f"{restricted(store, selection, bound)} AND notEmpty(Events.Name)"
    return _names(store, f"SELECT Events.Name AS names FROM {store.layout.spans} WHERE {rows}", bound)


def event_counts(store: Asked, written: Mapping[str, int], repeated: Selection) -> Mapping[str, int]:
    """How often each event occurs, most frequent first, of ``events_written``. Spans of the ``repeated`` traces, which are some
    of those, are told apart by their content."""
    counts = Counter(written)
    for at in range(0, len(repeated), MAX_NAMED):
        chosen = replace(repeated.chosen(np.arange(at, min(at + MAX_NAMED, len(repeated)))), is_exact=False)
        bound = Bound()
        rows = f"{restricted(store, chosen, bound)} AND notEmpty(Events.Name)"
        counts.subtract(_names(store, f"SELECT Events.Name AS names FROM {store.layout.spans} WHERE {rows}", bound))
        what = f"DISTINCT TraceId, {CONTENT}, Events.Name AS names"
        counts.update(_names(store, f"SELECT {what} FROM {store.layout.spans} WHERE {rows}", bound))
    return dict(_as_shown(counts.items()))


def _names(store: Asked, spans: str, bound: Bound) -> dict[str, int]:
    sql = (
        f"SELECT arrayJoin(names) AS name, count() AS n FROM ({spans}) GROUP BY name "
        f"ORDER BY n DESC, name LIMIT {MAX_NAMES:d}"
    )
    return {str(name): int(count) for name, count in store.cluster.rows(sql, bound.parameters)}


def count_users(store: Asked, selection: Selection) -> int:
    """As they are shown: two whose names are secret are one. As they were written where they are more than are taken."""
    if not len(selection):
        return 0
    bound = Bound()
    row = Row(store.layout, bound)
    rows = f"{restricted(store, selection, bound)} AND {row.tells('user')}"
    if rules().is_on:
        names = f"SELECT DISTINCT toString(arrayJoin({row.users})) FROM {store.layout.spans} WHERE {rows}"
        users = store.cluster.rows(f"{names} LIMIT {MAX_NAMED_PEOPLE:d}", bound.parameters)
        if len(users) < MAX_NAMED_PEOPLE:
            return len({redact_text(str(user)) for (user,) in users})
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
    pairs = f"SELECT {store.layout.trace} AS trace, arrayJoin({values}) AS value FROM {store.layout.spans} WHERE {rows}"
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


def narrowed(values: str, text: str, bound: Bound) -> str:
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
    values = narrowed(values_of(row, field.value), text, bound)
    rows = f"{newest_rows(store, bound)} AND {row.tells(field.value)}"
    return list(_counted(store, bound, values, rows, limit, text))


def newest_rows(store: Asked, bound: Bound) -> str:
    """About so many of the newest rows as can be grouped at once; all of them where there are no more."""
    extent = store.extent()
    if extent.rows <= SPANS_AT_ONCE:
        return "true"
    width_ns = (extent.last_ns - extent.first_ns) * SPANS_AT_ONCE // extent.rows
    return between(bound, extent.last_ns - width_ns, extent.last_ns)
