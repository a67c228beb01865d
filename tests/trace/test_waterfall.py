import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import Span
from diamond_viewer.trace.tree import arrange
from diamond_viewer.trace.waterfall import MAX_TICKS, MIN_BAR_PERCENT, Waterfall, lay_out, ticks
from tests.builders import event, span


def laid_out(*spans: Span) -> Waterfall:
    return lay_out(arrange(spans))


def bars(*spans: Span) -> list[tuple[float, float]]:
    return [(round(bar.left_percent, 2), round(bar.width_percent, 2)) for bar in laid_out(*spans).bars]


def test_a_bar_lies_where_its_span_was() -> None:
    assert bars(span("a", ms=200), span("b", "a", start_ms=50, ms=100)) == [(0, 100), (25, 50)]


def test_a_bar_is_never_too_thin_to_be_seen_and_stays_inside() -> None:
    long = span("a", ms=1_000_000)
    start, end = span("b", "a", start_ms=0, ms=0), span("c", "a", start_ms=1_000_000, ms=0)
    assert bars(long, start, end)[1:] == [(0, MIN_BAR_PERCENT), (100 - MIN_BAR_PERCENT, MIN_BAR_PERCENT)]


def test_a_trace_without_any_duration_fills_the_scale() -> None:
    assert bars(span("a", ms=0), span("b", "a", ms=0)) == [(0, 100), (0, 100)]


def test_a_trace_without_any_time_is_drawn_too() -> None:
    waterfall = laid_out(span("a", start_ns=0, end_ns=0))
    assert waterfall.bars[0].extent.problems[0].startswith("It has no start")
    assert [tick.words for tick in waterfall.ticks] == ["0"]


def test_nothing_is_laid_out_as_nothing() -> None:
    assert lay_out(()).bars == ()


def test_events_lie_on_the_bar_and_those_at_one_place_are_one_diamond() -> None:
    events = [event("c", 50), event("a", 50.0001), event("b", 100), event("never", time_ns=0), event("late", 1e6)]
    (bar,) = laid_out(span("a", ms=200, events=events)).bars
    assert [(mark.percent, mark.event.name, mark.count) for mark in bar.marks] == [
        (25, "c", 2),
        (50, "b", 1),
        (100, "late", 1),
    ]


def test_a_million_events_are_at_most_as_many_diamonds_as_there_is_room_for() -> None:
    events = [event("tick", i / 1000) for i in range(100_000)]
    (bar,) = laid_out(span("a", ms=100, events=events)).bars
    assert len(bar.marks) <= 501
    assert sum(mark.count for mark in bar.marks) == 100_000


def test_colours_are_numbered_from_the_first_row_then_by_name_whatever_came_first() -> None:
    spans = [span("w", "a", service="worker"), span("p", "w", service="player"), span("a", service="web")]
    assert laid_out(*spans).colours == {"web": 0, "player": 1, "worker": 2}
    assert laid_out(*spans[::-1]).colours == {"web": 0, "player": 1, "worker": 2}


@pytest.mark.parametrize(
    ("duration_ms", "words"),
    [
        (1_840, "0, 500 ms, 1 s, 1.5 s"),
        (45.23, "0, 10 ms, 20 ms, 30 ms, 40 ms"),
        (60_000, "0, 20 s, 40 s, 1 min"),
        (305_000, "0, 2 min, 4 min"),
        (10_800_000, "0, 1 h, 2 h, 3 h"),
        (86_400_000 * 40, "0, 10 d, 20 d, 30 d, 40 d"),
        (0.000_9, "0, 200 ns, 400 ns, 600 ns, 800 ns"),
    ],
)
def test_ticks_stand_at_round_numbers(duration_ms: float, words: str) -> None:
    assert ", ".join(tick.words for tick in ticks(round(duration_ms * 1e6))) == words


@given(st.integers(0, 2**65))
def test_ticks_are_few_distinct_and_on_the_axis(duration_ns: int) -> None:
    found = ticks(duration_ns)
    assert found[0].words == "0"
    assert len({tick.words for tick in found}) == len(found) <= MAX_TICKS + 1
    assert all(0 <= tick.percent <= 100.0000001 for tick in found)
