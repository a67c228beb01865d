"""What the tables hold as it was written is shown without its secrets, and found by what is shown."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from diamond_viewer.clickhouse.carried import count_users, event_counts, most_carried, pairs_of, values_containing
from diamond_viewer.clickhouse.layout import NEEDED, Layout
from diamond_viewer.clickhouse.selection import Asked, Extent, Selection, nothing
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.own_secrets import BUILT_IN, Redaction
from diamond_viewer.telemetry.redact import enforce

LAYOUT = Layout("t", dict.fromkeys(NEEDED, "String") | {"SpanAttributes": "Map(LowCardinality(String), String)"})
RESET = "GET /reset?token="
NAMES = [("GET /", 5), (f"{RESET}abcdef", 4), (f"{RESET}ghijkl", 3), ("POST /", 1)]


class Answering:
    """A store whose cluster has this answer, and remembers what it was asked."""

    layout = LAYOUT

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.cluster = SimpleNamespace(rows=self._rows, columns=self._columns, together=self._together)
        self._answer = list(rows)
        self.pairs: list[tuple[int, int]] = []  # of a value's hash and the half of a trace's id

    def _rows(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.asked.append((sql, parameters))
        return self._answer

    def _columns(self, sql: str, parameters: dict[str, Any], *names: str) -> dict[str, npt.NDArray[Any]]:
        hashes, halves = (np.array([pair[place] for pair in self.pairs], np.uint64) for place in (0, 1))
        return {"hash": hashes, "first": halves, "second": halves}

    def _together(self, *questions: Callable[[], Any]) -> list[Any]:
        return [question() for question in questions]

    def extent(self) -> Extent:
        return Extent(1, 0, 1)


def answering(*rows: tuple[Any, ...]) -> tuple[Asked, Answering]:
    store = Answering(*rows)
    return cast(Asked, store), store


def two_traces() -> Selection:
    halves, numbers = np.array([1, 2], np.uint64), np.ones(2, np.int64)
    columns: dict[str, npt.NDArray[Any]] = {"first": halves, "second": halves}
    columns |= dict.fromkeys(("starts", "ends", "span_count", "error_count", "flags"), numbers)
    return nothing(()).of_columns(columns)


@pytest.fixture
def with_emails() -> Iterator[None]:
    enforce(Redaction(emails=True))
    yield
    enforce(BUILT_IN)


def test_names_that_are_shown_alike_are_one_facet_and_their_counts_are_added() -> None:
    store, asked = answering(*NAMES)
    assert most_carried(store, two_traces(), "operation", 2) == ((f"{RESET}REDACTED", 7), ("GET /", 5))
    assert "LIMIT 10000" in asked.asked[0][0]  # two that are shown may be a thousand that were written


def test_suggestions_and_events_are_shown_without_their_secrets() -> None:
    store, _ = answering(*NAMES)
    expected = [(f"{RESET}REDACTED", 7), ("GET /", 5), ("POST /", 1)]
    assert values_containing(store, Field.OPERATION, "", 10) == expected
    assert list(event_counts(store, two_traces(), nothing(())).items()) == expected


def test_a_suggestion_does_not_tell_what_a_secret_begins_with() -> None:
    store, _ = answering((f"{RESET}abcdef", 4))  # as the cluster lets it through
    assert values_containing(store, Field.OPERATION, "token=ab", 10) == []
    assert values_containing(store, Field.OPERATION, "TOKEN=", 10) == [(f"{RESET}REDACTED", 4)]


@pytest.mark.parametrize("text", ["redacted", "=REDACTED", "ct"])
def test_what_stands_in_place_of_a_secret_is_not_looked_for_in_the_tables(text: str) -> None:
    store, asked = answering(*NAMES)
    assert values_containing(store, Field.OPERATION, text, 10) == [(f"{RESET}REDACTED", 7)]
    assert asked.asked[0][1].get("p0") != text.casefold()
    assert "arrayFilter(x -> position" not in asked.asked[0][0]


def test_people_who_are_shown_alike_are_one_and_have_each_trace_once(with_emails: None) -> None:
    store, asked = answering(("ada@a.test", 11), ("bob@a.test", 12), ("usr_0007", 13))
    asked.pairs = [(11, 1), (11, 2), (12, 2), (13, 1), (13, 9)]
    names, rows, places = pairs_of(store, two_traces(), Field.USER, "")
    assert names == ["REDACTED", "usr_0007"]
    assert list(zip(rows.tolist(), places.tolist(), strict=True)) == [(0, 0), (1, 0), (0, 1)]
    assert pairs_of(store, two_traces(), Field.USER, "ada")[0] == []


def test_users_are_counted_in_the_cluster_where_nothing_is_secret_and_by_what_is_shown_where_something_is() -> None:
    store, asked = answering(("ada",), ("?token=abcdef",), ("?token=ghijkl",))
    assert count_users(store, two_traces()) == 2
    assert "SELECT DISTINCT" in asked.asked[0][0]
    enforce(Redaction(is_on=False))
    try:
        store, asked = answering((5_000_000,))
        assert count_users(store, two_traces()) == 5_000_000
        assert "SELECT uniqExactArray(" in asked.asked[0][0]
    finally:
        enforce(BUILT_IN)


def test_nothing_is_merged_where_nothing_is_secret() -> None:
    enforce(Redaction(is_on=False))
    try:
        store, asked = answering(*NAMES)
        assert most_carried(store, two_traces(), "operation", 4) == tuple(NAMES)
        assert "LIMIT 4" in asked.asked[0][0]
    finally:
        enforce(BUILT_IN)
