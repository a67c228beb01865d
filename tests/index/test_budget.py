"""The budget is kept, by what the system says of the process, whatever comes: ``python -m tests.bench.burdens`` in small."""

import pytest

from diamond_viewer.index.budget import Budget
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.otlp import decode_line
from tests.asking import all_rows, drawn
from tests.bench.burdens import borne_alone
from tests.index.filling import add_lines
from tests.index.test_big_traces import LINE_SPANS, lines_of
from tests.index.test_eviction import opened, wire_of
from tests.writing import A_TIME_NS, event, line, span, trace_id

MIB = 1024**2
UNCOUNTED_BYTES = 40 * MIB  # caches of the decoder, and what the allocator keeps: 30 MB were seen on a busy machine


@pytest.mark.parametrize(
    ("story", "budget_mib", "lines"),
    [
        ("one_line_traces", 96, 80_000),
        ("distinct_users", 96, 2_000),
        ("huge_attributes", 256, 24),
        ("one_endless_trace", 96, 3_000),
    ],
)
def test_the_process_stays_within_its_budget(story: str, budget_mib: int, lines: int) -> None:
    took = borne_alone(story, budget_mib, lines)
    assert took["evicted_spans"] > 0, "the story is too short to be a burden"
    assert took["peak_bytes"] <= 1.1 * took["budget_bytes"]
    grown_bytes = took["resident_bytes"] - took["base_bytes"]
    assert took["counted_bytes"] <= 1.1 * grown_bytes
    assert grown_bytes <= 1.1 * took["counted_bytes"] + UNCOUNTED_BYTES


def test_what_is_measured_counts_as_much_as_what_is_counted() -> None:
    measured = [100]
    budget = Budget(1_000, reserve_bytes=200, resident=lambda: measured[0])
    assert (budget.is_passed(800), budget.is_passed(801)) == (False, True)
    measured[0] = 801
    assert budget.is_passed(0)


def test_a_budget_below_the_bare_process_still_holds_half_of_it() -> None:
    measured = [5_000]
    budget = Budget(1_000, resident=lambda: measured[0])
    measured[0] = 5_500
    assert not budget.is_passed(0)
    measured[0] = 5_501
    assert budget.is_passed(0)


def test_memory_that_does_not_come_back_empties_the_index_no_further() -> None:
    measured = [0]
    memory = MemoryStore(2**30, segment_spans=4, resident=lambda: measured[0])
    for trace in range(1, 20):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    measured[0] = 2**31  # others take it: requests under way, a fragmented heap
    add_lines(memory, [line(wire_of(20, 1))])
    memory.commit()
    assert memory.trace(trace_id(1)) is None
    assert len(all_rows(memory)) == 19


def test_the_horizon_is_where_the_evicted_end() -> None:
    memory = MemoryStore(400_000, segment_spans=100)
    for trace in range(1, 2_000):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    health, rows = memory.health(), all_rows(memory)
    assert health.budget_bytes == 400_000
    assert health.counters["evicted_traces"] == 1_999 - len(rows)
    assert health.counters["evicted_spans"] == 4 * (1_999 - len(rows))
    assert health.held_since_ns <= rows[-1].start_ns, "all that began later is held"
    assert rows[-1].start_ns - health.held_since_ns < 20


def test_a_trace_that_never_ends_moves_on_when_its_oldest_part_goes() -> None:
    budget_bytes, count = 1_700_000, 40 * 1_000
    memory = MemoryStore(budget_bytes, segment_spans=5_000)
    for text in lines_of(list(range(1, count + 1))):
        add_lines(memory, [text])
        memory.commit()
    memory.commit()
    [row] = all_rows(memory)
    assert row.trace_id == trace_id(1)
    assert row.span_count == memory.health().spans == count - memory.health().counters["evicted_spans"]
    assert 5_000 < row.span_count < count - LINE_SPANS
    assert memory.health().counters["evicted_traces"] == 0
    assert memory.health().memory_bytes <= budget_bytes
    assert drawn(memory) == drawn(opened(memory))
    found = {value: total for field in ("user", "operation") for value, total in memory.values(field, "", 100)}
    assert found == dict.fromkeys([*(f"usr_{n}" for n in range(7)), *(f"op {n}" for n in range(50))], 1)


def test_a_huge_trace_is_counted_without_being_worked_out() -> None:
    lines = lines_of(list(range(1, 20_001)))
    memory = MemoryStore(2**30, segment_spans=5_000, reserve_bytes=256 * 4_500)  # huge is what has 4,500 spans
    for text in lines:
        add_lines(memory, [text])
        memory.commit()
    [row] = all_rows(memory)
    assert (row.span_count, row.name, row.event_count, row.error_count) == (20_000, "op 1", 200, 20)


def test_events_that_were_laid_down_are_not_held_a_second_time() -> None:
    """A line may bring a million of them."""
    store = MemoryStore(1 << 30)
    batch = decode_line(line(span(1, events=[event("tick", A_TIME_NS + at) for at in range(50)])))
    store.add(batch, b"digest")
    assert len(batch.events) == 50
    store.commit()
    assert batch.events == []
    (row,) = all_rows(store)
    assert row.event_count == 50
