"""The benchmark of journeys comes to its end, and asks for what it says."""

from tests.bench.figures import Corpus, Figures
from tests.bench.goals import goals
from tests.bench.journeying import TRACES_PER_LINE, busy_user, journey
from tests.bench.measure import Latency, Machine
from tests.plain_store import PlainStore


def test_a_small_run_comes_to_its_end() -> None:
    taken = journey(traces=300, asked=2)
    assert 0 < taken.p50_s <= taken.p95_s


def test_every_trace_is_the_users() -> None:
    store = PlainStore.from_lines(busy_user(TRACES_PER_LINE + 10))
    assert store.values("user", "", 2) == [("ada", TRACES_PER_LINE + 10)]
    assert len(store.values("lesson", "", 100)) == 40


def test_the_goal_is_of_the_slowest_time() -> None:
    machine = Machine("A processor", 2, 4.0, "3.11.2", ())
    figures = Figures(machine, Corpus(1, 1, 1, 1), 1, 0.1, journey=Latency(0.2, 0.31))
    [goal] = goals(figures)
    assert (goal.limit, goal.measured, goal.is_met) == (300, 310, False)
