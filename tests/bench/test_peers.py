"""The race against others: every side answers the same, and one that cannot run says why."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.corpus import write_corpus
from tests.bench.peers.__main__ import SIDES, VIEWER, Outcome, Side, chapter, run
from tests.bench.peers.viewer_side import commonest_lesson


@pytest.mark.parametrize("side", [side for side in SIDES if side.module == "sqlite_side"], ids=lambda side: side.module)
def test_what_is_here_answers_as_the_viewer_does(tmp_path: Path, side: Side) -> None:
    paths, _ = write_corpus(tmp_path, 4_000)
    arguments = [commonest_lesson(paths[0]), *map(str, paths)]
    ours, theirs = (run(one, "no-such-python", arguments) for one in (VIEWER, side))
    assert not isinstance(ours, str), ours
    assert not isinstance(theirs, str), theirs
    answers = [{name: taken["answer"] for name, taken in one["questions"].items()} for one in (ours, theirs)]
    assert answers[0] == answers[1]
    assert all(answers[0].values())


def test_a_side_that_cannot_run_is_a_row_in_words() -> None:
    missing = run(SIDES[-1], "no-such-python", ["lesson"])
    assert missing == "did not run: FileNotFoundError"
    ours = {"version": "1", "load_s": 2.0, "questions": {"A": {"seconds": 0.001, "answer": 7}}, "memory_bytes": 10**8}
    theirs = ours | {"load_s": None, "questions": {"A": {"seconds": 0.5, "answer": 8}}}
    phoenix = {"version": "20", "load_s": 50.0, "questions": {}, "memory_bytes": 5 * 10**8, "spans": 10_000}
    outcomes: dict[Side, Outcome] = {VIEWER: ours, SIDES[1]: theirs, SIDES[-1]: missing}
    text = chapter(outcomes, phoenix, 100_000, 60_000_000, datetime(2026, 11, 23, tzinfo=UTC))
    assert "| Diamond Viewer, one thread | 1 | 30 | 1 | 100 |" in text
    assert "| – | 500 (5e+02 x, answers 8 and not 7) | 100 |" in text
    assert "| chdb MergeTree | did not run: FileNotFoundError | | | | | |" in text
    assert "200 spans a second, in 500 MB. Diamond Viewer indexed 50,000 a second, 250 times as many." in text
