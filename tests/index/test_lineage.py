"""Parents and ancestors of many rows at once."""

import numpy as np
import pytest

from diamond_viewer.index.lineage import distinct_tuples, nearest, parents


def forest(*links: tuple[int, int, int]) -> list[int]:
    """``links`` are trace, span id and parent id; the answer has -1 for none."""
    traces, span_ids, parent_ids = (np.array(column, np.uint64) for column in zip(*links, strict=True))
    found = parents(traces, span_ids, parent_ids)
    assert found[-1] == len(links)
    return [-1 if row == len(links) else row for row in found[:-1].tolist()]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        pytest.param([(0, 1, 0), (0, 2, 1), (0, 3, 2)], [-1, 0, 1], id="chain"),
        pytest.param([(0, 2, 1), (0, 1, 0)], [1, -1], id="a child before its parent"),
        pytest.param([(0, 2, 9)], [-1], id="orphan"),
        pytest.param([(0, 1, 0), (1, 2, 1)], [-1, -1], id="the same id in another trace"),
        pytest.param([(0, 1, 1)], [-1], id="its own parent"),
        pytest.param([(0, 1, 2), (0, 2, 1), (0, 3, 2)], [-1, -1, 1], id="circle of two and what hangs on it"),
        pytest.param([(0, 1, 3), (0, 2, 1), (0, 3, 2), (0, 4, 0)], [-1, -1, -1, -1], id="circle of three"),
        pytest.param([(0, 1, 0), (0, 1, 0), (0, 2, 1)], [-1, -1, 0], id="two spans of one id"),
    ],
)
def test_parents(links: list[tuple[int, int, int]], expected: list[int]) -> None:
    assert forest(*links) == expected


def test_the_nearest_wanted_row_is_found_however_deep_a_chain_is() -> None:
    count = 50_000
    chain = parents(
        np.zeros(count, np.uint64), np.arange(1, count + 1, dtype=np.uint64), np.arange(count, dtype=np.uint64)
    )
    is_wanted = np.zeros(count, bool)
    is_wanted[[0, 30_000]] = True
    found = nearest(chain, is_wanted)
    assert found[[0, 1, 29_999, 30_000, 49_999, count]].tolist() == [0, 0, 0, 30_000, 30_000, count]


def test_nothing_above_is_nothing_found() -> None:
    assert nearest(
        parents(*(np.array([1, 2], np.uint64),) * 2, np.zeros(2, np.uint64)), np.array([True, False])
    ).tolist() == [
        0,
        2,
        2,
    ]


def test_distinct_tuples_are_told_apart_by_every_column() -> None:
    firsts, which = distinct_tuples([np.array([1, 1, 2, 1]), np.array([7, 8, 7, 7])])
    assert len(firsts) == 3
    assert which[0] == which[3]
    assert [which[first] for first in firsts] == [0, 1, 2]
