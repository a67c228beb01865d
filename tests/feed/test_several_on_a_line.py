"""Several documents on one line, as a lost line feed leaves them: each is a line of its own."""

import pytest

from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry import otlp
from diamond_viewer.telemetry.otlp import decode_line
from tests.asking import all_rows
from tests.writing import line, span, trace_id

FIRST, SECOND, THIRD = (line(span(number, trace=number)) for number in (1, 2, 3))
BROKEN = b'{"resourceSpans":[{"scopeSpans":['


class Reading:
    def __init__(self) -> None:
        self.store = MemoryStore(1 << 30)
        self.ingest, self.ledger = Ingest(self.store), Ledger()

    def take(self, text: bytes, *halves: bytes) -> bytes | None:
        used = self.ingest.take(self.ledger, 100, text, list(halves) or None)
        self.store.commit()
        return used

    @property
    def traces(self) -> list[str]:
        return sorted(row.trace_id for row in all_rows(self.store))

    @property
    def counted(self) -> tuple[int, int]:
        assert (self.ledger.lines, self.ledger.bad_lines) == (self.ingest.lines, self.ingest.bad_lines)
        return self.ledger.lines, self.ledger.bad_lines


@pytest.fixture
def reading() -> Reading:
    return Reading()


def test_each_is_a_line_and_recognised_when_it_comes_again_alone(reading: Reading) -> None:
    reading.take(FIRST + SECOND + THIRD)
    assert reading.traces == [trace_id(1), trace_id(2), trace_id(3)]
    assert reading.counted == (3, 0)
    reading.take(SECOND)
    assert reading.ingest.counters["duplicate_lines"] == 1
    reading.take(THIRD + FIRST)
    assert reading.ingest.counters["duplicate_lines"] == 3
    assert len(reading.traces) == 3


@pytest.mark.parametrize(
    ("text", "traces", "offset"),
    [
        pytest.param(BROKEN + b"}" + SECOND, [2], 100, id="the first is broken"),
        pytest.param(FIRST + BROKEN, [1], 100 + len(FIRST), id="the last is broken"),
        pytest.param(FIRST + BROKEN + b"}" + THIRD, [1, 3], 100 + len(FIRST), id="the middle is broken"),
        pytest.param(b"no JSON}" + SECOND, [2], 100, id="the first is no JSON at all"),
    ],
)
def test_a_broken_one_costs_none_of_the_others(reading: Reading, text: bytes, traces: list[int], offset: int) -> None:
    reading.take(text)
    assert reading.traces == [trace_id(number) for number in traces]
    assert reading.counted == (len(traces) + 1, 1)
    [problem] = reading.ledger.problems.values()
    assert (problem.count, problem.offset) == (1, offset)


def test_half_a_line_goes_on_in_the_first_of_them(reading: Reading) -> None:
    half, rest = FIRST[:50], FIRST[50:]
    assert reading.take(rest + SECOND, half) == half
    assert reading.traces == [trace_id(1), trace_id(2)]
    assert reading.counted == (2, 0)


def test_what_looks_like_a_second_one_inside_a_text_is_none(reading: Reading) -> None:
    reading.take(line(span(1, name='}{"resourceSpans":[]}')))
    assert reading.counted == (1, 0)
    assert [row.name for row in all_rows(reading.store)] == ['}{"resourceSpans":[]}']


def test_a_line_that_is_kept_as_it_stands_is_not_searched(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.feed.ingest.holds_several", lambda _: pytest.fail("searched"))
    reading.take(FIRST)
    assert reading.counted == (1, 0)


@pytest.mark.parametrize("place", [0, 4_094, 4_095, 4_096, 8_190, 12_000])
@pytest.mark.parametrize("text", ["…", "é" * 5_000, "💎"])
def test_broken_characters_are_found_wherever_the_line_is_cut_to_look(place: int, text: str) -> None:
    whole = ("a" * place + text + "a" * 5_000).encode()
    begin = place + len(text.encode()) - 1
    assert otlp._is_utf8(whole)
    assert not otlp._is_utf8(whole[:begin] + whole[begin + 1 :])
    assert not otlp._is_utf8(whole[:begin])
    assert not otlp._is_utf8(whole + b"\xff")


@pytest.mark.parametrize("count", ["droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"])
def test_only_spans_that_say_so_have_lost_something(count: str) -> None:
    said: list[object] = [3, "3", 0, "0", None, "00", [], "many"]
    batch = decode_line(line(*(span(row + 1) | {count: value} for row, value in enumerate(said)), span(99)))
    assert list(batch.dropping) == [0, 1, 6, 7]
