"""No trace in which a rule finds something may be passed over by its columns."""

from pathlib import Path

import pytest

from diamond_viewer.diagnosis.diagnose import DEFAULTS, diagnose
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.suspicion import suspects
from tests.diagnosis.readings import lines_of
from tests.index.filling import add_lines

DATA = Path(__file__).parents[1] / "data"
FILES = [
    *sorted(DATA.glob("scenarios/*-*.json")),
    DATA / "diamond-district" / "traces.json",
    *sorted(DATA.glob("variants/**/traces*.json")),
]
EAGER = Thresholds(
    slow_span_ms=5,
    long_running_ms=100,
    gap_ms=2,
    slow_database_ms=1,
    pool_wait_ms=1,
    repeated_query_count=2,
    repeated_query_ms=1,
    repeated_query_certain_count=3,
    duplicate_window_ms=60_000,
    sequential_call_ms=0.5,
    sequential_saved_ms=1,
    fan_out_count=2,
    queue_wait_ms=1,
    resume_gap_ms=1,
    slow_load_ms=10,
    redirect_loop_count=2,
    skew_ms=0.5,
    order_ms=0,
)


@pytest.mark.parametrize("thresholds", [DEFAULTS, EAGER], ids=["defaults", "eager"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_whoever_a_rule_finds_is_a_suspect(path: Path, thresholds: Thresholds) -> None:
    store = MemoryStore(1 << 30)
    add_lines(store, lines_of(path))
    store.commit()
    for segment in store._segments.values():
        traces = list(range(segment.traces.size))
        suspected = suspects(segment, traces, thresholds).tolist()
        for trace in traces:
            key = f"{int(segment.traces['high'][trace]):016x}{int(segment.traces['low'][trace]):016x}"
            held = store.trace(key)
            assert held is not None
            found = {finding.rule for finding in diagnose(held, thresholds)}
            assert suspected[trace] or not found, (key, found)


def test_most_of_plain_traffic_is_passed_over() -> None:
    """The point of it: what nobody need decode."""
    store = MemoryStore(1 << 30)
    add_lines(store, lines_of(DATA / "diamond-district" / "traces.json"))
    store.commit()
    (segment,) = store._segments.values()
    suspected = suspects(segment, list(range(segment.traces.size)), DEFAULTS)
    assert suspected.mean() < 0.3
