import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER, Span
from diamond_viewer.trace.tree import MAX_GUIDES, Row, arrange
from tests.builders import span
from tests.trace.drawing import branches, drawn


@pytest.mark.parametrize(
    ("spans", "drawing"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([span("a"), span("b", "a"), span("c", "b")], "a .b ..c", id="chain"),
        pytest.param([span("c", "b"), span("b", "a"), span("a")], "a .b ..c", id="children first in the file"),
        pytest.param([span("b", "gone"), span("c", "b")], "b? .c", id="orphan becomes a root"),
        pytest.param([span("a", "b"), span("b", "a")], "a? .b", id="cycle is shown, not lost"),
        pytest.param([span("a", "a"), span("b", "a")], "a? .b", id="its own parent"),
        pytest.param(
            [span("a", "c", start_ms=2), span("b", "a", start_ms=1), span("c", "b", start_ms=3), span("d", "c")],
            "b? .c ..d ..a",
            id="a cycle is cut at its earliest, with what hangs on it",
        ),
        pytest.param([span("b", start_ms=5), span("a", start_ms=7)], "b a", id="several roots by start"),
        pytest.param([span("o", "gone"), span("r")], "r o?", id="at one start the root stands before the orphan"),
        pytest.param([span("o", "gone", start_ms=-1), span("r")], "o? r", id="an earlier orphan stands first"),
        pytest.param(
            [span("r"), span("y", "r", ms=3), span("x", "r", ms=3), span("w", "r", ms=1)],
            "r .w .x .y",
            id="siblings of one start by end, then id",
        ),
        pytest.param(
            [span("r"), span("c", "r", start_ms=-3), span("d", "c", start_ms=-9)],
            "r .c ..d",
            id="children that start before their parents stay below them",
        ),
        pytest.param(
            [span("r", start_ms=9), span("s", start_ns=0, end_ns=0), span("c", "r", start_ns=0)],
            "r .c s",
            id="a root without a start stands last, a child first",
        ),
    ],
)
def test_arrange(spans: list[Span], drawing: str) -> None:
    assert drawn(spans) == drawing


def test_a_circle_of_a_thousand_shows_each_span_once_and_says_where_it_was_cut() -> None:
    spans = [span(f"s{i}", f"s{(i - 1) % 1000}", start_ms=(i + 500) % 1000) for i in range(1000)]
    rows = arrange(spans)
    assert sorted(row.span.span_id for row in rows) == sorted(s.span_id for s in spans)
    assert [row.span.name for row in rows if row.is_cycle_point] == ["s500"]
    assert all(row.in_cycle and not row.orphan for row in rows)
    assert rows[0].problems == (
        "It is one of 1,000 spans that name each other as parents: the circle is cut open here, at its earliest span.",
    )


def test_what_hangs_on_a_circle_is_not_part_of_it() -> None:
    rows = {row.span.name: row for row in arrange([span("a", "b"), span("b", "a"), span("c", "b"), span("d", "c")])}
    assert {name: row.in_cycle for name, row in rows.items()} == {"a": True, "b": True, "c": False, "d": False}


def test_an_orphan_says_what_may_have_become_of_its_parent() -> None:
    (row,) = arrange([span("a", "00f067aa0ba902b7")])
    assert row.orphan
    assert row.problems == (
        "Its parent 00f067aa0ba902b7 is not in the files: dropped, sampled, rotated away or still to come.",
    )


def test_spans_that_share_an_id_are_both_kept() -> None:
    rows = arrange([span("r"), span("x", "r", name="one"), span("x", "r", name="two", start_ms=1)])
    assert [row.span.name for row in rows] == ["r", "one", "two"]
    assert [row.problems for row in rows] == [(), *[("It shares its span id with another span of this trace.",)] * 2]


@pytest.mark.parametrize(("caller", "called"), [(KIND_CLIENT, KIND_SERVER), (KIND_PRODUCER, KIND_CONSUMER)])
def test_a_server_that_shares_the_id_of_its_client_hangs_below_it(caller: int, called: int) -> None:
    client = span("x", "r", name="client", kind=caller, service="web", ms=9)
    server = span("x", "r", name="server", kind=called, service="api", start_ms=1, ms=5)
    children = [
        span("d", "x", name="dns", service="web", start_ms=1, ms=0.5),
        span("q", "x", name="query", service="api", start_ms=2),
        span("z", "x", name="elsewhere", service="other", start_ms=3, ms=1),
    ]
    expected = "r .client ..dns ..server ...query ...elsewhere"
    assert drawn([span("r"), client, server, *children]) == expected
    assert drawn([*children, server, client, span("r")]) == expected


def test_two_roots_that_share_an_id_as_client_and_server_are_one_tree() -> None:
    client, server = span("x", name="client", kind=KIND_CLIENT), span("x", name="server", kind=KIND_SERVER)
    assert drawn([server, client]) == "client .server"


def test_a_child_of_a_shared_id_goes_to_the_one_that_was_running() -> None:
    first, second = span("x", name="first", ms=5), span("x", name="second", start_ms=10, ms=5)
    assert drawn([first, second, span("c", "x", start_ms=12)]) == "first second .c"


def test_many_spans_of_one_id_that_are_parents_of_many_take_no_square_of_time() -> None:
    spans = [span("x", name=f"x{i}") for i in range(20_000)] + [span(f"c{i}", "x") for i in range(20_000)]
    rows = arrange(spans)
    assert len(rows) == 40_000
    assert rows[0].child_count == 20_000


def test_a_chain_50_000_deep_is_arranged_without_recursion() -> None:
    rows = arrange([span(str(i), str(i - 1) if i else "") for i in range(50_000)])
    assert [row.depth for row in rows] == list(range(50_000))
    assert rows[0].descendant_count == 49_999
    assert max(row.guides for row in rows) < 2**MAX_GUIDES


def test_time_grows_about_linearly_with_the_spans() -> None:
    def took(count: int) -> float:
        spans = [span(str(i), str((i - 1) // 10) if i else "", start_ms=i) for i in range(count)]
        random.Random(7).shuffle(spans)
        begun = time.process_time()
        arrange(spans)
        return time.process_time() - begun

    took(100)
    assert took(40_000) < 40 * max(min(took(5_000) for _ in range(3)), 0.001)  # 8 if linear, 64 if square


@pytest.mark.parametrize(
    ("spans", "lines"),
    [
        (
            [span("a"), span("b", "a"), span("c", "b"), span("d", "b", start_ms=1), span("e", "a", start_ms=2)],
            ["a", "├ b", "│ ├ c", "│ └ d", "└ e"],
        ),
        ([span("a"), span("b", "a"), span("c", "b"), span("z", start_ms=1)], ["a", "└ b", "  └ c", "z"]),
    ],
)
def test_guides_draw_the_branches(spans: list[Span], lines: list[str]) -> None:
    assert [branches(row) + row.span.name for row in arrange(spans)] == lines


IDS = [format(i, "x") for i in range(12)]


@st.composite
def any_spans(draw: st.DrawFn) -> list[Span]:
    """Whatever comes: unknown parents, circles, ids used twice, equal and missing times."""
    times = st.sampled_from([0, 1, 5, 2**63])
    return [
        span(
            draw(st.sampled_from(IDS)),
            draw(st.sampled_from(["", "gone", *IDS])),
            start_ns=draw(times),
            end_ns=draw(times),
            kind=draw(st.integers(0, 5)),
            service=draw(st.sampled_from(["web", "api"])),
            name=f"{place}",
        )
        for place in range(draw(st.integers(0, 14)))
    ]


def outline(rows: Sequence[Row]) -> list[tuple[str, int, int]]:
    return [(row.span.span_id, row.depth, row.span.start_ns) for row in rows]


@given(any_spans())
def test_every_span_is_shown_once_below_its_parent_and_a_subtree_is_a_slice(spans: list[Span]) -> None:
    rows = arrange(spans)
    assert sorted(row.span.name for row in rows) == sorted(s.name for s in spans)
    for place, row in enumerate(rows):
        assert row.parent_row < place
        assert row.depth == (rows[row.parent_row].depth + 1 if row.parent_row >= 0 else 0)
        below = rows[place + 1 : place + 1 + row.descendant_count]
        assert all(inner.depth > row.depth for inner in below)
        after = rows[place + 1 + row.descendant_count :]
        assert not after or after[0].depth <= row.depth
        assert row.child_count == sum(other.parent_row == place for other in rows)
        known = {s.span_id for s in spans}
        assert row.orphan == (bool(row.span.parent_id) and row.span.parent_id not in known and row.parent_row < 0)


@given(any_spans())
def test_guides_say_where_branches_go_on(spans: list[Span]) -> None:
    rows = arrange(spans)
    for place, row in enumerate(rows):
        ancestor, expected = place, 0
        while rows[ancestor].parent_row >= 0:
            siblings = [at for at, other in enumerate(rows) if other.parent_row == rows[ancestor].parent_row]
            expected |= (ancestor != siblings[-1]) << rows[ancestor].depth - 1
            ancestor = rows[ancestor].parent_row
        assert row.guides == expected


@given(any_spans(), st.randoms(use_true_random=False))
def test_the_order_in_which_spans_came_does_not_matter(spans: list[Span], chance: random.Random) -> None:
    distinct = list({s.span_id: s for s in spans}.values())
    mixed = chance.sample(distinct, len(distinct))
    assert outline(arrange(mixed)) == outline(arrange(distinct))
