"""The benchmark of a cluster runs, on little."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.clustering import FACETS, WHOLE, WINDOWED, goals, measure, report


@pytest.mark.timeout(300)  # ninety questions to a server, on whatever machine
def test_every_question_is_asked_and_reported_beside_its_goal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.clustering.REST_S", 1)
    found = measure(tmp_path, 40_000, 2)
    assert found.growth is not None
    assert found.plain.spans == found.materialised.spans == found.numbered.spans > 40_000
    assert found.growth[0].spans == found.plain.spans
    assert 1.9 < found.growth[1].spans / found.plain.spans < 2.1
    assert set(found.plain.asked) == {WINDOWED, WHOLE}
    text = report(found, 1.0, datetime(2026, 11, 29, tzinfo=UTC))
    assert [goal.what for goal in goals(found) if goal.what not in text] == []
    assert f"{WHOLE}: {FACETS} |" in text
