"""The load is real, though small here: readers are answered, spans come in, and what failed is said."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench import loading
from tests.bench.document import merged
from tests.bench.measure import Machine

MACHINE = Machine("a processor", 2, 4.0, "3.11.7", ())
DAY = datetime(2026, 11, 29, tzinfo=UTC)


def test_readers_are_answered_while_spans_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "WARM_S", 0.5)
    monkeypatch.setattr(loading, "EVERY_S", 0.05)
    loaded = loading.load(tmp_path, 1.5, 3, "256MiB")
    assert loaded.requests > 3
    assert loaded.failures == Counter()
    assert loaded.spans > 0
    assert loaded.most_mib >= max(loaded.begin_mib, loaded.end_mib)
    assert 0 < loaded.p50_ms <= loaded.p99_ms <= loaded.worst_ms
    written = loading.chapter("Load", loaded, MACHINE, 0.5, "256MiB", DAY)
    assert "3 readers and 5,000 spans/s for 0.025 min: p99 | ≤ 300 ms" in written


def test_what_failed_is_a_goal_that_is_missed_and_a_second_run_takes_the_place_of_the_first() -> None:
    failures = Counter({"/errors: 503": 5})
    good = loading.Loaded(3, 60.0, 95, Counter(), 2, 1.0, 2.0, 3.0, (), 100.0, 120.0, 130.0, 5.0, 1000, 0.0, 0.5)
    bad = loading.chapter("Load", replace(good, failures=failures), MACHINE, 0.5, "1GiB", DAY)
    assert "requests that were answered | ≥ 100 % | 95 % | **missed** by 5%" in bad
    assert "failed: /errors: 503 (5)." in bad
    document = merged(bad, loading.chapter("Load", good, MACHINE, 0.5, "1GiB", DAY))
    assert (document.count("## Load"), document.count("requests that were answered"), "missed" in document) == (
        1,
        1,
        False,
    )
