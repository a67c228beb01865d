"""What differs between failing and good traces."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from diamond_viewer.diagnosis.difference import Properties, properties_of, what_differs
from tests.builders import event, span, trace
from tests.diagnosis.readings import lines_of, traces_in

TRACES = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"


def group(**values: Iterable[str]) -> list[Properties]:
    """A trace for each value: ``group(browser="aab")`` are three."""
    names = [name.replace("__", ".") for name in values]
    return [
        dict(zip(names, (frozenset([one]) for one in row), strict=True)) for row in zip(*values.values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("selected", "good", "found"),
    [
        pytest.param(group(browser="aaaab"), group(browser="bbbba"), {"browser": 60}, id="shares of 100"),
        pytest.param(group(browser="aab"), group(browser="aaaabb"), {"browser": 0}, id="the same shares say nothing"),
        pytest.param(group(browser="aa"), group(browser="bb"), {}, id="seen four times"),
        pytest.param(group(browser="aaaaa"), group(other="zzzzz"), {}, id="one value, in one group only"),
        pytest.param(
            group(browser="aaaab"), group(other="zzzzz"), {"browser": 80}, id="largest share, in one group only"
        ),
        pytest.param(group(requestId="aaaaa"), group(requestId="bbbbb"), {}, id="an id by its name"),
        pytest.param(group(user__id="aaaaa"), group(user__id="bcdef"), {"user.id": 100.1}, id="users are exempt"),
        pytest.param(
            group(token=[str(i) for i in range(15)]),
            group(token=[str(i) for i in range(20, 35)]),
            {},
            id="unique values",
        ),
        pytest.param(
            group(lesson__id=[str(i) for i in range(15)]),
            group(lesson__id=[str(i) for i in range(20, 35)]),
            {"lesson.id": 100 / 15 + 0.1},
            id="unique lessons are exempt",
        ),
        pytest.param(
            group(http__route="aaaaa", zone="aaaaa"),
            group(http__route="bbbbb", zone="bbbbb"),
            {"http.route": 100.1, "zone": 100},
            id="what people know comes first",
        ),
        pytest.param([], [], {}, id="nothing"),
    ],
)
def test_score(selected: list[Properties], good: list[Properties], found: dict[str, float]) -> None:
    scores = {one.name: round(one.score, 6) for one in what_differs(selected, good)}
    assert scores == {name: round(score, 6) for name, score in found.items() if score}
    assert list(scores) == list(found)[: len(scores)]


def test_the_over_represented_value_comes_first_with_its_counts() -> None:
    first = what_differs(group(browser="aaaab"), group(browser="bbbba"))[0].shares[0]
    assert (first.value, first.selected_count, first.good_count, first.distance) == ("a", 4, 1, 60)


def test_the_order_of_traces_does_not_matter() -> None:
    selected, good = group(a="xxxyz", b="pqrst"), group(a="zzzyx", b="ppppq")
    assert what_differs(selected, good) == what_differs(selected[::-1], good[::-1])


def test_properties_come_from_spans_events_and_resources() -> None:
    one = trace(
        span("a", attributes={"userId": "u1", "lesson_id": "l1", "cache.hit": True, "n": 2.50, "list": ["x"]}),
        span(
            "b", "a", service="worker", events=[event("auth.failed", attributes={"hasCookie": False, "user.id": "u2"})]
        ),
    )
    assert properties_of(one) == {
        "user.id": {"u1", "u2"},
        "lesson.id": {"l1"},
        "cache.hit": {"true"},
        "n": {"2.5"},
        "service.name": {"web", "worker"},
        "event": {"auth.failed"},
        "hasCookie": {"false"},
    }


def test_refused_saves_differ_from_good_ones_by_their_event_and_status() -> None:
    traces = [one for one in traces_in(lines_of(TRACES)) if one.summary.name == "POST /api/progress"]
    failed = [properties_of(one) for one in traces if one.summary.error_count]
    good = [properties_of(one) for one in traces if not one.summary.error_count]
    top = {one.name: one.shares[0].value for one in what_differs(failed, good)}
    assert top["http.status_code"] == "401"
    assert top["event"] == "auth.failed"
