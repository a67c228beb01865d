"""The race of the command line against jq runs the same questions on both sides; how fast they are, only the benchmark says."""

from pathlib import Path

import pytest

from tests.bench.commanding import RECIPES, Commanding, Race, commanding, commanding_report
from tests.bench.watching import Watched


@pytest.mark.timeout(180)
def test_both_sides_find_the_same_and_the_trace_is_found(tmp_path: Path) -> None:
    taken = commanding(tmp_path, sizes=(3_000,), large=3_000, rounds=1, lines=1)
    assert [race.what for race in taken.races] == [recipe.what for recipe in RECIPES]
    assert all(race.jq_s > 0 < race.ours_s for race in taken.races)
    assert taken.large_bytes > 1_000_000
    assert 0 < taken.watched.spans_s < taken.watched.traces_s  # a trace is waited for


def test_the_goal_is_held_against_the_least_ratio() -> None:
    taken = Commanding(
        [Race("a", 10, 10.0, 1.0, 5.0, 1.0), Race("a", 40, 40.0, 5.0, 20.0, 4.0), Race("b", 10, 1.0, 1.0, 1.0, 1.0)],
        10**9,
        1.5,
        2.25,
        1.25,
        Watched(0.01, 0.2, 1.2),
    )
    assert (taken.slowest("a"), taken.slowest("a", "b")) == (8.0, 1.0)
    text = "\n".join(commanding_report(taken))
    assert "| a | 0 MB | 40.00 s | 5.00 s | 8.0 | 20.00 s | 4.00 s | 5.0 |" in text
    assert "`trace TRACE_ID` in 1,000 MB takes 1.50 s (2.25 s of processor time), and 1.25 s when" in text
    assert "is shown 10.0 ms after it was written by `tail -f | jq`, after 200 ms by `tail --spans`" in text
