"""When the budget is spent the oldest goes, whole, and what is left is the whole truth about itself."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.index.departed import DepartedLines
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.terms import Field
from tests.asking import NOW_NS, all_rows, asked, drawn, span_texts
from tests.index.filling import add_lines
from tests.index.test_properties import quick
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, event, line, span, trace_id

TINY_BYTES = 1
SMALL_BYTES = 2**20


def wire_of(trace: int, number: int) -> Wire:
    """A span of a chain of four; everything about it follows from its ids."""
    return span(
        number,
        number - 1,
        trace=trace,
        name=f"step {number}",
        start_ns=A_TIME_NS + 10 * trace + number,
        status_code=2 if number == 3 else 0,
        attributes={"user.id": f"usr_{trace % 3}", "lesson.id": f"lesson-{number}"},
        events=[event("auth.failed", hasCookie=False, user_id="usr_9")] if trace % 2 and number == 2 else [],
    )


def opened(memory: MemoryStore) -> PlainStore:
    """What plain loops say of the spans that the store hands out."""
    traces = [memory.trace(row.trace_id) for row in all_rows(memory)]
    assert all(traces)
    return PlainStore.from_spans(span for trace in traces if trace for span in trace.spans)


digests = st.binary(min_size=8, max_size=8).map(lambda half: half * 2)
spans_of_traces = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), max_size=4)


@quick
@given(
    groups=st.lists(spans_of_traces, max_size=10), segment_spans=st.sampled_from([1, 2, 5]), asks_first=st.booleans()
)
def test_what_is_left_is_consistent_with_itself(
    groups: Sequence[Sequence[tuple[int, int]]], segment_spans: int, asks_first: bool
) -> None:
    memory = MemoryStore(TINY_BYTES, segment_spans)
    for group in groups:
        add_lines(memory, [line(wire_of(trace, number)) for trace, number in group], asks_first)
        memory.commit()
        plain = opened(memory)
        assert drawn(memory) == drawn(plain)
        for field in Field:
            found = memory.values(field.value, "", 100)
            assert found == plain.values(field.value, "", 100)
            for value, count in found:
                assert memory.search(asked(**{field.value: value}), NOW_NS).total == count


def test_the_newest_stay() -> None:
    memory = MemoryStore(TINY_BYTES, segment_spans=4)
    for trace in range(1, 11):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    add_lines(memory, [line(wire_of(11, 1))])
    memory.commit()
    assert [row.trace_id for row in all_rows(memory)] == [trace_id(11)]
    assert memory.trace(trace_id(10)) is None


def test_a_roomy_budget_keeps_everything() -> None:
    lines = [line(*(wire_of(trace, number) for number in range(1, 5))) for trace in range(1, 200)]
    memory = MemoryStore(1 << 24, segment_spans=40)
    for text in lines:
        add_lines(memory, [text])
        memory.commit()
    assert drawn(memory) == drawn(PlainStore.from_lines(lines))
    assert 0 < memory.health().memory_bytes < 1 << 24


def test_a_budget_is_kept_to() -> None:
    budget_bytes = 400_000
    memory = MemoryStore(budget_bytes, segment_spans=100)
    for trace in range(1, 2_000):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    assert memory.health().memory_bytes <= budget_bytes
    assert 0 < memory.health().traces < 1_999
    assert all_rows(memory)[0].trace_id == trace_id(1_999)
    assert drawn(memory) == drawn(opened(memory))


def test_a_late_copy_of_an_evicted_line_is_recognised() -> None:
    """A backup is compressed an hour after it was rotated: by then its traces may have left memory."""
    memory = MemoryStore(SMALL_BYTES, segment_spans=20)
    lines = [line(wire_of(trace, 1), wire_of(trace, 2)) for trace in range(1, 4_000)]
    for begin in range(0, len(lines), 10):
        add_lines(memory, lines[begin : begin + 10])
        memory.commit()
    evicted_spans = memory.health().counters["evicted_spans"]
    gone = next(trace for trace in range(1, 4_000) if memory.trace(trace_id(trace)) is not None)
    assert gone > 100, "the test needs many lines that have left"
    version = memory.version()
    add_lines(memory, lines[gone - 50 : gone - 1])
    memory.commit()
    assert memory.trace(trace_id(gone - 1)) is None
    assert memory.version() == version
    health = memory.health()
    assert health.duplicate_spans == 2 * 49
    assert health.counters["evicted_spans"] == evicted_spans


def test_an_evicted_line_that_is_no_longer_remembered_may_come_again() -> None:
    memory = MemoryStore(TINY_BYTES, segment_spans=2)  # one line is remembered: the last
    first, second = (line(wire_of(trace, 1)) for trace in (1, 2))
    for text in (first, second, first, second):
        add_lines(memory, [text])
        memory.commit()
    assert memory.trace(trace_id(1)) is not None
    assert span_texts(memory.trace(trace_id(1))) == span_texts(PlainStore.from_lines([first]).trace(trace_id(1)))
    assert memory.trace(trace_id(2)) is None
    assert memory.health().duplicate_spans == 1


@given(
    groups=st.lists(st.dictionaries(digests, st.integers(1, 9), max_size=9), max_size=6),
    max_lines=st.integers(1, 20),
)
def test_the_newest_departed_lines_are_remembered(groups: Sequence[dict[bytes, int]], max_lines: int) -> None:
    departed = DepartedLines(max_lines)
    all_lines: dict[bytes, int] = {}
    for group in groups:
        fresh = {digest: count for digest, count in group.items() if digest not in all_lines}
        departed.note(fresh)
        all_lines |= fresh
        assert len(departed) <= max_lines
        assert all(departed.span_count_of(digest) in (None, count) for digest, count in all_lines.items())
        newest = list(fresh.items())[-max_lines:]
        assert all(departed.span_count_of(digest) == count for digest, count in newest)
    assert departed.span_count_of(b"never departed !") is None
