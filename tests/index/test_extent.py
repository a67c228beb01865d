"""Segments that a window or a duration leaves out are not looked into; what grows later is still found."""

from collections.abc import Iterator

import pytest

from diamond_viewer.index.extent import Extent
from diamond_viewer.index.matching import matching_traces
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Carries, Field, LastsBetween, Overlaps, PlainTerm
from tests.asking import all_rows, asked
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.writing import A_TIME_NS, line, span, trace_id

HOUR_NS, MS_NS = 3_600 * 10**9, 10**6
USER = Carries(Field.USER, "ada")


class Unread:
    """Stands where a segment keeps its rows; whoever reads there fails."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"{name} of a segment was read that cannot match.")

    def __getitem__(self, name: str) -> object:
        raise AssertionError(f"{name} of a segment was read that cannot match.")


def packed_segment() -> Segment:
    """Traces of an hour that last 10 to 19 ms."""
    packer = MemoryStore.packer()
    for number in range(10):
        start_ns = A_TIME_NS + number * HOUR_NS // 10
        one = span(
            1, trace=number + 1, start_ns=start_ns, lasts_ns=(10 + number) * MS_NS, attributes={"user.id": "ada"}
        )
        add_lines(packer, [line(one)])
    return packer.handed_over()


@pytest.mark.parametrize(
    "term",
    [
        pytest.param(Overlaps(A_TIME_NS + 2 * HOUR_NS, None), id="began and ended before the window"),
        pytest.param(Overlaps(None, A_TIME_NS - 1), id="began behind it"),
        pytest.param(LastsBetween(20 * MS_NS, None), id="all shorter"),
        pytest.param(LastsBetween(None, 9 * MS_NS), id="all longer"),
    ],
)
def test_a_segment_that_cannot_match_is_not_touched(term: PlainTerm) -> None:
    segment = packed_segment()
    assert segment.extent.shortest_ns == 10 * MS_NS
    for part in ("traces", "spans", "events", "postings", "dictionary"):
        setattr(segment, part, Unread())
    assert list(matching_traces(segment, [USER, term])) == []
    with pytest.raises(AssertionError, match="was read"):
        matching_traces(segment, [USER])


@pytest.mark.parametrize(
    ("term", "count"),
    [
        (Overlaps(A_TIME_NS + HOUR_NS * 9 // 10 + 19 * MS_NS, None), 1),
        (Overlaps(A_TIME_NS + HOUR_NS * 9 // 10 + 19 * MS_NS + 1, None), 0),
        (Overlaps(None, A_TIME_NS), 1),
        (LastsBetween(19 * MS_NS, None), 1),
        (LastsBetween(None, 10 * MS_NS), 1),
        (LastsBetween(2**70, None), 0),
    ],
)
def test_what_lies_on_the_edge_is_found(term: PlainTerm, count: int) -> None:
    assert len(matching_traces(packed_segment(), [term])) == count


def test_a_segment_in_which_nothing_lives_is_passed_over() -> None:
    nothing = MemoryStore.packer().handed_over()
    assert nothing.extent == Extent(2**63 - 1, -1, 2**63 - 1, -1)
    assert len(matching_traces(nothing, [Overlaps(0, None)])) == 0


def grown_store() -> Iterator[MemoryStore]:
    """A trace lives in a packed segment; then it is asked for, then a later segment brings it a span two hours later."""
    memory = MemoryStore(ROOMY_BYTES, segment_spans=2)
    for trace in (1, 2, 3):
        add_lines(memory, [line(span(1, trace=trace, start_ns=A_TIME_NS), span(2, 1, trace=trace, start_ns=A_TIME_NS))])
        memory.commit()
    yield memory
    add_lines(memory, [line(span(3, 1, trace=1, start_ns=A_TIME_NS + 2 * HOUR_NS))])
    memory.commit()
    yield memory


@pytest.mark.parametrize(
    "asked_for", [{"since": "2026-11-22T15:00:00Z"}, {"min_ms": "3600000"}], ids=["window", "duration"]
)
def test_a_trace_that_grows_out_of_its_segments_extent_is_found(asked_for: dict[str, str]) -> None:
    found = [[row.trace_id for row in all_rows(memory, asked(**asked_for))] for memory in grown_store()]
    assert found == [[], [trace_id(1)]]
