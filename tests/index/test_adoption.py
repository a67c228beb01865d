"""Segments packed elsewhere and adopted give the same index as their lines read one after the other."""

import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Field
from diamond_viewer.store import Adoption
from tests.asking import NOW_NS, all_rows, asked, drawn, span_texts
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.index.test_eviction import opened, wire_of
from tests.index.test_properties import grouped, lines_of, quick, written_spans
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, line, span, trace_id

NO_ROOM_BYTES = 60_000  # an empty store takes some 40 kB


def packed(lines: Sequence[bytes], commits: int = 1) -> Segment:
    """What another process makes of the lines and sends here."""
    packer = MemoryStore.packer()
    for group in grouped(lines, [len(lines) // commits] * (commits - 1)):
        add_lines(packer, group)
        packer.commit()
    segment: Segment = pickle.loads(pickle.dumps(packer.handed_over()))  # noqa: S301  (just made)
    return segment


def following(lines: Sequence[bytes], segment_spans: int = 131_072) -> MemoryStore:
    """A store that has read these lines, of a live file, before anything is adopted."""
    memory = MemoryStore(ROOMY_BYTES, segment_spans)
    add_lines(memory, lines)
    memory.commit()
    return memory


def chain(trace: int, numbers: Sequence[int]) -> list[bytes]:
    return [line(wire_of(trace, number)) for number in numbers]


@quick
@given(
    spans=written_spans(),
    cuts=st.lists(st.integers(0, 4), max_size=4),
    commits=st.integers(1, 3),
    segment_spans=st.sampled_from([1, 3, 131_072]),
    data=st.data(),
)
def test_adopted_files_equal_lines_read_one_after_the_other(
    spans: list[tuple[Wire, str | None]], cuts: list[int], commits: int, segment_spans: int, data: st.DataObject
) -> None:
    shuffled = lines_of(data.draw(st.permutations(spans)))
    *sealed, before, after = grouped(shuffled, [*cuts, len(shuffled) // 3])  # some files may be empty
    memory = following(before, segment_spans)
    for lines in reversed(sealed):
        assert memory.adopt(packed(lines, commits)) is Adoption.TAKEN
    add_lines(memory, after)
    memory.commit()
    plain = PlainStore.from_lines(shuffled)
    assert drawn(memory) == drawn(plain)
    for field in Field:
        values = plain.values(field.value, "", 100)
        assert sorted(memory.values(field.value, "", 100)) == sorted(values)
        for value, _ in values:
            if value.strip() == value and len(value) <= 512:
                query = asked(**{field.value: value})
                assert all_rows(memory, query) == all_rows(plain, query)
    for row in plain.summaries():
        assert span_texts(memory.trace(row.trace_id)) == span_texts(plain.trace(row.trace_id))


def test_a_trace_over_several_files_is_whole_while_it_grows_backwards() -> None:
    memory = following(chain(1, [4]))
    seen = []
    for number in (3, 2, 1):
        assert memory.adopt(packed(chain(1, [number]))) is Adoption.TAKEN
        [row] = all_rows(memory)
        seen.append((row.name, row.span_count))
    assert seen == [("step 3", 2), ("step 2", 3), ("step 1", 4)]
    assert drawn(memory) == drawn(PlainStore.from_lines(chain(1, [1, 2, 3, 4])))


def test_the_version_moves_when_something_was_adopted() -> None:
    memory = following(chain(1, [1]))
    version = memory.version()
    memory.adopt(packed(chain(2, [1])))
    assert memory.version() > version


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([line(wire_of(1, 1), wire_of(1, 2))], id="the same line"),
        pytest.param([line(wire_of(1, 2), wire_of(7, 1))], id="a span among others"),
        pytest.param([line(wire_of(1, 1) | {"name": "other"})], id="the same ids with other content"),
    ],
)
def test_what_is_held_already_is_refused_and_nothing_changes(held: list[bytes]) -> None:
    repeats = [line(wire_of(1, 1), wire_of(1, 2)), line(wire_of(5, 1))]
    memory = following(held)
    before, version, counted_bytes = drawn(memory), memory.version(), memory.health().memory_bytes
    assert memory.adopt(packed(repeats)) is Adoption.HAS_REPEATS
    assert (drawn(memory), memory.version(), memory.health().memory_bytes) == (before, version, counted_bytes)
    add_lines(memory, repeats)  # as the feed does then
    memory.commit()
    assert drawn(memory) == drawn(PlainStore.from_lines([*held, *repeats]))


def test_repeats_within_one_file_are_counted_by_its_packer() -> None:
    lines = [line(wire_of(1, 1), wire_of(1, 2)), line(wire_of(1, 2)), line(wire_of(1, 2) | {"name": "other"})]
    memory = following([])
    assert memory.adopt(packed(lines, commits=3)) is Adoption.TAKEN
    assert drawn(memory) == drawn(PlainStore.from_lines(lines))


def test_without_room_nothing_changes_and_the_horizon_is_known() -> None:
    memory = MemoryStore(NO_ROOM_BYTES)
    add_lines(memory, chain(9, [1, 2]))
    memory.commit()
    before, version = drawn(memory), memory.version()
    old = [line(span(1, trace=trace, start_ns=A_TIME_NS - trace, name="n" * 500)) for trace in range(100, 300)]
    assert memory.health().held_since_ns == 0
    assert memory.adopt(packed(old)) is Adoption.NO_ROOM
    assert (drawn(memory), memory.version()) == (before, version)
    assert memory.health().held_since_ns == A_TIME_NS - 101  # all but the last hundredth of them began before


def test_adopted_traces_are_evicted_first_and_newest_last() -> None:
    lines = [line(*(wire_of(trace, number) for number in range(1, 5))) for trace in range(1, 3_000)]
    live, newer, older = lines[2_000:], lines[1_000:2_000], lines[:1_000]
    memory = MemoryStore(1_550_000, segment_spans=100)
    add_lines(memory, live[:100])
    memory.commit()
    assert memory.adopt(packed(newer)) is Adoption.TAKEN
    assert memory.adopt(packed(older)) is Adoption.TAKEN
    for text in live[100:]:
        add_lines(memory, [text])
        memory.commit()
    assert memory.trace(trace_id(500)) is None
    assert memory.trace(trace_id(2_990)) is not None
    assert memory.health().memory_bytes <= 1_550_000
    assert drawn(memory) == drawn(opened(memory))


def test_an_adopted_line_that_comes_again_is_known() -> None:
    lines = chain(1, [1, 2])
    memory = following([])
    memory.adopt(packed(lines))
    add_lines(memory, lines)
    add_lines(memory, lines, asks_first=False)
    memory.commit()
    assert drawn(memory) == drawn(PlainStore.from_lines(lines))
    assert memory.health().duplicate_spans == 4


def test_a_trace_of_which_only_the_middle_was_adopted_is_found_by_all_its_values() -> None:
    def wire(number: int) -> Wire:
        return span(number, number - 1, name=f"op {number}", attributes={"user.id": f"usr_{number}"})

    memory = following([line(wire(3))])
    memory.adopt(packed([line(wire(2), service="worker")]))
    memory.adopt(packed([line(wire(1), service="gate")]))
    found: dict[str, Any] = {
        "user": [f"usr_{number}" for number in (1, 2, 3)],
        "operation": [f"op {number}" for number in (1, 2, 3)],
        "service": ["web", "worker", "gate"],
    }
    for field, values in found.items():
        for value in values:
            assert memory.search(asked(**{field: value}), NOW_NS).total == 1, (field, value)
