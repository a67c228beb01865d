"""A journey that is open: what comes in of it is shown, what comes in of others costs no new page, and a pause holds it."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Stats
from diamond_viewer.web.journey_poll import Pace
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline
from tests.web.test_polling import POLL, seen
from tests.writing import line, span

BODY = 'hx-target="#journey"'
PAGES = ["/users/usr_1", "/lessons/lesson-1", "/users/usr_1?since=1h", "/journeys", "/journeys?find=usr_1"]


def visit(number: int, who: str = "1", status: int = 0) -> bytes:
    attributes = {"user.id": f"usr_{who}", "lesson.id": f"lesson-{who}"}
    wire = span(1, trace=number, name="GET /a", start_ns=NOW_NS - 10**9 * (100 - number), attributes=attributes)
    return line(wire | {"status": {"code": status}})


@pytest.fixture
def store() -> PlainStore:
    store = PlainStore.from_lines([visit(1), visit(2, "2")])
    store.report(LIVE)
    return store


def poll(client: FlaskClient, url: str, **args: str) -> TestResponse:
    path, _, query = url.partition("?")
    return client.get(path, query_string=[*parse_qsl(query), *args.items()], headers=POLL)


def held(client: FlaskClient, url: str) -> str:
    return Outline(client.get(url).text).one(id="journey").attributes["data-held"]


@pytest.mark.parametrize("url", PAGES)
def test_what_comes_in_is_shown_by_the_next_poll(store: PlainStore, client_of: MakeClient, url: str) -> None:
    client = client_of(store)
    before = held(client, url)
    first = poll(client, url, held=before)
    assert BODY not in first.text
    assert 'hx-target="#status"' in first.text
    store.add_lines([visit(3, status=2)])
    moved = poll(client, url, held=before, seen=seen(first))
    assert BODY in moved.text
    assert "badge--error" in moved.text or "figure--error" in moved.text
    after = Outline(moved.text.replace("hx-partial", "div")).one(id="journey")
    assert after.attributes["data-held"] != before
    assert after.words() == Outline(client.get(url).text).one(id="journey").words()
    assert BODY not in poll(client, url, held=after.attributes["data-held"], seen=seen(moved)).text


@pytest.mark.parametrize("url", PAGES[:3])
def test_what_comes_in_of_others_makes_no_new_page(store: PlainStore, client_of: MakeClient, url: str) -> None:
    client = client_of(store)
    before = held(client, url)
    first = poll(client, url, held=before)
    store.add_lines([visit(3, "2")])
    assert poll(client, url, held=before, seen=seen(first)).status_code == 204


def test_of_two_readers_each_gets_what_is_missing_on_his_page(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    old = held(client, PAGES[0])
    store.add_lines([visit(3)])
    new = held(client, PAGES[0])
    assert BODY not in poll(client, PAGES[0], held=new).text
    assert BODY in poll(client, PAGES[0], held=old).text
    assert BODY not in poll(client, PAGES[0], held=new).text


def test_a_trace_that_grows_is_news_of_its_user(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    before = held(client, PAGES[0])
    store.add_lines([line(span(2, 1, trace=1, name="late", start_ns=NOW_NS - 10**9 * 99))])
    assert BODY in poll(client, PAGES[0], held=before).text


def test_who_was_unknown_appears_with_the_first_trace(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    before = held(client, "/users/usr_9")
    assert "No trace names this user" in client.get("/users/usr_9").text
    store.add_lines([visit(3, "9")])
    assert "every trace of this user" in poll(client, "/users/usr_9", held=before).text


def test_of_a_window_that_moves_a_trace_goes_when_its_time_has_come(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    inside, outside = held(client, "/users/usr_1?since=2m"), held(client, "/users/usr_1?since=90s")
    assert inside != outside
    assert BODY in poll(client, "/users/usr_1?since=90s", held=inside).text


def test_a_page_that_costs_much_comes_less_often() -> None:
    now_s = 100.0

    def make() -> str:
        nonlocal now_s
        now_s += 0.25
        return "page"

    pace = Pace(lambda: now_s)
    assert pace.is_due("a")
    assert pace.make("a", make) == "page"
    assert not pace.is_due("a")
    assert pace.is_due("b")
    now_s += 4.99  # twenty times what it took
    assert not pace.is_due("a")
    now_s += 0.02
    assert pace.is_due("a")


def test_what_is_not_due_yet_is_asked_for_again(
    store: PlainStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(store)
    url, before = PAGES[0], held(client, PAGES[0])
    due = [True, False, True]
    monkeypatch.setattr(Pace, "is_due", lambda self, asked: due.pop(0))
    for number in (3, 4):
        store.add_lines([visit(number)])
        answer = poll(client, url, held=before)
        assert (BODY in answer.text) is (number == 3)
    assert seen(answer).startswith(".")  # nothing is seen that would be nothing new
    assert BODY in poll(client, url, held=before, seen=seen(answer)).text
    assert due == []


def test_of_a_store_that_is_elsewhere_not_even_the_count_is_asked_at_each_poll(
    store: PlainStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(store)
    url, before = PAGES[0], held(client, PAGES[0])
    health, stats, asked = store.health, store.stats, []

    def counting(query: Query, now_ns: int) -> Stats:
        asked.append(query)
        return stats(query, now_ns)

    monkeypatch.setattr(store, "health", lambda: replace(health(), differences=("It keeps no flags.",)))
    monkeypatch.setattr(store, "stats", counting)
    due = [True, False]
    monkeypatch.setattr(Pace, "is_due", lambda self, asked: not asked.startswith("count of ") or due.pop(0))
    for number, count in ((3, 1), (4, 0)):
        asked.clear()
        store.add_lines([visit(number)])
        answer = poll(client, url, held=before)
        assert bool(asked) is bool(count)
        assert (BODY in answer.text) is bool(count)
    assert seen(answer).startswith(".")  # so it is asked for again
    assert due == []


@pytest.mark.parametrize("url", PAGES)
def test_a_pause_holds_it_and_says_so(store: PlainStore, client_of: MakeClient, url: str) -> None:
    client = client_of(store)
    before = held(client, url)
    store.add_lines([visit(3)])
    paused = poll(client, url, held=before, paused=str(NOW_NS // 10**9))
    assert "Paused at" in paused.text
    assert BODY not in paused.text


def test_an_id_that_is_too_long_to_be_asked_for_is_still_a_page(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    assert client.get(f"/users/{'x' * 600}").status_code == 200
    assert poll(client, f"/users/{'x' * 600}").status_code == 200
