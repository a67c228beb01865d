"""The benchmark of opening asks for what it says."""

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from tests.bench import opening
from tests.bench.opening import Opening, big_trace, opening_report, openings


def test_a_big_trace_has_its_spans_and_one_root() -> None:
    batches = [decode_line(one) for one in big_trace(1, 1_200)]
    assert sum(batch.span_count for batch in batches) == 1_200
    assert (
        sum(batch.parent_ids[at : at + 8] == bytes(8) for batch in batches for at in range(0, len(batch.parent_ids), 8))
        == 1
    )


def test_a_small_run_comes_to_its_end_and_to_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SIZES", (600,))
    (found,) = openings(1)
    assert isinstance(found, Opening)
    assert 0 < found.first_bytes < 500_000
    assert opening_report([found])[-2].startswith("| 600 | ")
