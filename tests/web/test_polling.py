"""What a poll is answered: 204, only the status, or the regions of the page that changed."""

import re
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from diamond_viewer.web import standstill
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.writing import line, span, trace_id

POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#status"}
LIST, STRIP, STATUS, OPENED = (f'<hx-partial hx-target="#{name}"' for name in ("list", "strip", "status", "opened"))


@pytest.fixture
def store() -> PlainStore:
    store = PlainStore.from_lines([trace(number) for number in range(1, 6)])
    store.report(LIVE)
    return store


def trace(number: int, name: str = "work") -> bytes:
    user = f"usr_{number % 2}"
    start_ns = NOW_NS - 10**9 * (100 - number)
    return line(span(number, trace=number, start_ns=start_ns, attributes={"user.id": user}, name=name))


def poll(client: FlaskClient, url: str = "/trace-viewer.html", **args: str) -> TestResponse:
    return client.get(url, query_string=args, headers=POLL)


def seen(response: TestResponse) -> str:
    return response.headers["Diamond-Seen"]


def test_the_first_poll_brings_everything_and_the_next_nothing(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    first = poll(client)
    assert all(part in first.text for part in (STATUS, STRIP, LIST))
    second = poll(client, seen=seen(first))
    assert (second.status_code, second.data) == (204, b"")


def test_a_new_trace_is_brought_to_who_can_see_it_only(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    all_seen, odd_seen = seen(poll(client)), seen(poll(client, user="usr_1"))
    store.add_lines([trace(6)])
    assert f"t-{trace_id(6)}" in poll(client, seen=all_seen).text
    other = poll(client, user="usr_1", seen=odd_seen)
    assert other.status_code == 204
    assert seen(other) != odd_seen  # so that the next one need not look again
    assert poll(client, user="usr_1", seen=seen(other)).status_code == 204


@pytest.mark.parametrize("path", ["/trace-viewer.html", "/operations", f"/traces/{trace_id(1)}"])
def test_what_was_seen_in_another_viewer_counts_as_far_as_it_is_the_same(
    store: PlainStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """After a restart, or behind a proxy that leads to several."""
    before = poll(client_of(store), path)
    monkeypatch.setattr(standstill, "VIEWER", "another")
    other = PlainStore.from_lines(
        [trace(number, name="other") for number in range(1, 6)]
    )  # so many lines: the same version
    other.report(LIVE)
    assert other.version() == store.version()
    after = poll(client_of(other), path, seen=seen(before))
    monkeypatch.undo()
    stale = poll(client_of(other), path, seen=seen(before))
    assert (after.status_code, stale.status_code) == (200, 204)


def test_an_answer_to_another_question_does_not_count_as_seen(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    assert poll(client, user="usr_1", seen=seen(poll(client))).status_code == 200


def test_above_an_anchor_new_traces_are_counted_and_no_row_moves(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    anchor = f"{NOW_NS - 10**9 * 95}-{trace_id(5)}"
    before = poll(client, anchor=anchor)
    store.add_lines([trace(6), trace(7)])
    after = poll(client, anchor=anchor, seen=seen(before))
    assert ">2 new traces</a>" in after.text
    assert f"t-{trace_id(6)}" not in after.text
    assert f"t-{trace_id(5)}" in after.text


def test_while_paused_only_the_status_moves_and_counts(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    paused = {"anchor": f"{NOW_NS - 10**9 * 95}-{trace_id(5)}", "paused": str(NOW_NS // 10**9 - 60)}
    first = poll(client, **paused)
    assert "Paused at" in first.text
    assert ", 0 new<" in first.text
    assert LIST not in first.text
    assert STRIP not in first.text
    store.add_lines([trace(6), trace(7)])
    assert ", 2 new<" in poll(client, **paused, seen=seen(first)).text


@pytest.mark.parametrize(
    "url",
    [
        *(
            "/errors",
            "/operations",
            "/logs",
            "/video",
            "/map",
            "/health",
            "/journeys",
            "/users/usr_1",
            "/lessons/lesson-1",
        ),
        *(f"/traces/{trace_id(1)}", f"/traces/{trace_id(99)}", "/differences", "/connect", "/search-help"),
    ],
)
def test_a_pause_is_said_on_every_page_and_nothing_else_moves(
    store: PlainStore, client_of: MakeClient, url: str
) -> None:
    client = client_of(store)
    assert 'data-act="pause"' in client.get(url).text
    store.add_lines([trace(6)])
    paused = poll(client, url, paused=str(NOW_NS // 10**9 - 60))
    assert '<span class="pill__state">Paused at' in paused.text
    assert set(re.findall(r'hx-target="#([^"]+)"', paused.text)) <= {"status", "banner"}


def test_the_opened_trace_is_brought_again_only_when_it_has_grown(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    page = client.get(f"/trace-viewer.html?trace={trace_id(5)}").text
    held = page.split('data-held="')[1].split('"')[0]
    first = poll(client, trace=trace_id(5), held=held)
    assert OPENED not in first.text
    store.add_lines([line(span(99, parent=5, trace=5, start_ns=NOW_NS - 10**9 * 95, name="late child"))])
    grown = poll(client, trace=trace_id(5), held=held, seen=seen(first))
    assert OPENED in grown.text
    assert "late child" in grown.text


@pytest.mark.parametrize("url", [f"/traces/{trace_id(5)}", "/health"])
def test_other_pages_are_polled_at_their_own_address(store: PlainStore, client_of: MakeClient, url: str) -> None:
    client = client_of(store)
    first = poll(client, url)
    assert STATUS in first.text
    assert poll(client, url, seen=seen(first)).status_code == 204
    store.add_lines([line(span(99, parent=5, trace=5, start_ns=NOW_NS - 10**9 * 95, name="late child"))])
    assert poll(client, url, seen=seen(first)).status_code == 200


def test_a_relative_window_moves_even_when_nothing_comes_in(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    first = poll(client, since="2m")
    again = poll(client, since="2m", seen=seen(first))
    assert again.status_code == 204  # the clock of this test stands still, so the answer is the same
    assert poll(client, since="97s", seen=seen(first)).text.count('class="row ') < 5


@pytest.mark.parametrize(
    "args", [{"seen": "nonsense"}, {"paused": "-1"}, {"paused": "9" * 30}, {"anchor": "x"}, {"held": "<"}]
)
def test_a_poll_that_makes_no_sense_is_answered_in_full(
    store: PlainStore, client_of: MakeClient, args: Mapping[str, str]
) -> None:
    assert LIST in poll(client_of(store), **args).text


@pytest.mark.parametrize(
    ("headers", "is_whole"),
    [
        pytest.param({}, True, id="a browser"),
        pytest.param(POLL | {"HX-Target": "main#page"}, False, id="a filter"),
        pytest.param(POLL | {"HX-Target": "aside#opened"}, False, id="a row"),
        pytest.param(POLL | {"HX-Request-Type": "full"}, True, id="a reload by htmx"),
        pytest.param({"HX-History-Restore-Request": "true", "HX-Request-Type": "full"}, True, id="back and forward"),
    ],
)
def test_one_url_answers_a_page_or_a_fragment(
    store: PlainStore, client_of: MakeClient, headers: Mapping[str, str], is_whole: bool
) -> None:
    response = client_of(store).get(f"/trace-viewer.html?trace={trace_id(3)}", headers=headers)
    assert ("<!doctype html>" in response.text) == is_whole
    assert {"HX-Request", "HX-Target"} <= set(response.vary)


@pytest.mark.parametrize(
    ("target", "args", "title"),
    [
        ("main#page", "", "All traces"),
        ("main#page", "?user=usr_1", "Traces where user is usr_1"),
        ("aside#opened", "?user=usr_1", "Traces where user is usr_1"),
        ("aside#opened", f"?user=usr_1&trace={trace_id(3)}", "work"),
    ],
)
def test_a_fragment_says_what_the_tab_is_called_as_the_page_does(
    store: PlainStore, client_of: MakeClient, target: str, args: str, title: str
) -> None:
    client, url = client_of(store), f"/trace-viewer.html{args}"
    whole, fragment = client.get(url).text, client.get(url, headers=POLL | {"HX-Target": target}).text
    assert f"<title>{title} · Diamond Viewer</title>" in whole
    assert f"<title>{title} · Diamond Viewer</title>" in fragment


def test_the_form_puts_a_tidy_url_into_the_history(store: PlainStore, client_of: MakeClient) -> None:
    headers = POLL | {"HX-Target": "main#page", "HX-Source": "form#filters"}
    response = client_of(store).get("/trace-viewer.html?user=usr_1&lesson=&limit=50", headers=headers)
    assert response.headers["HX-Replace-Url"] == "/trace-viewer.html?user=usr_1"
