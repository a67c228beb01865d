"""A store that is elsewhere and cannot answer: every page says why, programs get a sentence, and nothing has to be reloaded."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.store import StoreError, reader_has_left
from diamond_viewer.telemetry.model import FeedState, Problem, SourceState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.plain_store import PlainStore

SENTENCE = "clickhouse://a.test:8123/otel cannot be reached, nothing listens there: check the port in --store."
POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#status"}
PAGES = (
    "/trace-viewer.html",
    "/errors",
    "/journeys",
    "/operations",
    "/video",
    "/map",
    "/users/u",
    "/lessons/l",
    "/logs",
)


class Unreachable:
    """Knows what it last saw of the cluster, and nothing else."""

    def feed(self) -> FeedState:
        source = SourceState("clickhouse://a.test:8123/otel.otel_traces", "failed", problems=(Problem("x", SENTENCE),))
        return FeedState(ready=True, sources=(source,), notice=SENTENCE)

    def __getattr__(self, question: str) -> Any:
        def ask(*arguments: object, **more: object) -> None:
            raise StoreError(SENTENCE)

        return ask


class ComesAndGoes:
    """A store that cannot be asked now and then, and has not changed when it can."""

    def __init__(self, store: PlainStore) -> None:
        self.is_there = True
        self._stores = {True: store, False: Unreachable()}

    def __getattr__(self, question: str) -> Any:
        return getattr(self._stores[self.is_there], question)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Unreachable(), clock=lambda: NOW_NS).test_client()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_why_and_shows_itself_later(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 503
    assert SENTENCE in response.text
    assert response.headers["Refresh"] == "5"


@pytest.mark.parametrize(
    "path", ["/api/traces", "/api/stats", "/api/findings", f"/api/traces/{'a' * 32}", "/api/errors"]
)
def test_a_program_gets_the_sentence(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json) == (503, {"error": SENTENCE})
    assert "Refresh" not in response.headers


@pytest.mark.parametrize("path", [*PAGES, f"/traces/{'a' * 32}", "/traces/abcdef12", "/connect", "/search-help"])
def test_what_is_shown_stays_and_the_next_poll_says_what_is_wrong_once(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=POLL)
    assert response.status_code == 200  # or the browser would say that it has lost the viewer
    assert "The cluster cannot answer" in response.text
    places = re.findall('hx-target="(.*?)"', response.text.replace('hx-target="this"', ""))
    has_banner = path not in ("/connect", "/search-help", "/import")
    assert places == (["#status", "#banner"] if has_banner else ["#status"])
    assert (SENTENCE in response.text) is has_banner
    seen = response.headers["Diamond-Seen"]
    again = client.get(path, headers=POLL, query_string={"seen": seen})
    assert (again.status_code, again.text) == (204, "")


@pytest.mark.parametrize(
    "path", ["/trace-viewer.html", "/errors", "/operations", "/journeys", "/video", "/map", "/logs"]
)
def test_a_page_whose_store_comes_back_as_it_was_says_nothing_any_more(real_store: PlainStore, path: str) -> None:
    comes_and_goes = ComesAndGoes(real_store)
    client = create_app(comes_and_goes, clock=lambda: NOW_NS).test_client()

    def polled(seen: str) -> tuple[str, str]:
        response = client.get(path, headers=POLL, query_string={"seen": seen})
        return response.text, response.headers.get("Diamond-Seen", seen)

    _, seen = polled("")
    assert polled(seen) == ("", seen)
    comes_and_goes.is_there = False
    text, seen_then = polled(seen)
    assert SENTENCE in text
    comes_and_goes.is_there = True
    text, seen_now = polled(seen_then)
    assert '<div id="banner">' in text
    assert SENTENCE not in text
    assert polled(seen_now)[0] == ""


def test_who_clicked_is_shown_the_page_that_says_why(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page"}
    response = client.get("/trace-viewer.html?user=u", headers=headers)
    assert (response.status_code, response.headers["HX-Refresh"]) == (503, "true")


def test_the_viewer_itself_is_alive(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200


def test_a_question_can_find_out_that_its_reader_has_left() -> None:
    class Asking(Unreachable):
        def stats(self, *arguments: object) -> Any:
            raise StoreError("left" if reader_has_left.get()() else "there")

    client = create_app(Asking(), clock=lambda: NOW_NS).test_client()
    gone = client.get("/api/stats", environ_overrides={"waitress.client_disconnected": lambda: True})
    assert (gone.json, client.get("/api/stats").json) == ({"error": "left"}, {"error": "there"})
