"""The stopwatch: percentiles by nearest rank, sides in turn."""

from itertools import count

import pytest

from tests.bench import measure


def test_percentiles_are_by_nearest_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = count(0)  # the first answer takes 0 s and warms up, then come 1, 2, ... 100 s
    monkeypatch.setattr(measure, "seconds_of", lambda work: work())
    asked = {"one": lambda: float(next(taken))}
    assert measure.latencies_in_turn(asked, 100) == {"one": measure.Latency(50.0, 95.0)}


def test_sides_take_turns() -> None:
    order: list[str] = []
    medians = measure.side_by_side({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert set(medians) == {"a", "b"}


def test_the_machine_is_described_without_its_name() -> None:
    machine = measure.this_machine(("orjson",))
    assert machine.cores > 0
    assert machine.processor
    assert machine.packages[0][0] == "orjson"
