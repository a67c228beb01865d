"""A line from which many traces are taken, now one and now another, is read through once."""

import pytest

from diamond_viewer.index import cut_lines
from diamond_viewer.index.cut_lines import CutLines
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.originals import Excerpt, Originals
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_cuts import Cuts
from diamond_viewer.telemetry.otlp_spans import decode_spans_among
from tests.asking import UNDECIDED
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.writing import line, span, trace_id

FILLING = {"text": "x" * 5_000}  # so that a few spans are a block of their own
TRACES = 30


@pytest.fixture
def read_through(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Lines that were read through, one after the other."""
    found: list[bytes] = []

    class Counted(Cuts):
        def __init__(self, original: bytes) -> None:
            found.append(original)
            super().__init__(original)

    monkeypatch.setattr(cut_lines, "Cuts", Counted)
    return found


def long_line(first: int, count: int = TRACES) -> bytes:
    return line(
        *(span(number, trace=number, status_code=2, attributes=FILLING) for number in range(first, first + count))
    )


def excerpts(*lines: bytes) -> list[Excerpt]:
    originals = Originals()
    for one in lines:
        originals.append(decode_line(one).original)
    return [originals.excerpt(number) for number in range(len(lines))]


def test_traces_that_are_examined_one_after_the_other_have_their_line_read_through_once(
    read_through: list[bytes],
) -> None:
    store = MemoryStore(ROOMY_BYTES)
    add_lines(store, [long_line(1), long_line(1 + TRACES)])
    store.commit()
    for number in range(1, 2 * TRACES + 1):
        (diagnosis,) = store.diagnoses([trace_id(number)]).values()
        assert [finding.rule for finding in diagnosis.findings] == ["error"]
    assert len(read_through) == 2


def test_the_same_spans_come_from_a_line_however_it_is_kept() -> None:
    lines = [long_line(1), long_line(50, 2), long_line(60)]  # the short one shares the block of the next
    kept = CutLines()
    for number, one in enumerate(excerpts(*lines)):
        for wanted in ({trace_id(1)}, {trace_id(51), trace_id(60)}, {trace_id(61), trace_id(62)}):
            whole = list(decode_spans_among(decode_line(lines[number]).original, wanted))
            for _ in range(2):
                assert list(kept.spans_of(one, one.read(), wanted)) == whole


def test_of_many_lines_those_that_were_last_asked_for_are_kept(read_through: list[bytes]) -> None:
    first, *others = excerpts(*(long_line(TRACES * number) for number in range(6)))
    text = first.read()
    list(CutLines().spans_of(first, text, {trace_id(1)}))
    each_bytes = Cuts(text).size_bytes
    kept = CutLines(3 * each_bytes)
    read_through.clear()
    for other in others:
        list(kept.spans_of(first, text, {trace_id(1)}))
        list(kept.spans_of(other, other.read(), {trace_id(1)}))
        assert kept.size_bytes <= 3 * each_bytes
    assert len(read_through) == 6


def test_what_is_kept_counts_against_the_budget_and_is_the_first_to_go() -> None:
    store = MemoryStore(ROOMY_BYTES)
    add_lines(store, [long_line(1)])
    store.commit()
    before_bytes = store.health().memory_bytes
    store.diagnoses([trace_id(1)])
    kept_bytes = store._cut_lines.size_bytes
    assert store.health().memory_bytes - before_bytes >= kept_bytes > 0
    store._drop_spare()
    assert store._cut_lines.size_bytes == 0


def test_nothing_is_kept_of_a_segment_that_had_to_leave() -> None:
    store = MemoryStore(1, segment_spans=TRACES)
    add_lines(store, [long_line(1)])
    store.commit()
    store.examine(query=UNDECIDED)
    add_lines(store, [long_line(1 + TRACES)])
    store.commit()
    assert store.trace(trace_id(1)) is None
    assert store._cut_lines.size_bytes == 0
