"""What the tables hold as it was written is shown without its secrets, and found by what is shown."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from diamond_viewer.clickhouse import carried, people
from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.carried import (
    count_users,
    event_counts,
    events_written,
    most_carried,
    values_containing,
)
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.layout import NEEDED, Layout
from diamond_viewer.clickhouse.people import named_in
from diamond_viewer.clickhouse.selection import Asked, Extent, Selection, keys_of, nothing
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
        self.cluster = SimpleNamespace(rows=self._rows, binary=self._binary, address=Address((("a.test", 8123),)))
        self._answer = list(rows)
        self.keyed: list[tuple[str, list[int]]] = []  # a value, and the halves of the ids of traces
        self.broken_bytes = 0  # of the end of a binary answer, which does not come

    def _rows(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.asked.append((sql, parameters))
        return self._answer

    def _binary(self, sql: str, parameters: dict[str, Any]) -> bytes:
        self.asked.append((sql, parameters))
        answer = b"".join(_row(text, halves) for text, halves in self.keyed)
        return answer[: len(answer) - self.broken_bytes]

    def extent(self) -> Extent:
        return Extent(1, 0, 1)


def _row(text: str, halves: list[int]) -> bytes:
    ids = np.array(halves, np.uint64)
    return bytes([len(text)]) + text.encode() + bytes([len(halves)]) + keys_of(ids, ids).tobytes()


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
    assert list(event_counts(store, events_written(store, two_traces()), nothing(())).items()) == expected


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
    store, asked = answering()
    asked.keyed = [("ada@a.test", [1, 2]), ("bob@a.test", [2]), ("usr_0003", [9]), ("usr_0007", [1, 9])]
    found = named_in(store, two_traces(), Field.USER, "")
    assert (found.names, found.is_all) == (
        ["REDACTED", "usr_0007"],
        True,
    )  # 3 and trace 9 are around, not in the selection
    assert sorted(zip(found.places.tolist(), found.rows.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0)]
    assert named_in(store, two_traces(), Field.USER, "ada").names == []


def test_an_answer_about_people_says_when_there_are_more_of_them_and_when_it_was_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, asked = answering()
    asked.keyed = [("usr_0003", [1]), ("usr_0007", [1, 2])]
    monkeypatch.setattr(people, "MAX_PAIRS", 2)
    found = named_in(store, two_traces(), Field.USER, "")
    assert (found.names, found.is_all) == (["usr_0003"], False)
    monkeypatch.setattr(people, "MAX_PAIRS", 3)
    monkeypatch.setattr(people, "MAX_NAMED_PEOPLE", 2)
    found = named_in(store, two_traces(), Field.USER, "")
    assert (found.names, found.is_all) == (["usr_0003", "usr_0007"], False)
    asked.broken_bytes = 1
    with pytest.raises(ClusterError, match="broke off its answer"):
        named_in(store, two_traces(), Field.USER, "")


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


def test_very_many_users_are_counted_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "MAX_NAMED_PEOPLE", 3)
    store, asked = answering((5_000_000,), (2,), (3,))  # to both questions
    assert count_users(store, two_traces()) == 5_000_000
    assert ["DISTINCT" in sql for sql, _ in asked.asked] == [True, False]


def test_nothing_is_merged_where_nothing_is_secret() -> None:
    enforce(Redaction(is_on=False))
    try:
        store, asked = answering(*NAMES)
        assert most_carried(store, two_traces(), "operation", 4) == tuple(NAMES)
        assert "LIMIT 4" in asked.asked[0][0]
    finally:
        enforce(BUILT_IN)
