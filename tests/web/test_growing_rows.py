"""What an open list says of traces that have only just come in: first that they are there, then what is in them."""

import re
from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient

from diamond_viewer.index import examination, examined
from diamond_viewer.index.cut_lines import CutLines
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.sketch import TraceSketch
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import add_lines
from tests.web.conftest import LIVE
from tests.web.test_polling import poll, seen
from tests.writing import event, line, span, trace_id

FAILED = line(
    span(1, trace=1, name="GET /api/me", kind=2, start_ns=NOW_NS, attributes={"http.response.status_code": 401}),
    span(2, 1, trace=1, name="auth.session.check", start_ns=NOW_NS, events=[event("auth.failed", NOW_NS)]),
)
FLOW = re.compile('class="row__flow')


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(1 << 30)
    store.report(LIVE)
    add(store, FAILED)
    return store


@pytest.fixture
def client(store: MemoryStore) -> FlaskClient:
    return create_app(store, clock=lambda: NOW_NS).test_client()


def add(store: MemoryStore, one: bytes) -> None:
    add_lines(store, [one])
    store.commit()


def let_rest(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "REST_NS", 0)
    store.examine()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The traces that were decoded for a diagnosis, one after the other."""
    found: list[str] = []
    whole_traces = examination.whole_traces

    def counting(wanted: list[examination.Suspect], cut_lines: CutLines) -> object:
        found.extend(suspect.trace_id for suspect in wanted)
        return whole_traces(wanted, cut_lines)

    monkeypatch.setattr(examination, "whole_traces", counting)
    return found


def test_an_open_list_says_what_is_in_a_trace_once_it_rests(
    store: MemoryStore, client: FlaskClient, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = poll(client)
    assert "GET /api/me" in first.text
    assert not FLOW.search(first.text)
    assert decoded == []
    assert poll(client, seen=seen(first)).status_code == 204
    let_rest(store, monkeypatch)
    rested = poll(client, seen=seen(first))
    assert FLOW.search(rested.text)
    assert poll(client, seen=seen(rested)).status_code == 204


def test_a_page_that_is_opened_says_it_at_once(client: FlaskClient) -> None:
    assert FLOW.search(client.get("/trace-viewer.html").text)
    assert FLOW.search(poll(client).text)  # and what was said is not taken back


def test_what_was_said_of_a_trace_stays_while_it_grows(store: MemoryStore, client: FlaskClient) -> None:
    client.get("/trace-viewer.html")
    add(store, line(span(3, 1, trace=1, name="late", start_ns=NOW_NS)))
    grown = poll(client).text
    assert "3 spans" in grown
    assert FLOW.search(grown)


def test_a_trace_is_decoded_once_for_its_row_and_for_the_rules(
    store: MemoryStore, client: FlaskClient, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/trace-viewer.html")
    let_rest(store, monkeypatch)
    assert "auth-failed" in str(store.findings(Query(), NOW_NS))
    poll(client)
    assert len(decoded) == 1
    add(store, line(span(3, 1, trace=1, name="late", start_ns=NOW_NS)))
    store.examine()
    poll(client)
    assert len(decoded) == 2  # it has grown: examined anew, and the row uses that


def test_innocents_that_rest_move_the_list_on(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    let_rest(store, monkeypatch)
    add(store, line(span(9, trace=9, name="plain", start_ns=NOW_NS)))
    before = store.version()
    store.examine()
    assert store.version() > before
    now_at_rest = store.version()
    store.examine()
    assert store.version() == now_at_rest


def test_a_service_that_the_row_names_is_not_looked_for_in_the_trace(
    client: FlaskClient, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.get("/trace-viewer.html?service=web").text
    assert 'class="row row' in page
    asked: list[object] = []

    def note(trace_ids: Sequence[str]) -> dict[str, TraceSketch]:
        asked.extend(trace_ids)
        return {}

    monkeypatch.setattr(store, "sketches", note)
    client.get("/trace-viewer.html?service=web")
    assert asked == []
    client.get("/trace-viewer.html?operation=auth.session.check")
    assert asked == [trace_id(1)]
