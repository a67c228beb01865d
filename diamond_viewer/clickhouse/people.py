"""People: users, or lessons, by the names they are shown with, and the traces that name them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.carried import MAX_NAMED_PEOPLE, narrowed, values_of
from diamond_viewer.clickhouse.expressions import Row
from diamond_viewer.clickhouse.faults import broken_off
from diamond_viewer.clickhouse.keyed_texts import AnswerError, keyed_texts
from diamond_viewer.clickhouse.selection import Asked, Column, Keys, Selection, around, key_of, matched
from diamond_viewer.query.resembling import contains_words, words_of
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.redact import redact_text

MAX_PAIRS = 4_000_000  # of a user (or lesson) and a trace: 32 MB


@dataclass(frozen=True, slots=True)
class Said:
    """Of each name, as it is shown, the keys of the traces in whose rows it stands. Not ``is_all`` when there are more than are
    taken from the cluster."""

    keys: dict[str, Keys]
    is_all: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """The distinct ``names`` of users or lessons; and, side by side, the row of a trace in a selection and the place of a name
    that it carries. ``is_all`` as in ``Said``."""

    names: list[str]
    rows: Column
    places: Column
    is_all: bool = True


def named_in(store: Asked, selection: Selection, field: Field, text: str) -> Named:
    """Users or lessons that are shown with every word of ``text``, whatever its case, in the selected traces. Raises
    ``ClusterError``."""
    bound = Bound()
    return placed(selection, said_in(store, around(store, selection, bound), bound, field, text))


def said_in(store: Asked, rows: str, bound: Bound, field: Field, text: str) -> Said:
    """The same, in the rows for which the condition holds."""
    row = Row(store.layout, bound)
    words, values = words_of(text), values_of(row, field.value)
    for word in words:
        values = narrowed(values, word, bound)
    where = f"{rows} AND {row.tells(field.value)}"
    spans = (
        f"SELECT {store.layout.trace} AS trace, arrayJoin({values}) AS value FROM {store.layout.spans} WHERE {where}"
    )
    of_each = (
        f"SELECT toString(value) AS said, groupUniqArray({MAX_PAIRS + 1:d})({key_of('trace')}) AS keys FROM ({spans}) "
        f"GROUP BY value ORDER BY said LIMIT {MAX_NAMED_PEOPLE:d}"
    )
    # no more than are taken, and the one that says that there are more: how many a name has is only known there
    before = "sum(length(keys)) OVER (ORDER BY said ROWS UNBOUNDED PRECEDING) - length(keys)"
    bounded = f"SELECT said, keys, {before} AS before FROM ({of_each})"
    sql = f"SELECT said, keys FROM ({bounded}) WHERE before <= {MAX_PAIRS:d} ORDER BY said"
    shown: dict[str, list[Keys]] = {}  # what several values are shown as is one
    count = pair_count = 0
    for said, keys in _keyed(store, sql, bound):
        count, pair_count = count + 1, pair_count + len(keys)
        if pair_count > MAX_PAIRS:
            break
        if contains_words(name := redact_text(said), words):
            shown.setdefault(name, []).append(keys)
    is_all = count < MAX_NAMED_PEOPLE and pair_count <= MAX_PAIRS
    return Said(
        {name: np.unique(np.concatenate(keys)) if len(keys) > 1 else keys[0] for name, keys in shown.items()}, is_all
    )


def placed(selection: Selection, said: Said) -> Named:
    """Those of them that stand in the selected traces."""
    each = list(said.keys.values())
    if not each:
        return Named([], np.empty(0, np.int64), np.empty(0, np.int64), said.is_all)
    traces, of_key = matched(selection.keys, np.concatenate(each))  # what is only around the selection is not in it
    places = np.repeat(np.arange(len(each)), [len(keys) for keys in each])[of_key]
    is_named = np.bincount(places, minlength=len(each)) > 0
    names = [name for name, is_here in zip(said.keys, is_named.tolist(), strict=True) if is_here]
    return Named(names, traces, (np.cumsum(is_named) - 1)[places], said.is_all)


def _keyed(store: Asked, sql: str, bound: Bound) -> Iterator[tuple[str, Keys]]:
    try:
        yield from keyed_texts(store.cluster.binary(sql, bound.parameters))
    except AnswerError:  # the server found out after its answer had begun that it cannot give all of it
        raise broken_off(store.cluster.address) from None
