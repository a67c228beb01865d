"""What was asked of a selection is remembered for as long as somebody holds the selection, and no longer."""

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from weakref import ref

import numpy as np
import numpy.typing as npt
import pytest

from diamond_viewer.clickhouse.connection import UNSIGNED
from diamond_viewer.clickhouse.marked import MarkedTraces
from diamond_viewer.clickhouse.selection import Asked, Extent, Selection
from tests.clickhouse.test_carried import LAYOUT, two_traces

ASKED: dict[str, Callable[[MarkedTraces, Selection], object]] = {
    "flags": MarkedTraces.flags,
    "repeated": MarkedTraces.repeated,
    "once": MarkedTraces.once,
    "events": MarkedTraces.events,
}


def marked_traces(repeated: list[int]) -> MarkedTraces:
    """Of a cluster in which spans of the traces of these halves were written twice."""

    def columns(sql: str, parameters: dict[str, Any], *names: str) -> dict[str, npt.NDArray[Any]]:
        told = repeated if {"is_repeated", "spans"} & set(names) else []
        return {name: np.array(told if name in UNSIGNED else [1] * len(told), _kind(name)) for name in names}

    cluster = SimpleNamespace(
        columns=columns, rows=lambda sql, parameters: [], together=lambda *questions: [ask() for ask in questions]
    )
    return MarkedTraces(cast(Asked, SimpleNamespace(layout=LAYOUT, cluster=cluster, extent=lambda: Extent(1, 0, 1))))


def _kind(name: str) -> type[np.uint64] | type[np.int64]:
    return np.uint64 if name in UNSIGNED else np.int64


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("repeated", [[], [2]], ids=["nothing twice", "something twice"])
def test_marks_go_with_the_selection_that_they_are_of(question: str, repeated: list[int]) -> None:
    marked = marked_traces(repeated)
    selection = two_traces()
    assert marked.repeated(selection).first.tolist() == repeated
    ASKED[question](marked, selection)
    held = ref(selection)
    del selection
    gc.collect()
    assert held() is None
