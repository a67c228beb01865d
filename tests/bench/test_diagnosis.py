"""The benchmark of the rules comes to its end, and its goal is the promised one."""

from tests.bench.diagnosis import Examining, examining, examining_report
from tests.bench.figures import Corpus, Figures
from tests.bench.goals import goals
from tests.bench.measure import Machine


def test_a_small_run_comes_to_its_end() -> None:
    taken = examining(trace_count=300, rounds=1)
    assert taken.traces == 300
    assert taken.spans > 300
    assert 0 < taken.guilty < 300
    assert taken.core_s > 0


def test_the_goal_is_three_seconds_of_one_core() -> None:
    machine = Machine("A processor", 2, 4.0, "3.11.2", ())
    figures = Figures(machine, Corpus(1, 1, 1, 1), 1, 0.1, examining=Examining(20_000, 340_000, 1_600, 3.1))
    [goal] = goals(figures)
    assert (goal.what, goal.limit, goal.is_met) == ("all rules over 20,000 traces, one core", 3, False)
    assert "| processor time | 3.10 s |" in examining_report(Examining(20_000, 340_000, 1_600, 3.1))
