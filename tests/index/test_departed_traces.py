"""What is remembered of traces that had to go is bounded."""

import numpy as np

from diamond_viewer.index.departed_traces import DepartedTraces


def keys(*numbers: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.array(numbers, np.uint64)


def test_the_last_time_counts_and_the_oldest_are_forgotten_first() -> None:
    departed = DepartedTraces(max_keys=4)
    departed.remember(keys(9, 1, 5), 100)
    departed.remember(keys(5), 200)
    assert [departed.left_ns(keys(number)) for number in (9, 5, 7)] == [100, 200, 0]
    departed.remember(keys(6), 300)
    assert [departed.left_ns(keys(number)) for number in (9, 5, 6)] == [0, 200, 300]
    assert departed.size_bytes == 16


def test_a_small_budget_remembers_little() -> None:
    departed = DepartedTraces.within(64 * 8 * 10)
    departed.remember(keys(*range(1, 100)), 100)
    assert departed.size_bytes == 80
