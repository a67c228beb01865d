"""Sorting the list: by start, duration, spans or errors; the same in the index, the API and on every page."""

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.sorting import ORDERS
from tests.asking import NOW_NS, all_rows, asked
from tests.index.filling import parted_district
from tests.index.test_truth import PLAIN
from tests.web.html_outline import Outline

FIGURES = {"start": "start_unix_nano", "duration": "duration_ms", "spans": "span_count", "errors": "error_count"}


@pytest.mark.parametrize("limit", [1, 3, 50, 1000])
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
def test_the_index_sorts_as_plain_loops_do(order: object, limit: int) -> None:
    [name] = [one.name for one in ORDERS if one is order]
    for page in (1, 2, 7):
        query = asked(sort=name, limit=limit, page=page)
        found, expected = parted_district().search(query, NOW_NS), PLAIN.search(query, NOW_NS)
        assert [row.trace_id for row in found.traces] == [row.trace_id for row in expected.traces]
    assert len(all_rows(parted_district(), asked(sort=name, status="error"))) == 33


@pytest.mark.parametrize("sort", FIGURES)
def test_the_api_answers_the_largest_first(client: FlaskClient, sort: str) -> None:
    rows = client.get(f"/api/traces?sort={sort}&limit=1000").get_json()["traces"]
    figures = [float(row[FIGURES[sort]]) for row in rows]
    assert figures == sorted(figures, reverse=True)
    assert len(rows) == 314


def test_an_order_that_is_none_is_refused(client: FlaskClient) -> None:
    response = client.get("/api/traces?sort=colour")
    assert response.status_code == 400
    assert "start, duration, spans, errors" in response.get_json()["error"]


def test_pages_of_a_sorted_list_hold_every_trace_once_and_the_form_keeps_the_order(client: FlaskClient) -> None:
    url, seen = "/trace-viewer.html?limit=50&sort=duration", []
    while url:
        page = Outline(client.get(url).get_data(as_text=True))
        seen += [row.attributes["id"] for row in page.find(class_="row")]
        assert page.one(name="sort").attributes["value"] == "duration"
        older = page.find(rel="next")
        url = older[0].attributes["href"] if older else ""
    assert len(seen) == len(set(seen)) == 314
