"""Traces that grow very large while they are followed end up as if they had come at once."""

import random

import pytest

from diamond_viewer.index.big_traces import BIG_SPANS
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.store import Adoption
from tests.asking import all_rows, drawn, span_texts
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.index.test_adoption import packed
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, event, line, span, trace_id

LINE_SPANS = 500
FIGURES = ("start_ns", "duration_ns", "span_count", "error_count", "event_count", "user_ids")


def wire_of(number: int) -> Wire:
    """A span of a tree; its root, number 1, is what names it."""
    return span(
        number,
        number // 3,
        name=f"op {number % 50}",
        start_ns=A_TIME_NS + number,
        lasts_ns=number,
        status_code=2 if number % 997 == 0 else 0,
        events=[event("tick")] if number % 100 == 0 else [],
        attributes={"user.id": f"usr_{number % 7}"},
    )


def lines_of(numbers: list[int]) -> list[bytes]:
    return [
        line(*(wire_of(number) for number in numbers[at : at + LINE_SPANS]))
        for at in range(0, len(numbers), LINE_SPANS)
    ]


def grown(lines: list[bytes], segment_spans: int = 131_072) -> MemoryStore:
    """A commit a line, and at the end one without news."""
    memory = MemoryStore(ROOMY_BYTES, segment_spans)
    for text in lines:
        add_lines(memory, [text])
        memory.commit()
    memory.commit()
    return memory


@pytest.mark.parametrize("segment_spans", [2_000, 131_072], ids=["over segments", "in one segment"])
def test_a_trace_that_grew_line_by_line_is_what_it_is_at_once(segment_spans: int) -> None:
    numbers = random.Random(4).sample(range(1, 3 * BIG_SPANS), 3 * BIG_SPANS - 1)  # its root somewhere in the middle
    lines = lines_of(numbers)
    memory, plain = grown(lines, segment_spans), PlainStore.from_lines(lines)
    assert drawn(memory) == drawn(plain)
    assert span_texts(memory.trace(trace_id(1))) == span_texts(plain.trace(trace_id(1)))


def test_its_figures_are_exact_before_it_is_settled() -> None:
    lines = lines_of(list(range(1, 2 * BIG_SPANS)))
    memory = MemoryStore(ROOMY_BYTES)
    for count, text in enumerate(lines, 1):
        add_lines(memory, [text])
        memory.commit()
        if count % 5 == 0:
            [row], [plain] = all_rows(memory), all_rows(PlainStore.from_lines(lines[:count]))
            assert [getattr(row, name) for name in FIGURES] == [getattr(plain, name) for name in FIGURES]


def test_repeats_of_a_big_trace_are_counted_and_not_kept() -> None:
    lines = lines_of(list(range(1, 2 * BIG_SPANS)))
    regrouped = [line(*(wire_of(number) for number in range(at, at + 40))) for at in (5, 4_000, 8_000)]
    changed = line(wire_of(77) | {"name": "other"})
    memory, plain = grown([*lines, *regrouped, changed]), PlainStore.from_lines([*lines, *regrouped, changed])
    assert drawn(memory) == drawn(plain)
    assert memory.health().duplicate_spans == plain.health().duplicate_spans == 120
    assert memory.health().counters["conflicting_spans"] == 1


def test_a_big_trace_of_two_files_is_one() -> None:
    numbers = list(range(1, 3 * BIG_SPANS))
    old, new = lines_of(numbers[:BIG_SPANS]), lines_of(numbers[BIG_SPANS : 2 * BIG_SPANS])
    latest = lines_of(numbers[2 * BIG_SPANS :])
    memory = grown(new)
    assert memory.adopt(packed(old, commits=3)) is Adoption.TAKEN
    for text in [*latest, old[0], new[0]]:
        add_lines(memory, [text], asks_first=False)
        memory.commit()
    memory.commit()
    assert drawn(memory) == drawn(PlainStore.from_lines([*old, *new, *latest]))
    assert memory.health().duplicate_spans == 2 * LINE_SPANS
