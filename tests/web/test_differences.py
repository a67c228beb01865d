"""What differs for whatever is filtered, against good traces of the same operations that are not in it; and as JSON."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.query import Query
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.test_polling import poll, seen
from tests.writing import line, span

SECOND_NS = 10**9


def call(number: int, name: str = "GET /a", ms: int = 5, ago_s: int = 100, status: int = 0, **said: str) -> bytes:
    """Attributes may be said with __ for a dot."""
    attributes = {key.replace("__", "."): value for key, value in said.items()}
    at_ns = NOW_NS - ago_s * SECOND_NS
    return line(
        span(
            1,
            trace=number,
            kind=2,
            name=name,
            start_ns=at_ns,
            lasts_ns=ms * 10**6,
            attributes=attributes or None,
            status_code=status,
        )
    )


def client_with(client_of: MakeClient, *lines: bytes) -> FlaskClient:
    store = PlainStore.from_lines(lines)
    store.report(LIVE)
    return client_of(store)


def ask(client: FlaskClient, **params: str) -> Any:
    response = client.get("/api/differences", query_string=params)
    assert response.status_code == 200, response.text
    return response.get_json()


SLOW = [call(n, ms=2000, region="eu" if n < 9 else "us") for n in range(1, 11)]
QUICK = [call(n, region="us" if n < 47 else "eu") for n in range(20, 50)]


def test_slow_traces_are_compared_with_quick_ones_of_the_same_operation(client_of: MakeClient) -> None:
    others = [call(n, name="GET /b", region="ap") for n in range(60, 80)]
    client = client_with(client_of, *SLOW, *QUICK, *others)
    text = client.get("/differences?min_ms=1000").text
    assert "Traces where it lasts at least 1000 ms" in text
    assert "10 selected traces compared with 30 good ones of the same operation." in text
    table = text[text.index('differ__name">region') :]
    assert "8 of 10" in table
    assert "3 of 30" in table
    href = re.search(r'href="(/trace-viewer[^"]+)"[^>]*>eu<', table)
    assert href
    listed = client.get(href[1].replace("&amp;", "&").replace("/trace-viewer.html", "/api/traces")).get_json()
    assert listed["total"] == 8  # one click keeps the filters and adds the value


def test_what_is_selected_is_never_among_the_good_ones(client_of: MakeClient) -> None:
    found = ask(client_with(client_of, *SLOW, *QUICK), min_ms="1000")
    assert (found["total"], found["compared"], found["good_total"], found["good_compared"]) == (10, 10, 30, 30)
    (region,) = (one for one in found["properties"] if one["name"] == "region")
    assert region["values"][0] == {"value": "eu", "count": 8, "good_count": 3}


def test_a_user_is_compared_with_others_and_the_filter_itself_is_no_news(client_of: MakeClient) -> None:
    mine = [call(n, user__id="ada", app__version="2") for n in range(1, 9)]
    theirs = [call(n, user__id=f"u{n}", app__version="1") for n in range(20, 30)]
    found = ask(client_with(client_of, *mine, *theirs), user="ada")
    names = [one["name"] for one in found["properties"]]
    assert "app.version" in names
    assert "user.id" not in names


def test_a_window_alone_is_compared_with_what_lies_outside(client_of: MakeClient) -> None:
    before = [call(n, ago_s=5000, release="1") for n in range(1, 9)]
    now = [call(n, ago_s=60, release="2") for n in range(20, 30)]
    found = ask(client_with(client_of, *before, *now), since="10m")
    assert (found["compared"], found["good_compared"]) == (10, 8)
    assert [one["values"][0]["value"] for one in found["properties"] if one["name"] == "release"] == ["2"]


def test_failed_traces_are_not_good_ones(client_of: MakeClient) -> None:
    failed = [call(n, status=2, region="eu") for n in range(60, 70)]
    found = ask(client_with(client_of, *SLOW, *QUICK, *failed), min_ms="1000")
    assert found["good_total"] == 30


def test_operations_are_compared_in_proportion(client_of: MakeClient) -> None:
    mixed = [call(n, ms=2000, name="GET /a" if n < 8 else "GET /b", region="eu") for n in range(1, 11)]
    quick = [call(n, name="GET /a" if n < 200 else "GET /b", region="us") for n in range(100, 300)]
    found = ask(client_with(client_of, *mixed, *quick), min_ms="1000")
    assert (found["good_total"], found["good_compared"]) == (200, 50)  # 35 and 15 of them


@pytest.mark.parametrize("filters", [{"min_ms": "1000"}, {"q": "duration>1s"}, {"flag": "slow", "since": "1h"}])
def test_the_index_leaves_out_what_plain_loops_leave_out(filters: dict[str, str]) -> None:
    lines = [*SLOW, *QUICK]
    query = Query(limit=100, but_not=tuple(filters.items()))
    plain, held = PlainStore.from_lines(lines).search(query, NOW_NS), filled([lines]).search(query, NOW_NS)
    assert {row.trace_id for row in held.traces} == {row.trace_id for row in plain.traces}
    assert held.total == plain.total == 30


def test_small_numbers_and_nothing_to_compare_are_said(client_of: MakeClient) -> None:
    client = client_with(client_of, *SLOW[:3], *QUICK[:2])
    assert "Only a few selected and good traces" in client.get("/differences?min_ms=1000").text
    assert "There is no good trace of this operation" in client.get("/differences?max_ms=60000").text
    assert "No trace matches: there is nothing to compare." in client.get("/differences?user=nobody").text
    assert "Filter by something first" in client.get("/differences").text
    assert client.get("/api/differences").status_code == 400
    assert client.get("/api/differences?colour=red").status_code == 400


def test_the_list_leads_there_when_something_is_filtered(client: FlaskClient) -> None:
    text = client.get("/trace-viewer.html?flag=slow&since=2026-11-22T14:00:00Z").text
    href = "/differences?flag=slow&amp;since=2026-11-22T14%3A00%3A00Z"
    assert f'href="{href}"' in text
    assert "/differences" not in client.get("/trace-viewer.html").text
    page = client.get(href.replace("&amp;", "&")).text
    assert "<title>What differs · Diamond Viewer</title>" in page
    assert "compared with" in page
    assert client.get("/link/differences?flag=slow").text.startswith("/differences?flag=slow&until=")


def test_the_page_stands_still_while_only_its_header_is_refreshed(client: FlaskClient) -> None:
    first = poll(client, "/differences", flag="slow")
    assert "differ__name" not in first.text
    assert poll(client, "/differences", flag="slow", seen=seen(first)).status_code == 204


def test_what_telemetry_says_is_escaped(client_of: MakeClient) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    client = client_with(client_of, *(call(n, ms=2000, region=evil) for n in range(1, 11)), *QUICK)
    text = client.get("/differences?min_ms=1000").text
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text
