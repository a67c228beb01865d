"""Facets are what plain loops count, however the spans of a trace are spread over segments."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import FLAG_NAMES, Facets
from tests.asking import NOW_NS, asked
from tests.index.filling import filled, one_by_one, parted_district
from tests.index.test_properties import attribute_sets, event_wires
from tests.index.test_truth import PLAIN
from tests.plain_store import PlainStore
from tests.writing import line, span


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"status": "error"},
        {"user": "usr_0007"},
        {"lesson": "lesson-011", "flag": "slow"},
        {"q": "http.status>=400 OR event:auth.failed"},
        {"q": "-service:diamond-district-worker"},
        {"min_ms": "100"},
        {"user": "nobody"},
    ],
)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_facets_of_real_telemetry_are_as_counted(filters: dict[str, str], limit: int) -> None:
    query = asked(**filters)
    assert parted_district().facets(query, NOW_NS, limit) == PLAIN.facets(query, NOW_NS, limit)


def test_facets_count_traces_and_not_spans() -> None:
    store = filled([[line(*(span(n, trace=1 + n % 2, name="twice") for n in range(1, 9)))]])
    assert store.facets(asked(), NOW_NS, 5).operation == (("twice", 2),)


def test_a_value_in_two_segments_of_one_trace_counts_once() -> None:
    parts = [
        line(span(n, 1 if n > 1 else 0, attributes={"http.route": f"/{n % 2}", "http.status_code": 200}))
        for n in (1, 2, 3)
    ]
    store = filled(one_by_one(parts), segment_spans=1)
    assert store.facets(asked(), NOW_NS, 5).route == (("/0", 1), ("/1", 1))
    assert store.facets(asked(), NOW_NS, 5).http_status == (("200", 1),)


def test_every_facet_of_an_empty_store_is_empty() -> None:
    assert filled([]).facets(asked(), NOW_NS, 5) == Facets()


wires = st.lists(
    st.builds(
        lambda number, trace, name, status, attributes, events: span(
            number, trace=trace, name=name, status_code=status, attributes=attributes, events=events
        ),
        st.integers(1, 40),
        st.integers(1, 4),
        st.sampled_from(["GET", "work", "", "ü"]),
        st.sampled_from([0, 2]),
        attribute_sets,
        st.lists(event_wires, max_size=2),
    ),
    min_size=1,
    max_size=12,
)


@given(wires=wires, segment_spans=st.sampled_from([1, 3, 100]), flag=st.sampled_from(["", *FLAG_NAMES]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_spans_have_the_facets_that_plain_loops_count(
    wires: list[dict[str, object]], segment_spans: int, flag: str
) -> None:
    lines = [line(wire) for wire in wires]
    query = asked(flag=flag) if flag else asked()
    plain, memory = PlainStore.from_lines(lines), filled(one_by_one(lines), segment_spans)
    assert memory.facets(query, NOW_NS, 100) == plain.facets(query, NOW_NS, 100)


@pytest.mark.parametrize("flag", FLAG_NAMES)
def test_every_flag_can_be_asked_of_packed_traces(flag: str) -> None:
    store = filled(
        [[line(span(1, trace=trace))] for trace in range(1, 5)], segment_spans=1
    )  # packed: flags lie in bytes
    assert store.search(asked(flag=flag), NOW_NS).total == 0
    assert store.facets(asked(q=f"NOT flag:{flag}"), NOW_NS, 5).status == (("ok", 4),)
