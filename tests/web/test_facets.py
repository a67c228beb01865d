"""The facets beside the list: counts, and links that narrow and take back."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.web.facet_panel import with_term, without_term
from tests.plain_store import PlainStore
from tests.web.conftest import MakeClient
from tests.web.html_outline import Element, Outline
from tests.web.test_pages import HOSTILE
from tests.writing import event, line, span


def facets(client: FlaskClient, url: str) -> dict[str, list[Element]]:
    page = Outline(client.get(url).get_data(as_text=True))
    return {
        group.attributes["id"].removeprefix("facet-"): [
            e for e in group.all() if e.attributes.get("class") == "facet__link"
        ]
        for group in page.find(class_="facet")
    }


def said(link: Element, class_: str) -> str:
    [element] = [e for e in link.all() if e.attributes.get("class") == class_]
    return element.words()


def counted(client: FlaskClient, url: str) -> int:
    query = urlsplit(url).query
    return int(client.get(f"/api/traces?{query}").get_json()["total"])


def test_every_facet_leads_to_as_many_traces_as_it_says(client: FlaskClient) -> None:
    found = facets(client, "/trace-viewer.html?limit=20")
    assert set(found) == {
        *("status", "service", "operation", "flag", "finding", "event", "route", "http-status", "lesson", "user")
    }
    for links in found.values():
        counts = [int(said(link, "facet__count").replace(",", "")) for link in links]
        assert counts == sorted(counts, reverse=True)
        assert counts == [counted(client, link.attributes["href"]) for link in links]


@pytest.mark.parametrize(
    ("group", "value", "said_of"),
    [
        ("flag", "buffering", "Flag buffering (in one trace)"),
        ("flag", "slow", "Flag slow"),
        ("finding", "duplicate-calls", "Finding duplicate-calls (in one trace, or over several of one person)"),
    ],
)
def test_a_flag_and_a_finding_say_which_is_of_one_trace(
    client: FlaskClient, group: str, value: str, said_of: str
) -> None:
    links = facets(client, f"/trace-viewer.html?{group}={value}")[group]
    [title] = [link.attributes["title"] for link in links if said(link, "facet__value") == value]
    assert title.startswith(f"{said_of}: ")


def test_the_form_says_which_of_the_same_name_is_of_one_trace(client: FlaskClient) -> None:
    page = client.get("/trace-viewer.html?finding=n-plus-one").text
    assert ">duplicate calls in one trace</option>" in page
    assert ">duplicate calls, also of several traces</option>" in page


@pytest.mark.parametrize("group", ["status", "service", "operation", "flag", "event", "route", "http-status", "lesson"])
def test_a_second_click_takes_the_first_one_back(client: FlaskClient, group: str) -> None:
    url = "/trace-viewer.html?q=trace.spans%3E2&limit=20"
    first = facets(client, url)[group][0]
    assert "aria-current" not in first.attributes
    narrowed = facets(client, first.attributes["href"])[group]
    [back] = [link for link in narrowed if "aria-current" in link.attributes]
    assert sorted(parse_qsl(urlsplit(back.attributes["href"]).query)) == [("limit", "20"), ("q", "trace.spans>2")]


def test_facets_follow_the_query_and_keep_the_other_filters(client: FlaskClient) -> None:
    found = facets(client, "/trace-viewer.html?user=usr_0007&status=error")
    assert {said(link, "facet__value") for link in found["user"]} == {"usr_0007"}
    assert {said(link, "facet__value") for link in found["status"]} == {"error"}
    query = dict(parse_qsl(urlsplit(found["lesson"][0].attributes["href"]).query))
    assert (query["user"], query["status"]) == ("usr_0007", "error")
    assert facets(client, "/trace-viewer.html?user=nobody") == {}


def test_hostile_values_are_text_and_can_be_asked_for(client_of: MakeClient) -> None:
    wire = span(name=HOSTILE, attributes={"http.route": HOSTILE, "user.id": HOSTILE}, events=[event(HOSTILE)])
    client = client_of(PlainStore.from_lines([line(wire), line(span(2, trace=2, name="y" * 5_000))]))
    html = client.get("/trace-viewer.html").get_data(as_text=True)
    assert "<img src=x" not in html
    found = facets(client, "/trace-viewer.html")
    for group in ("operation", "route", "user", "event"):
        [link] = [link for link in found[group] if HOSTILE[:9] in said(link, "facet__value")]
        assert counted(client, link.attributes["href"]) == 1
    assert [link.tag for link in found["operation"]] == ["a", "span"]  # 5,000 characters are no filter


@given(search=st.text('ab ()"-OR:/xNT', max_size=30))
def test_adding_and_taking_back_never_makes_a_mistake(search: str) -> None:
    term = "route:/x"
    together = with_term(search.strip(), term)
    if together:
        parse(together)
    left = without_term(search.strip(), term)
    if left:
        parse(left)
    try:
        is_fine = not search.strip() or bool(parse(search.strip()))
    except Mistake:
        is_fine = False
    assert bool(together) == is_fine
