import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.trace.shown import Folding
from tests.builders import event, span
from tests.trace.sketching import arranged, folded, names

NEXT = {"next.span_type": "RouteModule.prepare"}
TREE = (span("a"), span("b", "a"), span("c", "b"), span("d", "c"), span("e", "a", start_ms=1))


@pytest.mark.parametrize(
    ("folding", "drawing"),
    [
        pytest.param(Folding(), "a .b ..c ...d .e", id="nothing folded"),
        pytest.param(Folding(level=1), "a+", id="one level"),
        pytest.param(Folding(level=2), "a .b+ .e", id="two levels"),
        pytest.param(Folding(level=3), "a .b ..c+ .e", id="three levels"),
        pytest.param(Folding(shut=frozenset({1})), "a .b+ .e", id="one span"),
        pytest.param(Folding(level=1, opened=frozenset({0})), "a .b+ .e", id="a level, and one opened by hand"),
        pytest.param(Folding(shut=frozenset({3, 4})), "a .b ..c ...d .e", id="a leaf has nothing to fold"),
    ],
)
def test_what_is_folded_is_not_shown(folding: Folding, drawing: str) -> None:
    trace = arranged(*TREE)
    assert names(trace, folded(trace, folding)) == drawing


def test_a_span_that_must_be_seen_opens_what_is_above_it_and_nothing_else() -> None:
    trace = arranged(*TREE, span("f", "e", start_ms=1))
    assert names(trace, folded(trace, Folding(level=1), kept=(3,))) == "a .b ..c ...d .e+"


def test_plumbing_is_left_out_and_what_hangs_below_moves_up() -> None:
    trace = arranged(span("a"), span("p", "a", attributes=NEXT), span("q", "p", attributes=NEXT), span("b", "q"))
    shown = folded(trace, Folding(hides_plumbing=True))
    assert (names(trace, shown), shown.hidden_plumbing) == ("a .b", 2)


def test_plumbing_that_failed_or_has_an_event_stays_and_so_do_requests_and_fetches() -> None:
    trace = arranged(
        span("a", attributes={"next.span_type": "BaseServer.handleRequest"}),
        span("b", "a", attributes=NEXT, is_error=True),
        span("c", "a", start_ms=1, attributes=NEXT, events=[event("exception")]),
        span("d", "a", start_ms=2, attributes={"next.span_type": "AppRender.fetch"}),
    )
    assert names(trace, folded(trace, Folding(hides_plumbing=True))) == "a .b .c .d"


def test_a_fold_far_down_a_chain_of_50000_takes_no_recursion() -> None:
    spans = [span(f"{n}", f"{n - 1}" if n else "") for n in range(50_000)]
    trace = arranged(*spans)
    assert len(folded(trace, Folding(shut=frozenset({40_000}))).places) == 40_001


@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(0, 40)), st.integers(0, 4))
def test_guides_say_where_a_branch_goes_on(parents: list[int], shut: set[int], level: int) -> None:
    spans = [
        span(f"{n}", f"{parent}" if n and parent < n else "", start_ms=n) for n, parent in enumerate([0, *parents])
    ]
    trace = arranged(*spans)
    shown = folded(trace, Folding(level=level, shut=frozenset(shut)))
    guides = shown.guides(0, len(shown.places))
    for at, depth in enumerate(shown.depths):
        for column in range(depth):
            below = next((d for d in shown.depths[at + 1 :] if d <= column + 1), -1)
            assert bool(guides[at] & (1 << column)) == (below == column + 1)
    middle = len(guides) // 2
    assert shown.guides(middle, len(guides)) == guides[middle:]
