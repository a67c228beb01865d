"""What is only kept to answer faster: never out of date, counted against the budget, and the first to go."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.terms import Field
from diamond_viewer.store import Adoption
from tests.asking import NOW_NS, asked
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.index.test_eviction import opened, spans_of_traces
from tests.index.test_properties import quick
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, line, span

QUESTIONS = (asked(), asked(status="error"), asked(user="usr_1"))


def wire_of(trace: int, number: int) -> Wire:
    return span(
        100 * trace + number,
        100 * trace + number - 1 if number > 1 else 0,
        trace=trace,
        name=f"step {number}",
        start_ns=A_TIME_NS + 10 * trace + number,
        status_code=2 if number == 3 else 0,
        attributes={
            "user.id": f"usr_{trace % 3}",
            "http.route": f"/{number % 3}",
            "http.status_code": 200 + number % 2,
        },
    )


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def assert_up_to_date(memory: MemoryStore, plain: PlainStore) -> None:
    for query in QUESTIONS:
        assert memory.facets(query, NOW_NS, 100) == plain.facets(query, NOW_NS, 100)
        stats, plain_stats = memory.stats(query, NOW_NS), plain.stats(query, NOW_NS)
        assert replace(stats, flags=nonzero(stats.flags)) == replace(plain_stats, flags=nonzero(plain_stats.flags))
        assert memory.search(query, NOW_NS).traces == plain.search(query, NOW_NS).traces
    for field in Field:
        assert memory.values(field.value, "", 100) == plain.values(field.value, "", 100)


@quick
@given(
    groups=st.lists(spans_of_traces, max_size=8),
    segment_spans=st.sampled_from([1, 2, 5, 100]),
    budget_bytes=st.sampled_from([1, ROOMY_BYTES]),
)
def test_answers_are_up_to_date_however_often_one_asks_in_between(
    groups: list[list[tuple[int, int]]], segment_spans: int, budget_bytes: int
) -> None:
    memory = MemoryStore(budget_bytes, segment_spans)
    for group in groups:
        add_lines(memory, [line(wire_of(trace, number)) for trace, number in group])
        memory.commit()
        assert_up_to_date(memory, opened(memory))


@quick
@given(
    files=st.lists(spans_of_traces, min_size=1, max_size=5),
    later=spans_of_traces,
    segment_spans=st.sampled_from([1, 100]),
)
def test_an_adopted_file_brings_nothing_out_of_date(
    files: list[list[tuple[int, int]]], later: list[tuple[int, int]], segment_spans: int
) -> None:
    memory = MemoryStore(ROOMY_BYTES, segment_spans)
    held: set[tuple[int, int]] = set()
    for group in files:
        new = [place for place in dict.fromkeys(group) if place not in held]
        held.update(new)
        packer = MemoryStore.packer()
        add_lines(packer, [line(wire_of(trace, number)) for trace, number in new])
        assert memory.adopt(packer.handed_over()) is Adoption.TAKEN
        assert_up_to_date(memory, opened(memory))
    add_lines(memory, [line(wire_of(trace, number)) for trace, number in later])
    memory.commit()
    assert_up_to_date(memory, opened(memory))


def filled_store(resident: Callable[[], int] | None = None) -> MemoryStore:
    memory = MemoryStore(ROOMY_BYTES, segment_spans=500, resident=resident)
    for trace in range(1, 1_001):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    return memory


def ask_much(memory: MemoryStore) -> None:
    for query in (*QUESTIONS, asked(q="http.route=/1 AND nothing.such=1"), asked(q="name~step")):
        memory.search(query, NOW_NS)
        memory.facets(query, NOW_NS, 100)
    for field in Field:
        memory.values(field.value, "", 100)


def test_what_is_kept_to_answer_faster_is_counted() -> None:
    memory = filled_store()
    before_bytes = memory.health().memory_bytes
    ask_much(memory)
    assert memory.health().memory_bytes > before_bytes + 10_000


def test_it_goes_before_any_segment_does() -> None:
    stores: list[
        MemoryStore
    ] = []  # one, from when on the process takes what the store counts, and 10,000 bytes are free
    memory = filled_store(lambda: sum(ROOMY_BYTES - room_bytes + one.health().memory_bytes for one in stores))
    index_bytes = memory.health().memory_bytes
    room_bytes = index_bytes + 10_000
    ask_much(memory)
    assert memory.health().memory_bytes > room_bytes
    stores.append(memory)
    add_lines(memory, [line(wire_of(1_001, 1))])
    memory.commit()
    health = memory.health()
    assert health.counters["evicted_spans"] == 0
    assert health.memory_bytes <= room_bytes
    assert_up_to_date(memory, opened(memory))
