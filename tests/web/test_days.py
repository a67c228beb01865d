"""A time of day alone says when only to who reads it on the same day: everybody else is shown the day."""

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.app import create_app
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE
from tests.web.html_outline import Outline
from tests.writing import A_TIME_NS, event, line, span

HOUR_NS = 3_600 * 10**9
LINES = [
    line(
        span(
            1,
            trace=at,
            start_ns=A_TIME_NS + at * 10**9,
            status_code=2,
            attributes={"user.id": "ada", "lesson.id": "intro"},
            events=[event("auth.failed", A_TIME_NS + at * 10**9)],
        )
    )
    for at in range(1, 40)
]  # A_TIME_NS is 14:38:15 on 2026-11-22


def client_at(now_ns: int) -> FlaskClient:
    store = PlainStore.from_lines(LINES)
    store.report(LIVE)
    return create_app(store, clock=lambda: now_ns).test_client()


TODAY, TOMORROW = client_at(A_TIME_NS + HOUR_NS), client_at(A_TIME_NS + 24 * HOUR_NS)


def texts(client: FlaskClient, url: str, css_class: str) -> list[str]:
    """The words of every element of the class."""
    elements = Outline(client.get(url).get_data(as_text=True)).root.all()
    return [one.words() for one in elements if css_class in one.attributes.get("class", "").split()]


def test_rows_of_another_day_show_it() -> None:
    assert texts(TODAY, "/trace-viewer.html", "row__day") == []
    assert texts(TOMORROW, "/trace-viewer.html", "row__day") == ["2026-11-22"] * 39


def test_so_does_the_histogram_at_its_ends_and_on_its_bars() -> None:
    [today], [tomorrow] = (texts(one, "/trace-viewer.html", "histogram__axis") for one in (TODAY, TOMORROW))
    assert "14:38:16" in today
    assert "11-22" not in today
    assert tomorrow.count("11-22 14:38") == 2
    assert any(
        title.startswith("11-22 14:38:16 – ") for title in texts(TOMORROW, "/trace-viewer.html", "histogram__bar")
    )


def test_so_do_errors() -> None:
    assert texts(TODAY, "/errors", "tally__time")[2:] == ["14:38:16", "14:38:54"]
    assert texts(TOMORROW, "/errors", "tally__time")[2:] == ["11-22 14:38", "11-22 14:38"]


def test_so_does_the_heatmap() -> None:
    assert "11-22" not in texts(TODAY, "/operations", "heat__axis")[0]
    assert texts(TOMORROW, "/operations", "heat__axis")[0].count("11-22 14:38") == 2


@pytest.mark.parametrize("client", [TODAY, TOMORROW], ids=["today", "tomorrow"])
def test_a_journey_always_says_its_day(client: FlaskClient) -> None:
    [title] = texts(client, "/users/ada", "lanes__title")
    assert "39 traces from 2026-11-22 14:38:15 to 14:38:54 UTC" in title


def test_so_does_a_chart_below_its_axis() -> None:
    assert texts(TODAY, "/lessons/intro", "chart__day") == ["2026-11-22"]


def test_a_window_of_another_day_shows_it_on_the_axis_and_on_hover() -> None:
    window = "/trace-viewer.html?since=2026-11-22T14:38:00Z&until=2026-11-22T14:39:00Z"
    assert texts(TODAY, window, "window__words") == texts(TOMORROW, window, "window__words") == ["14:38–14:39"]
    assert 'title="2026-11-22 14:38:00Z – 2026-11-22 14:39:00Z"' in TOMORROW.get(window).text
    assert texts(TOMORROW, window, "histogram__axis")[0].count("11-22 14:3") == 2


def test_the_tale_of_somebody_who_never_rests_names_each_day() -> None:
    spans = [
        span(
            1,
            trace=at,
            start_ns=A_TIME_NS + at * HOUR_NS // 3,
            attributes={"user.id": "ada"},
            events=[event("auth.session.created", A_TIME_NS + at * HOUR_NS // 3)],
        )
        for at in range(1, 73)
    ]
    client = create_app(PlainStore.from_lines([line(*spans)]), clock=lambda: A_TIME_NS + 48 * HOUR_NS).test_client()
    assert texts(client, "/users/ada", "tale__heading") == ["2026-11-22", "2026-11-23"]
    assert texts(TOMORROW, "/users/ada", "tale__heading") == []
