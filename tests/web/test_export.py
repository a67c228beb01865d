"""The whole result as a file."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.query import MAX_LIMIT, Query
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import MakeClient
from tests.web.html_outline import Outline
from tests.writing import line, span


def spans_of(document: Any) -> set[tuple[str, str]]:
    scopes = [scope for resource in document["resourceSpans"] for scope in resource["scopeSpans"]]
    return {(span["traceId"], span["spanId"]) for scope in scopes for span in scope["spans"]}


@pytest.mark.parametrize("filters", ["", "status=error", "q=http.status>=400", "user=nobody"])
def test_every_format_holds_the_same_traces_as_the_list(client: FlaskClient, filters: str) -> None:
    rows = client.get(f"/api/traces?limit=1000&{filters}").get_json()["traces"]
    lines = client.get(f"/api/export?format=ndjson&{filters}").text.splitlines()
    assert [json.loads(one) for one in lines] == rows
    table = list(csv.DictReader(StringIO(client.get(f"/api/export?format=csv&{filters}").text)))
    assert [one["trace_id"] for one in table] == [row["trace_id"] for row in rows]
    document = client.get(f"/api/export?format=otlp&{filters}").get_json()
    whole = [spans_of(client.get(f"/api/traces/{row['trace_id']}").get_json()) for row in rows]
    assert spans_of(document) == set().union(*whole)


def test_an_export_is_longer_than_a_page_and_is_sent_while_it_is_made(client_of: MakeClient) -> None:
    count = MAX_LIMIT * 2 + 5
    client = client_of(
        PlainStore.from_lines(
            [line(*(span(n, trace=n, start_ns=10**18 + n, lasts_ns=n % 7) for n in range(1, count + 1)))]
        )
    )
    response = client.get("/api/export?format=ndjson", headers={"Accept-Encoding": "gzip"})
    assert response.is_streamed
    assert "attachment" in response.headers["Content-Disposition"]
    assert len({json.loads(one)["trace_id"] for one in response.text.splitlines()}) == count
    longest_first = client.get("/api/export?format=ndjson&sort=duration").text.splitlines()
    assert len({json.loads(one)["trace_id"] for one in longest_first}) == count
    assert len(client.get("/api/export?format=ndjson&limit=7").text.splitlines()) == 7


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_starts_a_formula_is_text(client_of: MakeClient, start: str) -> None:
    formula = f'{start}HYPERLINK("x"),\n1'
    wire = span(name=formula, attributes={"user.id": formula, "lesson.id": formula})
    text = client_of(PlainStore.from_lines([line(wire, service=formula)])).get("/api/export?format=csv").text
    [row] = csv.DictReader(StringIO(text, newline=""))
    cells = {row[name] for name in ("name", "service", "services", "user_ids", "lesson_ids")}
    assert {cell[:1] for cell in cells} == {"'"}


def test_no_secret_leaves_with_an_export() -> None:
    wire = span(
        attributes={"http.request.header.authorization": "Bearer abcdefghijklmnop", "password": "hunter2hunter2"}
    )
    client = create_app(filled([[line(wire)]]), clock=lambda: NOW_NS).test_client()
    text = client.get("/api/export?format=otlp").text
    assert "abcdefghijklmnop" not in text
    assert "hunter2hunter2" not in text


@pytest.mark.parametrize("wrong", ["", "format=xml", "format=csv&page=2", "format=csv&foo=1", "format=csv&limit=0"])
def test_what_cannot_be_exported_is_refused_with_a_sentence(client: FlaskClient, wrong: str) -> None:
    response = client.get(f"/api/export?{wrong}")
    assert (response.status_code, list(response.get_json())) == (400, ["error"])


def test_the_list_leads_to_its_exports_with_its_filters(client: FlaskClient) -> None:
    page = Outline(client.get("/trace-viewer.html?user=usr_0007&limit=5").get_data(as_text=True))
    [place] = page.find(class_="list__export")
    hrefs = [link.attributes["href"] for link in place.all() if link.tag == "a"]
    assert hrefs == [f"/api/export?user=usr_0007&format={name}" for name in ("csv", "ndjson", "otlp")]


def test_an_export_is_whole_although_a_search_stops_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("diamond_viewer.index.held.SEARCH_NS", 0)
    lines = [line(span(number, trace=number, attributes={"rare": "yes"})) for number in range(1, 91)]
    store = filled([[one] for one in lines])
    assert not store.search(Query((("q", "rare:yes"),)), 0).is_complete
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    text = client.get("/api/export?format=ndjson&q=rare:yes").get_data(as_text=True)
    assert len(text.splitlines()) == 90
