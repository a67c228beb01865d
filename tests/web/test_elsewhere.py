"""A page on which nothing matches names what may have been meant, and when there was something."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.query.resembling import MAX_ASKED
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.model import Page
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, TRACES
from tests.web.html_outline import Outline
from tests.writing import line, span

NEWEST = "2026-11-22 14:38:29 UTC"


@cache
def viewer() -> FlaskClient:
    store = PlainStore.from_files([TRACES, TRACES.with_name("logs.json"), TRACES.with_name("metrics.json")])
    store.report(LIVE)
    return create_app(store, clock=lambda: NOW_NS).test_client()


def empty_state(url: str) -> tuple[str, dict[str, str]]:
    """The words of the first page part that says that there is nothing, and its links by their words."""
    page = Outline(viewer().get(url).get_data(as_text=True))
    empty = next(one for one in page.root.all() if "empty" in one.attributes.get("class", "").split())
    links = {one.words(): one.attributes["href"] for one in empty.all() if "href" in one.attributes}
    return empty.words(), links


@pytest.mark.parametrize(
    ("url", "said", "link", "leads_to"),
    [
        (
            "/trace-viewer.html?lesson=11&limit=20",
            "the lesson 11. Did you mean",
            "lesson-011",
            "?lesson=lesson-011&limit=20",
        ),
        ("/trace-viewer.html?user=USR-7", "the user USR-7. Did you mean", "usr_0007", "?user=usr_0007"),
        ("/errors?lesson=lesson11", "Did you mean", "lesson-011", "/errors?lesson=lesson-011"),
        ("/operations?user=usr7", "Did you mean", "usr_0007", "/operations?user=usr_0007"),
        ("/map?lesson=11", "Did you mean", "lesson-011", "/map?lesson=lesson-011"),
        ("/logs?user=7", "Did you mean", "usr_0007", "/logs?user=usr_0007"),
        ("/users/usr7", "Did you mean", "usr_0007", "/users/usr_0007"),
        ("/lessons/lesson%2011", "Did you mean", "lesson-011", "/lessons/lesson-011"),
        (
            "/trace-viewer.html?service=diamond-district-wbe&since=1h",
            "No trace has the service diamond-district-wbe. Did you mean",
            "diamond-district-web",
            "?service=diamond-district-web&since=1h",
        ),
        ("/trace-viewer.html?event=auth.fail", "No event is called auth.fail.", "auth.failed", "?event=auth.failed"),
        ("/errors?operation=api.video.acess", "No span is called", "api.video.access", "?operation=api.video.access"),
        (
            "/map?service=Worker",
            "No trace has the service",
            "diamond-district-worker",
            "?service=diamond-district-worker",
        ),
        (
            "/trace-viewer.html?q=status:error+lesson:11&limit=20",
            "No trace names the lesson 11. Did you mean",
            "lesson-011",
            "?q=status%3Aerror+lesson%3Alesson-011&limit=20",
        ),
        ("/operations?q=user=usr7", "the user usr7. Did you mean", "usr_0007", "?q=user%3Dusr_0007"),
        (
            "/trace-viewer.html?q=name:%22api.vidoe.access%22",
            "No span is called",
            "api.video.access",
            "api.video.access",
        ),
        ("/logs?service=diamond-district-wrker", "No record is of", "diamond-district-worker", "district-worker"),
        ("/journeys?find=usr7", "No user is called usr7. Did you mean", "usr_0007", "/users/usr_0007"),
    ],
)
def test_a_user_or_lesson_that_nobody_names_leads_to_the_one_that_was_meant(
    url: str, said: str, link: str, leads_to: str
) -> None:
    words, links = empty_state(url)
    assert said in words
    assert links[link].endswith(leads_to)
    found = viewer().get(links[link]).get_data(as_text=True)
    assert "Did you mean" not in found


@pytest.mark.parametrize("url", ["/trace-viewer.html?lesson=xyzzy", "/users/nobody", "/journeys?find=xyzzy"])
def test_what_is_like_nothing_suggests_nothing(url: str) -> None:
    assert "Did you mean" not in empty_state(url)[0]


@pytest.mark.parametrize("path", ["/trace-viewer.html", "/errors", "/operations", "/map"])
def test_what_is_like_nothing_is_said_to_be_in_no_trace(path: str) -> None:
    words, links = empty_state(f"{path}?lesson=lesson-77&since=1h")
    assert "No trace names the lesson lesson-77." in words
    assert links["All users and lessons"] == "/journeys"
    assert "No trace names" not in empty_state(f"{path}?lesson=lesson-011&since=1h")[0]


@pytest.mark.parametrize(
    ("url", "said", "leads_to"),
    [
        (
            "/trace-viewer.html?service=xyzzy&limit=20",
            "No trace has the service xyzzy.",
            "?service=diamond-district-web&limit=20",
        ),
        (
            "/trace-viewer.html?q=service:xyzzy+status:ok",
            "No trace has the service xyzzy.",
            "?q=service%3Adiamond-district-web+status%3Aok",
        ),
        ("/errors?event=xyzzy", "No event is called xyzzy.", "/errors?event="),
        ("/operations?operation=xyzzy", "No span is called xyzzy.", "/operations?operation="),
        ("/logs?service=xyzzy", "No record is of the service xyzzy.", "/logs?service=diamond-district-web"),
    ],
)
def test_what_is_like_nothing_leads_to_what_is_most_frequent(url: str, said: str, leads_to: str) -> None:
    words, links = empty_state(url)
    assert said in words
    assert "Did you mean" not in words
    assert any(leads_to in href for href in links.values())


@pytest.mark.parametrize(
    "search", ["lesson:11+OR+user:usr7", "-lesson:11+nowhere", "lesson:11*", "NOT+user:usr7+nowhere", "%22lesson%22:11"]
)
def test_what_a_search_does_not_demand_is_not_corrected(search: str) -> None:
    assert "Did you mean" not in viewer().get(f"/trace-viewer.html?q={search}").text


def test_what_is_asked_for_twice_is_said_once() -> None:
    assert viewer().get("/trace-viewer.html?lesson=11&q=lesson:11").text.count("Did you mean") == 1


def test_one_that_is_held_is_not_corrected() -> None:
    assert "Did you mean" not in empty_state("/trace-viewer.html?lesson=lesson-011&q=nowhere")[0]


MANY = [f"usr_7_{number}" for number in range(MAX_ASKED + 100)]
SEVENS = [
    line(*(span(at + 1, trace=1, attributes={"user.id": user}) for at, user in enumerate(MANY))),
    line(*(span(at + 1, trace=2, attributes={"user.id": user}) for at, user in enumerate(MANY))),
    line(span(1, trace=3, attributes={"user.id": "7"})),
]


@pytest.mark.parametrize("held", [PlainStore.from_lines, lambda lines: filled([lines])], ids=["plain", "index"])
def test_one_that_is_held_is_not_corrected_when_very_many_others_are_like_it(
    held: Callable[[list[bytes]], TraceStore],
) -> None:
    client = create_app(held(SEVENS), clock=lambda: NOW_NS).test_client()
    assert "No trace names" not in client.get("/trace-viewer.html?user=7&q=nowhere").text
    assert "No trace names the user usr7. Did you mean" in client.get("/trace-viewer.html?user=usr7").text
    assert "Nothing of this user in this window" in client.get("/users/7?until=2020-01-01T00:00:00Z").text


class LooksBack(PlainStore):
    def search(self, query: Query, now_ns: int) -> Page:
        return replace(super().search(query, now_ns), scanned_to_ns=NOW_NS)


def test_a_store_that_looks_back_only_so_far_does_not_say_that_no_trace_names_a_value() -> None:
    client = create_app(LooksBack.from_lines(SEVENS), clock=lambda: NOW_NS).test_client()
    said = client.get("/operations?user=usr7").text
    assert "No trace that was looked at names the user usr7. Did you mean" in said
    assert "Nothing of this user in this window" in client.get("/users/usr7?until=2020-01-01T00:00:00Z").text


def test_operations_say_it_once() -> None:
    page = viewer().get("/operations?user=usr7").text
    assert (page.count("Did you mean"), page.count("Clear the filters")) == (1, 1)
    assert page.count("No database statement was seen.") == 1


class Counting(PlainStore):
    asked = 0

    def search(self, query: Query, now_ns: int) -> Page:
        self.asked += not query.value("since")
        return super().search(query, now_ns)

    def logs(self, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        self.asked += not query.since
        return super().logs(query, now_ns, buckets)


@pytest.mark.parametrize("path", ["/trace-viewer.html", "/errors", "/operations", "/map", "/journeys", "/logs"])
def test_a_page_that_stays_empty_asks_for_the_newest_once_a_minute(path: str) -> None:
    now_ns = NOW_NS
    store = Counting.from_lines(
        [*TRACES.read_bytes().splitlines(), *TRACES.with_name("logs.json").read_bytes().splitlines()]
    )
    client = create_app(store, clock=lambda: now_ns).test_client()
    said = client.get(f"{path}?since=15m").text
    assert "The newest" in said
    assert store.asked == 1
    client.get(f"{path}?since=15m")
    now_ns += 600 * 10**9
    client.get(f"{path}?since=15m")
    assert store.asked == 1  # nothing has come in
    for later_s, asked in ((1, 2), (30, 2), (70, 3)):
        now_ns += later_s * 10**9
        store.add_lines([line(span(1, trace=later_s, start_ns=1))])
        client.get(f"{path}?since=15m")
        assert store.asked == asked


@pytest.mark.parametrize(
    ("url", "what", "leads_to"),
    [
        ("/trace-viewer.html?since=15m", f"The newest trace that matches began {NEWEST}.", "/trace-viewer.html"),
        ("/trace-viewer.html?until=2026-11-01T00:00:00Z&limit=20", f"began {NEWEST}.", "/trace-viewer.html?limit=20"),
        ("/errors?since=15m", f"The newest trace with an error began {NEWEST}.", "/errors"),
        ("/operations?since=1h", f"The newest trace that matches began {NEWEST}.", "/operations"),
        ("/map?since=1h", f"The newest trace that matches began {NEWEST}.", "/map"),
        ("/journeys?since=1h", f"The newest trace that is held began {NEWEST}.", "/journeys"),
        ("/users/usr_0007?since=1h", "The newest trace of this user began 2026-11-22 14:38:2", "/users/usr_0007"),
        ("/lessons/lesson-012?since=1h", "The newest trace of this lesson began 2026-11-22", "/lessons/lesson-012"),
        ("/logs?since=1h", "The newest record that matches is of 2026-11-22 14:38:2", "/logs"),
    ],
)
def test_a_window_without_a_match_names_the_newest_and_leads_to_it(url: str, what: str, leads_to: str) -> None:
    words, links = empty_state(url)
    assert what in words
    assert links["Show all time"] == leads_to
    assert "Show all time" not in viewer().get(leads_to).get_data(as_text=True)


def test_the_filters_stay_and_count() -> None:
    words, links = empty_state("/trace-viewer.html?since=15m&user=usr_0007&status=error")
    assert "The newest trace that matches began 2026-11-22 14:38:2" in words
    assert links["Show all time"] == "/trace-viewer.html?user=usr_0007&status=error"


def test_where_there_never_was_a_match_no_time_is_named() -> None:
    assert "The newest trace" not in empty_state("/trace-viewer.html?since=15m&q=xyzzy")[0]
    assert "The newest trace" not in empty_state("/trace-viewer.html?q=xyzzy")[0]


def test_charts_of_metrics_name_when_the_newest_was() -> None:
    said = viewer().get("/video?since=1h").get_data(as_text=True)
    assert "Nothing was measured in this window; the newest is of 2026-11-22 14:38:" in said


def test_a_list_that_has_a_match_asks_for_nothing_else() -> None:
    assert "Show all time" not in viewer().get("/trace-viewer.html?since=2026-11-22").get_data(as_text=True)


def test_words_that_are_in_nothing_lead_to_how_to_search() -> None:
    words, links = empty_state("/trace-viewer.html?q=logged+out+xyzzy")
    assert "what the programs wrote" in words
    assert links["How to search"] == "/search-help"
    assert "How to search" not in empty_state("/trace-viewer.html?lesson=xyzzy")[1]
