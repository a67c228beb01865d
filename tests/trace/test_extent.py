import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import Span
from diamond_viewer.trace.extent import LAST_TIME_NS, Extent, Scale, extents, scale_of
from diamond_viewer.trace.tree import arrange
from tests.builders import NS_PER_MS, T0_NS, at_ms, span

NEVER_NS = 2**64 - 1
YEAR_2554_NS = 18_436_000_000_000_000_000


def told(*spans: Span) -> list[Extent]:
    return list(extents(arrange(spans), scale_of(spans)))


def drawn(*spans: Span) -> list[tuple[float, float]]:
    """Start and end in ms since ``T0_NS``."""
    return [((e.start_ns - T0_NS) / NS_PER_MS, (e.end_ns - T0_NS) / NS_PER_MS) for e in told(*spans)]


@pytest.mark.parametrize(
    ("spans", "scale"),
    [
        ([], (0, 0)),
        ([span("a", ms=10)], (T0_NS, at_ms(10))),
        ([span("a", ms=10), span("b", "a", start_ms=-5), span("c", "a", start_ms=30, ms=1)], (at_ms(-5), at_ms(31))),
        ([span("a", ms=10), span("b", "a", start_ns=0, end_ns=at_ms(12))], (T0_NS, at_ms(12))),
        ([span("a", ms=10), span("b", "a", start_ns=0, end_ns=0)], (T0_NS, at_ms(10))),
        ([span("a", ms=10), span("b", "a", end_ns=NEVER_NS)], (T0_NS, at_ms(10))),
        ([span("a", ms=10), span("b", start_ns=YEAR_2554_NS, end_ns=NEVER_NS)], (T0_NS, at_ms(10))),
        ([span("a", ms=10), span("b", "a", start_ns=-7, end_ns=-1)], (T0_NS, at_ms(10))),
        ([span("a", start_ns=0, end_ns=0)], (0, 0)),
    ],
)
def test_missing_and_absurd_times_do_not_stretch_the_scale(spans: list[Span], scale: tuple[int, int]) -> None:
    assert scale_of(spans) == Scale(*scale)


@pytest.mark.parametrize(
    ("strange", "times", "problem"),
    [
        (
            span("b", "a", start_ns=0, end_ns=at_ms(6)),
            (2, 6),
            "It has no start: it is drawn from its parent’s start on.",
        ),
        (
            span("b", "a", start_ns=0, end_ns=at_ms(1)),
            (1, 1),
            "It has no start: it is drawn from its parent’s start on.",
        ),
        (
            span("b", start_ns=0, end_ns=at_ms(6)),
            (2, 6),
            "It has no start: it is drawn from the beginning of the trace on.",
        ),
        (
            span("b", "a", start_ns=YEAR_2554_NS, end_ns=at_ms(6)),
            (2, 6),
            "Its start lies beyond the year 2262: it is drawn from its parent’s start on.",
        ),
        (span("b", "a", start_ms=4, end_ns=0), (4, 4), "It has no end: how long it took is not known."),
        (
            span("b", "a", start_ms=4, end_ns=NEVER_NS),
            (4, 4),
            "Its end lies beyond the year 2262: how long it took is not known.",
        ),
        (span("b", "a", start_ms=4, ms=-3), (4, 4), "It ends 3 ms before it starts: a clock was set back."),
        (
            span("b", "a", start_ms=-118, ms=130),
            (-118, 12),
            "It starts 120 ms before its parent: the clocks differ, or it was recorded with an earlier start.",
        ),
    ],
)
def test_a_strange_span_is_drawn_and_says_why(strange: Span, times: tuple[float, float], problem: str) -> None:
    regular = span("a", start_ms=2, ms=10)
    row = next(place for place, row in enumerate(arrange([regular, strange])) if row.span is strange)
    assert drawn(regular, strange)[row] == times
    assert told(regular, strange)[row].problems[:1] == (problem,)


def test_a_child_outside_its_parent_by_little_is_nothing_to_speak_of() -> None:
    family = [span("a", ms=10), span("early", "a", start_ms=-1), span("late", "a", start_ms=5, ms=5_000)]
    assert [extent.problems for extent in told(*family)] == [(), (), ()]


def test_a_start_is_inherited_through_spans_that_have_none() -> None:
    assert drawn(span("a", start_ms=3), span("b", "a", start_ns=0, end_ns=0), span("c", "b", start_ns=0, end_ns=0)) == [
        (3, 13),
        (3, 3),
        (3, 3),
    ]


ANY_TIME = st.sampled_from([-1, 0, 1, T0_NS, T0_NS + 1, at_ms(900), LAST_TIME_NS, YEAR_2554_NS, NEVER_NS])


@given(st.lists(st.tuples(ANY_TIME, ANY_TIME, st.sampled_from(["", "0", "1", "gone"])), max_size=6))
def test_no_bar_is_negative_and_none_leaves_the_scale(times: list[tuple[int, int, str]]) -> None:
    spans = [span(f"{i}", parent, start_ns=start, end_ns=end) for i, (start, end, parent) in enumerate(times)]
    scale = scale_of(spans)
    for extent in extents(arrange(spans), scale):
        assert scale.start_ns <= extent.start_ns <= extent.end_ns <= scale.end_ns
