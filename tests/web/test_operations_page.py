"""The operations page: figures of operations and statements, sortable, each leading to its traces; and the same as JSON."""

import html
import re

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web import operations_page
from diamond_viewer.web.operations_page import OPERATION_COLUMNS, STATEMENT_COLUMNS
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.writing import line, span


def names(text: str) -> list[str]:
    return re.findall(r'class="tally__link"[^>]* title="([^"]+)"', text)


def test_every_operation_and_statement_has_a_row_with_figures(client: FlaskClient) -> None:
    text = client.get("/operations").text
    assert "29 operations" in text
    assert re.search(r'href="/operations"[^>]* aria-current="page"', text)
    row = text[text.index('title="GET /api/video/[lessonId]"') :]
    row = row[: row.index("</tr>")]
    assert all(
        part in row for part in ("request · diamond-district-web", ">39<", "0 %", "14.4 ms", "57.5 ms", "62.3 ms")
    )
    assert "select pg_sleep(?)" in text
    assert "at most ×10" in text


@pytest.mark.parametrize("by", OPERATION_COLUMNS)
def test_operations_are_sorted_by_what_the_url_says(client: FlaskClient, by: str) -> None:
    text = client.get(f"/operations?by={by}").text
    shown = names(text)[:29]
    tallies = client.get("/api/operations?limit=200").get_json()["operations"]
    key = {"count": "count", "errors": "error_count", "repeated": "repeated_calls"}.get(by, f"{by}_ms")
    figures = {tally["operation"]: tally[key] for tally in tallies}
    assert [figures[name] for name in shown] == sorted(figures.values(), reverse=True)
    assert text.count('aria-sort="descending"') == 2


@pytest.mark.parametrize("db", STATEMENT_COLUMNS)
def test_statements_are_sorted_likewise(client: FlaskClient, db: str) -> None:
    first = names(client.get(f"/operations?db={db}").text)[29]
    tallies = client.get("/api/operations?limit=200").get_json()["statements"]
    key = {"count": "count", "slow": "slow_count", "repeats": "n_plus_one"}.get(db, f"{db}_ms")
    found = next(tally for tally in tallies if tally["statement"] == first.replace("&#34;", '"'))
    assert found[key] == max(tally[key] for tally in tallies)


def test_each_operation_leads_to_its_traces(client: FlaskClient) -> None:
    text = client.get("/operations").text
    hrefs = re.findall(r'class="tally__link" href="([^"]+)"', text)
    tallies = client.get("/api/operations?limit=200").get_json()["operations"]
    for href, tally in zip(hrefs, tallies, strict=False):
        address = href.replace("&amp;", "&").replace("/trace-viewer.html", "/api/traces")
        assert client.get(address).get_json()["total"] >= 1, (href, tally)


def test_each_statement_leads_to_exactly_the_traces_that_ran_it(client: FlaskClient) -> None:
    text = client.get("/operations").text.partition("Database statements")[2]
    hrefs = re.findall(r'class="tally__link" href="([^"]+)"', text)
    tallies = client.get("/api/operations?limit=200").get_json()["statements"]
    assert len(hrefs) == len(tallies) > 20
    for href, tally in zip(hrefs, tallies, strict=True):
        address = html.unescape(href).replace("/trace-viewer.html", "/api/traces")
        assert client.get(address).get_json()["total"] == tally["traces"], tally["statement"]


def test_a_statement_leads_to_the_traces_that_ran_it_slowly(client: FlaskClient) -> None:
    text = client.get("/operations?db=slow").text
    slow = re.search(r'tally__number--slow" data-label="&gt; 100 ms"><a href="([^"]+)"', text)
    assert slow
    answer = client.get(slow[1].replace("&amp;", "&").replace("/trace-viewer.html", "/api/traces")).get_json()
    assert answer["total"] == 6
    assert all("slow-db" in trace["flags"] for trace in answer["traces"])


def test_a_window_compares_with_the_window_before(client_of: MakeClient) -> None:
    def call(number: int, ago_s: int, ms: int, name: str = "GET /a") -> bytes:
        return line(span(1, trace=number, kind=2, name=name, start_ns=NOW_NS - ago_s * 10**9, lasts_ns=ms * 10**6))

    lines = [call(n, 5000, 10) for n in range(1, 7)] + [call(n, 100, 30) for n in range(11, 17)]
    store = PlainStore.from_lines([*lines, call(30, 100, 1, "GET /new")])
    store.report(LIVE)
    text = client_of(store).get("/operations?since=1h").text
    assert "▲ 200 %" in text
    assert re.findall(r'badge--\w+" title="[^"]+">(\w+)<', text) == ["slower", "new"]
    assert "badge--" not in client_of(store).get("/operations").text.split("<main")[1]


def _query(number: int, ago_s: int, ms: int, text: str) -> bytes:
    said = {"db.system": "postgresql", "db.statement": text}
    at_ns = NOW_NS - ago_s * 10**9
    return line(
        span(1, trace=number, kind=2, name="GET /", start_ns=at_ns, lasts_ns=ms * 10**6),
        span(2, 1, trace=number, kind=3, name="q", start_ns=at_ns, lasts_ns=ms * 10**6, attributes=said),
    )


def test_statements_are_compared_with_the_window_before_as_operations_are(client_of: MakeClient) -> None:
    lines = [_query(n, 5000, 10, "SELECT a") for n in range(1, 7)] + [
        _query(n, 100, 30, "SELECT a") for n in range(11, 17)
    ]
    store = PlainStore.from_lines([*lines, _query(30, 100, 1, "SELECT b")])
    store.report(LIVE)
    statements = client_of(store).get("/operations?since=1h").text.partition("Database statements")[2]
    assert "▲ 200 %" in statements
    assert re.findall(r'badge--\w+" title="[^"]+">(\w+)<', statements) == ["slower", "new"]


def test_nothing_is_called_new_when_not_all_of_the_window_before_is_known(
    client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [_query(1, 5000, 10, "SELECT a"), _query(2, 5000, 10, "SELECT c"), _query(3, 100, 1, "SELECT b")]
    store = PlainStore.from_lines(lines)
    store.report(LIVE)
    assert ">new<" in client_of(store).get("/operations?since=1h").text
    monkeypatch.setattr(operations_page, "MAX_ROWS", 1)
    assert ">new<" not in client_of(store).get("/operations?since=1h").text


def test_nothing_is_said_to_be_nothing_and_notices_are_shown(client: FlaskClient) -> None:
    text = client.get("/operations?user=nobody&colour=red").text
    assert "Nothing ran." in text
    assert "Unknown parameter" in text
    assert client.get("/api/operations?colour=red").status_code == 400


def test_the_errors_of_an_operation_lead_to_as_many_traces(client: FlaskClient) -> None:
    text = client.get("/operations?by=errors").text
    failed = {}
    for row in re.findall(r'<tr role="row" class="tally__row".*?</tr>', text, re.DOTALL):
        found = re.search(r'data-label="Failed"[^>]*><a href="([^"]+)".*?tally__note">([\d,]+)<', row, re.DOTALL)
        if found:
            address = html.unescape(found[1]).replace("/trace-viewer.html", "/api/traces")
            failed[names(row)[0]] = int(found[2]), client.get(address).get_json()["total"]
    # seven more saves have an error further down, and their requests answered 401 without failing themselves
    assert failed == {"POST /api/progress": (1, 1), "GET /api/search": (6, 6), "video-transcode process": (1, 1)}
