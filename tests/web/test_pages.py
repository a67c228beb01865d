"""Whole pages: what they show, where their links lead, and that telemetry cannot break them."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.filters import FILTERS
from diamond_viewer.query.query import KNOWN
from diamond_viewer.web.filter_form import ORDER
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline
from tests.web.test_golden import MISMATCH_TRACE, PAGES
from tests.writing import event, line, span, trace_id

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}<hx-partial hx-target="#page">'


def outline(client: FlaskClient, url: str, status: int = 200) -> Outline:
    response = client.get(url)
    assert response.status_code == status
    return Outline(response.get_data(as_text=True))


def status_of(client: FlaskClient, url: str) -> int:
    with client.get(url) as response:  # static files stay open otherwise
        return response.status_code


def test_the_front_door_leads_to_the_traces(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/trace-viewer.html"


def test_every_local_link_of_a_page_leads_somewhere(client: FlaskClient) -> None:
    """Links to the list differ mostly in values: the API reads those strictly, one page is drawn per set of names."""
    hrefs: set[str] = set()
    for url in PAGES.values():
        page = Outline(client.get(url).get_data(as_text=True))
        hrefs |= {element.attributes["href"] for element in page.root.all() if "href" in element.attributes}
    asked, shapes = set(), set()
    for href in sorted(href for href in hrefs if not href.startswith("#")):
        address, pairs = urlsplit(href), parse_qsl(urlsplit(href).query, keep_blank_values=True)
        shape = (address.path, frozenset(name for name, _ in pairs))
        if address.path != "/trace-viewer.html" or shape not in shapes:
            asked.add(href)
        else:
            asked.add("/api/traces?" + urlencode([(name, value) for name, value in pairs if name in KNOWN]))
        shapes.add(shape)
    assert len(asked) > len(shapes) > 20
    assert {url for url in asked if status_of(client, url) not in (200, 302)} == set()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_needs_javascript(client: FlaskClient, name: str) -> None:
    page = Outline(client.get(PAGES[name]).get_data(as_text=True))
    for element in page.find():
        if "hx-get" not in element.attributes:
            continue
        has_own = "href" in element.attributes or "action" in element.attributes or element.is_inside("form")
        assert has_own or any("href" in inner.attributes for inner in element.all()), element.attributes


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_against_inline_code_finds_nothing_to_forbid(client: FlaskClient, name: str) -> None:
    page = Outline(client.get(PAGES[name]).get_data(as_text=True))
    for element in page.root.all():
        assert not [a for a in element.attributes if a == "style" or (a.startswith("on") and a != "one")]
        assert element.tag != "style"
        assert element.tag != "script" or "src" in element.attributes
        assert not element.attributes.get("href", "").lower().startswith(("javascript:", "data:"))


def test_every_filter_of_the_table_is_in_the_form(client: FlaskClient) -> None:
    assert {row.parameter for row in FILTERS} <= {*ORDER, "since", "until"}
    values = {
        "status": "error",
        "flag": "slow",
        "finding": "slow-span",
        "q": "status:error",
        "min_ms": "1",
        "max_ms": "9",
        "since": "2026-11-01T00:00:00Z",
        "until": "2026-11-30T00:00:00Z",
    }
    for row in FILTERS:
        value = values.get(row.parameter, "x y&z")
        page = Outline(client.get("/trace-viewer.html", query_string={row.parameter: value}).get_data(as_text=True))
        form = page.one(id="filters")
        fields = [e for e in form.all() if e.attributes.get("name") == row.parameter]
        shown = [e.attributes.get("value") for e in fields if e.tag == "input"]
        chosen = [o.attributes["value"] for e in fields for o in e.children if "selected" in o.attributes]
        assert value in shown + chosen
        crosses = [e.attributes["href"] for e in form.all() if "field__clear" in e.attributes.get("class", "")]
        assert crosses == ["/trace-viewer.html"]


def test_the_list_is_filtered_by_user_and_says_so(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html?user=usr_0007&lesson=lesson-011")
    users = {element.words() for element in page.find(class_="row__who")}
    assert users == {"usr_0007 lesson-011"}
    assert page.one(class_="list__foot").words().startswith("20 of 20")
    assert "Traces where lesson is lesson-011 and user is usr_0007" in page.root.words()


def test_a_user_in_a_row_is_a_link_that_filters_and_keeps_the_other_filters(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html?lesson=lesson-011&limit=20")
    link = page.find(class_="row__filter")[0]
    assert dict(parse_qsl(urlsplit(link.attributes["href"]).query)) == {
        "lesson": "lesson-011",
        "user": "usr_0007",
        "limit": "20",
    }


def test_pages_of_the_list_hold_every_trace_once(client: FlaskClient) -> None:
    url, seen = "/trace-viewer.html?limit=50", []
    while url:
        page = outline(client, url)
        seen += [row.attributes["id"] for row in page.find(class_="row")]
        older = page.find(rel="next")
        url = older[0].attributes["href"] if older else ""
    assert len(seen) == len(set(seen)) == 314


def test_a_page_far_behind_the_end_shows_the_last_one(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html?limit=50&page=900")
    assert page.one(class_="pager__place").words() == "page 7 of 7"
    assert page.find(class_="row")


def test_new_traces_do_not_shift_the_second_page(client_of: MakeClient) -> None:
    store = PlainStore.from_lines([line(span(n, trace=n, start_ns=10**18 + n)) for n in range(1, 7)])
    client = client_of(store)
    older = outline(client, "/trace-viewer.html?limit=2").one(rel="next").attributes["href"]
    before = [row.attributes["id"] for row in outline(client, older).find(class_="row")]
    store.add_lines([line(span(n, trace=n, start_ns=10**18 + n)) for n in range(7, 12)])
    page = outline(client, older)
    assert [row.attributes["id"] for row in page.find(class_="row")] == before
    assert page.one(id="newer").words() == "5 new traces"


def test_a_form_without_javascript_leads_to_a_tidy_url(client: FlaskClient) -> None:
    response = client.get("/trace-viewer.html?lesson=&user=usr_0007&status=&since=&limit=50")
    assert (response.status_code, response.headers["Location"]) == (302, "/trace-viewer.html?user=usr_0007")


def test_what_the_url_says_wrongly_is_ignored_with_a_sentence(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html?limit=0&since=yesterdayish&colour=red&trace=zz&page=-3")
    notices = " ".join(element.words() for element in page.find(class_="notice"))
    for word in ("limit='0'", "'yesterdayish' is not a time", "'colour'", "trace='zz'", "page='-3'"):
        assert word in notices
    assert page.find(class_="row")


@pytest.mark.parametrize("path", ["/trace-viewer.html", "/errors", "/users/usr_0007"])
@pytest.mark.parametrize(
    ("since", "until", "is_said"),
    [("2026-11-22T14:38:20Z", "2026-11-22T14:38:10Z", True), ("1h", "2h", True), ("2h", "1h", False)],
)
def test_a_window_that_ends_before_it_begins_is_said(
    client: FlaskClient, path: str, since: str, until: str, is_said: bool
) -> None:
    page = outline(client, f"{path}?since={since}&until={until}")
    assert any("Swap them." in element.words() for element in page.find(class_="notice")) == is_said


def test_the_opened_trace_stands_beside_the_list_with_its_events_and_spans(client: FlaskClient) -> None:
    page = outline(client, f"/trace-viewer.html?trace={MISMATCH_TRACE}&user=usr_0007")
    assert page.one(id=f"t-{MISMATCH_TRACE}").attributes["aria-current"] == "true"
    names = [element.words() for element in page.find(class_="story__name")]
    assert names == ["video.resume_attempt", "video.resume_position_mismatch"]
    assert len(page.find(class_="span")) == 7
    assert page.one(class_="trace__close").attributes["href"] == "/trace-viewer.html?user=usr_0007"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("/traces/zz", "'zz' is not a trace id", id="malformed"),
        pytest.param(f"/traces/{'0' * 31}1", "No trace 00000000000000000000000000000001 is held", id="unknown"),
        pytest.param("/nowhere", "nothing at this address", id="no such page"),
    ],
)
def test_a_page_that_is_not_there_says_why(client: FlaskClient, url: str, sentence: str) -> None:
    assert sentence in outline(client, url, 404).root.words()


def test_a_trace_id_in_capitals_opens_the_trace(client: FlaskClient) -> None:
    assert client.get(f"/traces/{MISMATCH_TRACE.upper()}").status_code == 200


def test_hostile_telemetry_is_shown_as_text(client_of: MakeClient) -> None:
    said = {HOSTILE: HOSTILE, "user.id": HOSTILE, "lesson.id": HOSTILE}
    wire = span(
        name=HOSTILE,
        status_code=2,
        attributes=said,
        events=[event(HOSTILE, hasCookie=HOSTILE)],
        status={"code": 2, "message": HOSTILE},
    )
    store = PlainStore.from_lines([line(wire, service=HOSTILE)])
    store.report(LIVE)
    client = client_of(store)
    urls = ["/trace-viewer.html", f"/trace-viewer.html?trace={trace_id(1)}", f"/traces/{trace_id(1)}", "/health"]
    for url in urls:
        html = client.get(url).get_data(as_text=True)
        assert "<img src=x" not in html
        assert "<script>alert" not in html
        assert "<hx-partial" not in html
        assert Outline(html).problems == []
    assert escape(HOSTILE) in client.get(urls[1]).get_data(as_text=True).replace("&#34;", "&quot;")
    page = client.get("/trace-viewer.html", query_string={"user": HOSTILE}).get_data(as_text=True)
    assert "<img src=x" not in page
    assert len(Outline(page).find(class_="row")) == 1


def test_a_trace_of_ten_thousand_spans_is_a_bounded_page_and_every_span_can_be_reached(client_of: MakeClient) -> None:
    spans = [span(n, parent=1 if n > 1 else 0, start_ns=10**18 + n, name=f"step {n}") for n in range(1, 10_001)]
    client = client_of(PlainStore.from_lines([line(*spans)]))
    url, names = f"/traces/{trace_id(1)}", []
    while url:
        response = client.get(url)
        assert len(response.data) < 1_500_000
        page = Outline(response.get_data(as_text=True))
        names += [e.attributes["id"] for e in page.find(class_="span")]
        later = [e.attributes["href"] for e in page.root.all() if e.words() == "Later spans ›" and e.tag == "a"]
        url = later[0] if later else ""
    assert len(names) == len(set(names)) == 10_000
    last = outline(client, f"/traces/{trace_id(1)}?span={10_000:016x}")
    assert "open" in last.one(id=f"s-{10_000:016x}").attributes
    body = outline(client, f"/traces/{trace_id(1)}/spans/{777:016x}")
    assert f"{777:016x}" in body.root.words()


def test_suggestions_contain_what_was_typed_and_come_most_frequent_first(client: FlaskClient) -> None:
    options = outline(client, "/suggestions/lesson?lesson=LESSON-01").find()
    found = [(e.attributes["value"], e.attributes["label"]) for e in options if e.tag == "option"]
    assert found == [("lesson-011", "20 traces"), ("lesson-012", "10 traces"), ("lesson-013", "6 traces")]
    assert client.get("/suggestions/status").status_code == 404


def test_a_row_says_which_span_or_event_matched(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html?q=hasCookie%3Dfalse&limit=5")
    rows = page.find(class_="row")
    assert len(page.find(class_="row__why")) == len(rows) == 5
    named = {mark.words() for mark in page.find(class_="row__match")}
    assert "auth.failed" in named
    assert named <= {"auth.failed", "auth.credentials.missing", "middleware.redirect"}
    assert page.find(class_="row__why")[0].words().startswith("on ")
    assert outline(client, "/trace-viewer.html?user=usr_0007&status=error").find(class_="row__why") == []
