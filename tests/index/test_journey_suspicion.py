"""Signs of a visit compared with each other: as by plain loops over all pairs, and in a time that very many cannot drag out."""

import random
import time
from itertools import combinations

from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.index.journey_suspicion import CALL, Sign, accused
from diamond_viewer.telemetry.units import NS_PER_SECOND

LESSONS = ((), ("a",), ("a",), ("b",), ("a", "b"))
WINDOW_NS = 2 * NS_PER_SECOND  # a second, and one in which an inner span begins after its request


def test_calls_that_come_again_are_those_of_any_pair() -> None:
    chance = random.Random(11)
    found = 0
    for _ in range(400):
        times = sorted(chance.randrange(0, 20) * NS_PER_SECOND // 2 for _ in range(chance.randint(2, 14)))
        calls = [call(chance, time_ns) for time_ns in times]
        again = accused(calls, Thresholds()).get("duplicate-calls", frozenset())
        pairs = [pair for pair in combinations(calls, 2) if ask_for_the_same(*pair)]
        assert again == {one.trace for pair in pairs for one in pair}
        found += bool(again)
    assert 50 < found < 350


def call(chance: random.Random, time_ns: int) -> Sign:
    saved = frozenset(chance.sample((1.0, 2.0, 3.0), chance.randint(0, 2)))
    return Sign(
        time_ns,
        CALL,
        chance.randrange(4),
        chance.choice(LESSONS),
        True,
        chance.choice(("GET /a", "GET /b")),
        saved,
        is_sure=chance.random() < 0.8,
    )


def ask_for_the_same(one: Sign, other: Sign) -> bool:
    is_certain = one.is_sure and other.is_sure and one.lessons != other.lessons
    of_one_lesson = not is_certain or bool(set(one.lessons) & set(other.lessons))
    saves_the_same = not one.saved or not other.saved or bool(one.saved & other.saved)
    is_near = abs(one.time_ns - other.time_ns) <= WINDOW_NS
    return one.trace != other.trace and one.asked == other.asked and is_near and of_one_lesson and saves_the_same


def test_one_person_who_asks_thousands_of_times_a_second_takes_no_longer_for_each() -> None:
    """All of it lies in one window: with pairs a fourfold takes sixteen times as long."""
    few, many = (cpu_s(crowd(count)) for count in (1_000, 4_000))
    assert many < 9 * few
    assert cpu_s(crowd(100_000)) < 9 * few  # none is compared with another


def crowd(count: int) -> list[Sign]:
    return [Sign(at * 1_000, CALL, at // 100, (f"lesson-{at % 40}",), True, "op", is_sure=True) for at in range(count)]


def cpu_s(signs: list[Sign]) -> float:
    best = 1e9
    for _ in range(3):
        began = time.thread_time()
        told = accused(signs, Thresholds())
        best = min(best, time.thread_time() - began)
        assert "duplicate-calls" in told
    return best
