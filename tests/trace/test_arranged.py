from dataclasses import replace

import pytest

from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_PRODUCER, Link, Resource, Span
from diamond_viewer.trace.call_paths import MAX_DEPTH, walk
from diamond_viewer.trace.comparison import compare
from diamond_viewer.trace.matches import matching_places
from diamond_viewer.trace.notes import notes
from diamond_viewer.trace.outline import outline_markdown, outline_text
from diamond_viewer.trace.silhouette import COLUMNS, ERROR
from tests.builders import TRACE_ID, event, span
from tests.trace.sketching import arranged


def on(host: str, one: Span) -> Span:
    return replace(one, resource=Resource({"service.name": one.service, "host.name": host}))


def test_the_root_cause_is_the_failed_span_without_a_failed_child() -> None:
    trace = arranged(
        span("a", is_error=True),
        span("b", "a", is_error=True),
        span("c", "b"),
        span("d", "a", start_ms=1, is_error=True),
    )
    assert [trace.spans[place].name for place in sorted(trace.root_causes)] == ["b", "d"]
    assert [trace.errors_below(place) for place in range(4)] == [2, 0, 0, 0]


def test_spans_that_share_an_id_have_names_of_their_own() -> None:
    trace = arranged(span("abc", name="one"), span("abc", name="two", start_ms=1))
    assert [trace.element_of(place) for place in (0, 1)] == ["abc", "abc-2"]
    assert [trace.place_of(element) for element in ("abc", "ABC-2", "abc-3", "nothing", "abc-x")] == [
        0,
        1,
        None,
        None,
        0,
    ]


def test_links_are_known_from_both_ends() -> None:
    trace = arranged(span("a"), span("b", "a", links=[Link(TRACE_ID, "a", "", {})]))
    assert trace.linked_from == {"a": (1,)}


# --- clocks ---------------------------------------------------------------------------------------------------------


def test_a_clock_is_adjusted_only_on_request_and_everything_it_timed_moves_with_it() -> None:
    trace = arranged(
        on("web", span("a", ms=100)),
        on("db", span("b", "a", start_ms=60_000, ms=50)),
        on("db", span("c", "b", start_ms=60_010, ms=10, events=[event("tick", 60_012)])),
    )
    assert trace.extents[1].start_ns - trace.scale.start_ns == 60_000_000_000
    assert trace.can_be_adjusted
    adjusted = trace.adjusted()
    assert [extent.start_ns - adjusted.scale.start_ns for extent in adjusted.extents] == [0, 25_000_000, 35_000_000]
    assert adjusted.spans[2].whole().start_ns == trace.spans[2].start_ns
    assert adjusted.story[0].time_ns - adjusted.scale.start_ns == 37_000_000  # type: ignore[union-attr]
    assert "moved by up to 1 min" in " ".join(note.sentence for note in notes(adjusted))


def test_one_clock_work_behind_a_queue_and_milliseconds_are_no_skew() -> None:
    same = arranged(on("web", span("a")), on("web", span("b", "a", start_ms=500)))
    queue = arranged(
        on("web", span("a", kind=KIND_PRODUCER)), on("worker", span("b", "a", start_ms=500, kind=KIND_CONSUMER))
    )
    near = arranged(on("web", span("a", ms=10)), on("db", span("b", "a", start_ms=-1, ms=10)))
    assert not (same.can_be_adjusted)
    assert not (queue.can_be_adjusted)
    assert not (near.can_be_adjusted)
    assert same.adjusted() is same


# --- notes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        pytest.param([span("a"), span("b", "a")], "", id="nothing to say"),
        pytest.param([span("b", "gone")], "The root span is not here", id="no root"),
        pytest.param([span("a"), span("b", "gone")], "1 span names a parent that is not in the files", id="orphan"),
        pytest.param([span("a"), span("b")], "It has 2 roots", id="two roots"),
        pytest.param([span("a", "b"), span("b", "a")], "2 spans name each other as parents", id="circle"),
        pytest.param([span("a"), span("a", name="other")], "1 span id stands for more than one", id="shared id"),
        pytest.param([span("a"), span("b", "a", end_ns=0)], "1 span has no usable start or end", id="no end"),
        pytest.param(
            [span("a"), span("b", "a", start_ms=7_200_000)], "Nothing ran for 2 h of its 2 h", id="hours apart"
        ),
    ],
)
def test_what_is_unusual_is_said_in_words(spans: list[Span], said: str) -> None:
    sentences = " ".join(note.sentence for note in notes(arranged(*spans)))
    assert said in sentences
    assert bool(sentences) == bool(said)


# --- search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("SELECT", [1]),
        ("db.statement=select", [1]),
        ("lesson-011", [2]),
        ("no cookie", [0]),
        ("200", [1]),
        ("3.5", [2]),
        ("true", [0]),
        ("b", [0, 1, 2]),  # a letter of "builders' web"
        ("nowhere", []),
        ("   ", []),
    ],
)
def test_a_search_looks_at_names_keys_values_and_events(words: str, found: list[int]) -> None:
    trace = arranged(
        span("a1", name="root", events=[event("auth.failed", 0, {"why": "no cookie", "is": True})]),
        span("a2", "a1", attributes={"db.statement": "SELECT 1", "code": 200}),
        span("a3", "a1", start_ms=1, attributes={"nested": {"list": ["lesson-011", 3.5]}}),
    )
    assert matching_places(trace.spans, words) == tuple(found)


def test_a_span_is_found_by_the_beginning_of_its_id() -> None:
    trace = arranged(span("abcdef0123456789"), span("b", "abcdef0123456789"))
    assert matching_places(trace.spans, "abcdef") == (0,)


# --- figures ------------------------------------------------------------------------------------------------------------


def test_operations_have_count_total_self_average_and_p95() -> None:
    trace = arranged(span("a", ms=100), *(span(f"q{n}", "a", name="query", start_ms=10 * n, ms=n) for n in range(1, 6)))
    query = next(one for one in trace.operations if one.name == "query")
    assert (query.count, query.total_ns, query.average_ns, query.p95_ns) == (5, 15_000_000, 3_000_000, 5_000_000)
    assert sum(one.self_ns for one in trace.operations) == 100_000_000
    assert trace.spans[query.slowest].span_id == "q5"


def test_call_paths_merge_what_was_called_the_same_way_and_their_weights_add_up() -> None:
    trace = arranged(
        span("a", ms=100),
        span("b1", "a", name="b", ms=10),
        span("b2", "a", name="b", start_ms=20, ms=20),
        span("c", "b2", start_ms=20, ms=5),
    )
    top = trace.call_paths
    paths = {path.name: path for path in walk(top)}
    assert [(path.name, path.depth, path.count) for path in walk(top)] == [("a", 0, 1), ("b", 1, 2), ("c", 2, 1)]
    assert (paths["b"].total_ns, paths["b"].self_ns, paths["b"].weight_ns) == (30_000_000, 25_000_000, 30_000_000)
    assert top.weight_ns == paths["a"].weight_ns == 100_000_000


def test_a_chain_of_50000_calls_is_a_flame_of_bounded_height() -> None:
    trace = arranged(*(span(f"{n}", f"{n - 1}" if n else "", ms=60_000 - n) for n in range(50_000)))
    paths = walk(trace.call_paths)
    assert len(paths) == MAX_DEPTH
    assert sum(path.self_ns for path in paths) == trace.extents[0].duration_ns


def test_a_comparison_names_what_each_has_alone_and_where_the_time_went() -> None:
    one = arranged(
        span("a", ms=100), span("q", "a", name="query", ms=50), span("x", "a", name="only here", start_ms=60)
    )
    other = arranged(span("k", name="a", ms=40), span("l", "k", name="query", ms=5), span("m", "k", name="new"))
    drawn = [(row.name, row.depth, row.counts, round(row.change_ns / 1e6)) for row in compare(one, other)]
    assert drawn == [
        ("a", 0, (1, 1), -60),
        ("query", 1, (1, 1), -45),
        ("only here", 1, (1, 0), -10),
        ("new", 1, (0, 1), 10),
    ]


def test_the_silhouette_of_many_spans_is_small_and_shows_errors() -> None:
    trace = arranged(
        span("a", ms=10_000), *(span(f"{n}", "a", start_ms=n, ms=5, is_error=n == 777) for n in range(5_000))
    )
    assert len(trace.silhouette) < 200
    assert [stripe.colour for stripe in trace.silhouette].count(ERROR) == 1
    assert all(0 <= stripe.first <= stripe.last < COLUMNS for stripe in trace.silhouette)


# --- as text --------------------------------------------------------------------------------------------------------------

TOLD = """\
GET /x
2026-11-22 11:38:18.000 UTC · 10 ms · 2 spans · 1 error · usr_1 · trace 77777777777777777777777777777777

a  10 ms [web]
  b  5 ms [web]  ERROR: no row

     +1 ms  tick (b) n=3
"""


def test_the_outline_is_an_indented_tree_with_its_events() -> None:
    failed = span("b", "a", ms=5, is_error=True, status_message="no\nrow", events=[event("tick", 1, {"n": 3})])
    trace = arranged(span("a"), failed, name="GET /x", user_ids=("usr_1",))
    assert outline_text(trace).replace("+1.00 ms", "   +1 ms") == TOLD


def test_markdown_does_what_telemetry_says_to_nobody() -> None:
    trace = arranged(span("a", name="[x](javascript:1) <img> `"))
    assert "\\[x\\](javascript:1) \\<img\\> \\`" in outline_markdown(trace)
