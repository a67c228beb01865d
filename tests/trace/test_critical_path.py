import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_PRODUCER, Span
from diamond_viewer.trace.critical_path import critical_path, self_times_ns
from diamond_viewer.trace.extent import extents, scale_of
from diamond_viewer.trace.tree import arrange
from tests.builders import NS_PER_MS, T0_NS, span


def path(*spans: Span) -> str:
    """``a 0-5`` for each section, in ms."""
    rows = arrange(spans)
    sections = critical_path(rows, extents(rows, scale_of(spans)))
    times = [((s.start_ns - T0_NS) / NS_PER_MS, (s.end_ns - T0_NS) / NS_PER_MS) for s in sections]
    return ", ".join(
        f"{rows[section.row].span.name} {start:g}-{end:g}"
        for section, (start, end) in zip(sections, times, strict=True)
    )


def self_times(*spans: Span) -> dict[str, float]:
    rows = arrange(spans)
    found = self_times_ns(rows, extents(rows, scale_of(spans)))
    return {row.span.name: time_ns / NS_PER_MS for row, time_ns in zip(rows, found, strict=True)}


R = span("r", ms=10)


@pytest.mark.parametrize(
    ("spans", "sections"),
    [
        pytest.param([R], "r 0-10", id="alone"),
        pytest.param([R, span("a", "r", start_ms=2, ms=3)], "r 0-2, a 2-5, r 5-10", id="one child"),
        pytest.param(
            [R, span("a", "r", ms=5), span("b", "r", start_ms=5, ms=5)], "a 0-5, b 5-10", id="back to back, both count"
        ),
        pytest.param(
            [R, span("a", "r", start_ms=1, ms=8), span("b", "r", start_ms=2, ms=3)],
            "r 0-1, a 1-9, r 9-10",
            id="what ran beside was not waited for",
        ),
        pytest.param(
            [R, span("a", "r", start_ms=1, ms=3), span("b", "r", start_ms=3, ms=5)],
            "r 0-3, b 3-8, r 8-10",
            id="one that ends after the next began was not waited for",
        ),
        pytest.param(
            [R, span("a", "r", start_ms=1, ms=8), span("b", "a", start_ms=2, ms=3), span("c", "b", start_ms=3, ms=1)],
            "r 0-1, a 1-2, b 2-3, c 3-4, b 4-5, a 5-9, r 9-10",
            id="down into children of children",
        ),
        pytest.param([R, span("a", "r", start_ms=8, ms=9)], "r 0-8, a 8-10", id="a child that outlives it is cut"),
        pytest.param([R, span("a", "r", start_ms=-4, ms=6)], "a 0-2, r 2-10", id="a child that began before it is cut"),
        pytest.param(
            [R, span("a", "r", start_ms=20), span("b", "a", start_ms=3, ms=2)],
            "r 0-10",
            id="what lies below a child outside is outside",
        ),
        pytest.param([R, span("a", "r", start_ms=4, ms=0)], "r 0-10", id="a child without duration"),
        pytest.param([R, span("q", start_ms=5, ms=2)], "r 0-10, q 5-7", id="every root"),
        pytest.param([span("a", "b"), span("b", "a", ms=4)], "a 0-4", id="a circle is cut at b"),
        pytest.param([span("z", ms=0)], "", id="no time at all"),
    ],
)
def test_the_critical_path(spans: list[Span], sections: str) -> None:
    assert path(*spans) == sections


def test_work_behind_a_queue_is_not_waited_for() -> None:
    add = span("add", "r", start_ms=2, ms=6, kind=KIND_PRODUCER)
    assert path(R, add, span("job", "add", start_ms=3, ms=4, kind=KIND_CONSUMER)) == "r 0-2, add 2-8, r 8-10"


def test_a_chain_50_000_deep_needs_no_recursion() -> None:
    spans = [span(str(i), str(i - 1) if i else "", start_ns=T0_NS + i, end_ns=T0_NS + 100_000) for i in range(50_000)]
    assert path(*spans).count(",") == 49_999


def test_self_time_is_what_no_child_covers() -> None:
    family = [
        span("r", ms=100),
        span("a", "r", start_ms=10, ms=20),
        span("b", "r", start_ms=20, ms=20),
        span("inside", "r", start_ms=12, ms=3),
        span("outlives", "r", start_ms=90, ms=500),
        span("before", "r", start_ms=-50, ms=55),
        span("elsewhere", "r", start_ms=700, ms=1),
    ]
    assert self_times(*family)["r"] == 100 - 30 - 10 - 5


FAMILIES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=10
)


def family(numbers: list[tuple[int, int, int, int]]) -> list[Span]:
    return [
        span(
            str(i), str(parent) if parent < i else "", start_ns=T0_NS + start, end_ns=T0_NS + start + length, kind=kind
        )
        for i, (start, length, parent, kind) in enumerate(numbers)
    ]


@given(FAMILIES)
def test_the_sections_of_a_root_cover_it_without_gap_or_overlap(numbers: list[tuple[int, int, int, int]]) -> None:
    spans = family(numbers)
    rows = arrange(spans)
    times = extents(rows, scale_of(spans))
    sections = critical_path(rows, times)
    roots = [place for place, row in enumerate(rows) if row.parent_row < 0]
    covered = []
    for place in roots:
        below = range(place, place + 1 + rows[place].descendant_count)
        mine = [section for section in sections if section.row in below]
        cursor_ns = times[place].start_ns
        for section in mine:
            assert section.start_ns == cursor_ns < section.end_ns
            own = times[section.row]
            assert own.start_ns <= section.start_ns
            assert section.end_ns <= own.end_ns
            cursor_ns = section.end_ns
        assert cursor_ns == times[place].end_ns
        covered += mine
    assert covered == list(sections)


@given(FAMILIES)
def test_self_time_equals_a_count_of_nanoseconds(numbers: list[tuple[int, int, int, int]]) -> None:
    spans = family(numbers)
    rows = arrange(spans)
    times = extents(rows, scale_of(spans))
    for place, self_ns in enumerate(self_times_ns(rows, times)):
        own = set(range(times[place].start_ns, times[place].end_ns))
        for other, row in enumerate(rows):
            if row.parent_row == place:
                own -= set(range(times[other].start_ns, times[other].end_ns))
        assert self_ns == len(own)
