"""The errors page: groups, what is new, the opened group and what differs; and the same as JSON."""

import re

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.units import format_rfc3339
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline
from tests.web.test_polling import POLL, poll, seen
from tests.writing import Wire, event, line, span

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
SECOND_NS = 10**9


def failing(number: int, ago_s: int = 100, message: str = "it broke", **attributes: str) -> bytes:
    said: Wire = {"exception.type": "", "exception.stacktrace": f"at {message}"}
    events = [event("exception", **said)]
    wire = span(
        1,
        trace=number,
        kind=2,
        name="GET /a",
        start_ns=NOW_NS - ago_s * SECOND_NS,
        attributes=attributes or None,
        events=events,
        status={"code": 2, "message": message},
    )
    return line(wire)


def good(number: int, ago_s: int = 100, **attributes: str) -> bytes:
    wire: Wire = span(
        1, trace=number, kind=2, name="GET /a", start_ns=NOW_NS - ago_s * SECOND_NS, attributes=attributes or None
    )
    return line(wire)


def client_with(client_of: MakeClient, *lines: bytes) -> FlaskClient:
    store = PlainStore.from_lines(lines)
    store.report(LIVE)
    return client_of(store)


def group_of(client: FlaskClient, place: int = 0) -> str:
    return str(client.get("/api/errors").get_json()["groups"][place]["fingerprint"])


def test_groups_say_what_failed_where_and_how_often(client: FlaskClient) -> None:
    text = client.get("/errors").text
    for part in ("TypeError", "executing api route (app) /api/search", "P2003", "38 errors in 10 groups · 2026-11-22"):
        assert part in text
    assert re.search(r'href="/errors"[^>]* aria-current="page"', text)


def test_a_link_leads_to_the_traces_of_the_group(client: FlaskClient) -> None:
    text = client.get("/errors?by=count").text
    hrefs = [
        href.replace("&amp;", "&")
        for href in re.findall(r'href="(/trace-viewer\.html\?[^"]+)" hx-boost="false" title="The list', text)
    ]
    assert len(hrefs) == 10
    counts = [group["traces"] for group in client.get("/api/errors").get_json()["groups"]]
    totals = [client.get(href.replace("/trace-viewer.html", "/api/traces")).get_json()["total"] for href in hrefs]
    assert all(total >= count for total, count in zip(totals, counts, strict=True))
    assert totals[:3] == counts[:3]


def test_filters_narrow_the_groups_and_stay_in_every_link(client: FlaskClient) -> None:
    text = client.get("/errors?lesson=lesson-011").text
    assert all("lesson=lesson-011" in href for href in re.findall(r'class="tally__link" href="([^"]+)"', text))
    assert "No span failed among the traces that match the filters." in client.get("/errors?user=nobody").text
    assert "Unknown parameter" in client.get("/errors?colour=red").text


def test_the_opened_group_shows_message_stack_and_examples(client: FlaskClient) -> None:
    groups = client.get("/api/errors").get_json()["groups"]
    fingerprint = next(group["fingerprint"] for group in groups if group["what"] == "TypeError")
    text = client.get(f"/errors?group={fingerprint}").text
    assert "<title>TypeError · Diamond Viewer</title>" in text
    assert "GET /api/search of diamond-district-web failed 6 times in 6 traces." in text
    assert "Cannot read properties of undefined" in text
    assert "AsyncLocalStorage.run" in text
    assert text.count('<li><a href="/traces/') == 6
    assert client.get("/errors?group=%3Cscript%3E").status_code == 200


def test_a_group_that_is_not_there_is_said_to_be_none_and_left_behind(client_of: MakeClient) -> None:
    client = client_with(client_of, failing(1, 4_000), failing(2, 10, "another"))
    of_message = {group["what"]: group["fingerprint"] for group in client.get("/api/errors").get_json()["groups"]}
    old = of_message["it broke"]
    for url, sentence, links in (
        (
            f"/errors?group={old}&since=1h",
            "is not among what the filters and the window leave.",
            {"Show it in all time": f"/errors?group={old}", "see the groups that are": "/errors?since=1h"},
        ),
        (
            f"/errors?group={old}&user=nobody&by=last",
            "is not among what the filters and the window leave.",
            {
                "Show it without the filters": f"/errors?by=last&group={old}",
                "see the groups that are": "/errors?user=nobody&by=last",
            },
        ),
        ("/errors?group=0123456789", "No such group of errors is held", {"All groups": "/errors"}),
    ):
        text = client.get(url).text
        page = Outline(text)
        notice = page.one(class_="notice")
        assert sentence in notice.words()
        assert {one.words(): one.attributes["href"] for one in notice.all() if "href" in one.attributes} == links
        notices = [link for one in page.find(class_="notice") for link in one.all()]
        kept = [one for one in page.root.all() if "group=" in one.attributes.get("href", "") and one not in notices]
        assert [one for one in kept if one.attributes["href"] in url or "0123456789" in one.attributes["href"]] == []
        assert page.find(name="group") == []


def test_a_poll_keeps_a_group_that_is_open_and_lets_go_one_that_is_not_there(client_of: MakeClient) -> None:
    client = client_with(
        client_of, *(failing(number, 10, word) for number, word in enumerate(("one", "two", "three", "four"), 1))
    )
    group = group_of(client, 3)
    for asked, is_kept in ((group, True), ("0123456789", False)):
        text = client.get(f"/errors?limit=2&group={asked}", headers=POLL).text
        assert (f"group={asked}" in text) is is_kept


def test_what_differs_counts_on_both_sides_and_links_to_the_failing_traces(client_of: MakeClient) -> None:
    lines = [failing(n, region="eu" if n < 9 else "us") for n in range(1, 11)]
    lines += [good(n, region="us" if n < 47 else "eu") for n in range(20, 50)]
    client = client_with(client_of, *lines)
    text = client.get(f"/errors?group={group_of(client)}").text
    assert "10 failing traces compared with 30 good ones of the same operation." in text
    assert "may be chance" not in text
    table = text[text.index('differ__name">region') :]
    assert "8 of 10" in table
    assert "3 of 30" in table
    href = re.search(r'href="(/trace-viewer[^"]+)"[^>]*>eu<', table)
    assert href
    answer = client.get(href[1].replace("&amp;", "&").replace("/trace-viewer.html", "/api/traces")).get_json()
    assert answer["total"] == 8


def test_small_numbers_are_said_to_be_small(client_of: MakeClient) -> None:
    client = client_with(client_of, *(failing(n, region="eu") for n in (1, 2, 3)), good(9, region="us"))
    text = client.get(f"/errors?group={group_of(client)}").text
    assert "Only a few failing and good traces: what differs may be chance." in text
    alone = client_with(client_of, failing(1))
    assert (
        "There is no good trace of this operation to compare with" in alone.get(f"/errors?group={group_of(alone)}").text
    )


def test_new_is_what_the_window_before_did_not_have(client_of: MakeClient) -> None:
    lines = [failing(n, ago_s=5000, message="old") for n in (1, 2)]
    lines += [failing(n, message="old") for n in (3, 4, 5)] + [failing(n, message="fresh") for n in (6, 7)]
    client = client_with(client_of, *lines)
    badges = re.findall(
        r'tally__link" [^>]+>(\w+)</a>(?: <span class="badge[^>]+>(\w+)<)?', client.get("/errors?since=1h").text
    )
    assert badges == [("old", ""), ("fresh", "new")]
    nothing_before = client.get("/errors?since=2h").text
    assert 'badge--error" title="not in the window' not in nothing_before


def test_without_a_window_new_came_in_the_last_fifth_and_rising_came_oftener(client_of: MakeClient) -> None:
    lines = [failing(n, ago_s=10_000 - n, message="usual") for n in range(1, 9)]
    lines += [failing(100 + n, ago_s=50 + n, message="usual") for n in range(20)]
    lines += [failing(200, ago_s=60, message="fresh")]
    text = client_with(client_of, *lines).get("/errors").text
    badges = re.findall(r'tally__link" [^>]+>(\w+)</a>(?: <span class="badge[^>]+>(\w+)<)?', text)
    assert badges == [("usual", "rising"), ("fresh", "new")]


def test_a_poll_brings_new_errors_and_nothing_when_nothing_came(client_of: MakeClient) -> None:
    store = PlainStore.from_lines([failing(1)])
    store.report(LIVE)
    client = client_of(store)
    first = poll(client, "/errors")
    assert '<hx-partial hx-target="#tallies"' in first.text
    assert poll(client, "/errors", seen=seen(first)).status_code == 204
    store.add_lines([failing(2, message="another")])
    assert ">another</a>" in poll(client, "/errors", seen=seen(first)).text
    paused = poll(client, "/errors", paused=str(NOW_NS // SECOND_NS - 60))
    assert "Paused at" in paused.text
    assert "#tallies" not in paused.text


@pytest.mark.parametrize("path", ["/errors", "/operations"])
def test_a_page_of_figures_that_is_paused_calls_nothing_new_that_it_may_show(client_of: MakeClient, path: str) -> None:
    store = PlainStore.from_lines([failing(1), failing(2)])
    store.report(LIVE)
    paused = poll(client_of(store), path, paused=str(NOW_NS // SECOND_NS))
    assert "Paused at" in paused.text
    assert " new<" not in paused.text


def test_a_boosted_link_is_answered_with_the_page_alone_and_an_empty_field_is_left_out(client: FlaskClient) -> None:
    response = client.get("/errors", headers=POLL | {"HX-Target": "main#page"})
    assert "<!doctype html>" not in response.text
    assert "<title>Errors · Diamond Viewer</title>" in response.text
    assert client.get("/errors?user=&lesson=lesson-011").headers["Location"] == "/errors?lesson=lesson-011"


@pytest.mark.parametrize("path", ["/errors", "/operations"])
def test_what_telemetry_says_is_escaped(client_of: MakeClient, path: str) -> None:
    said: Wire = {"exception.type": EVIL}
    query = {EVIL: EVIL, "user.id": EVIL, "db.system": EVIL, "db.statement": f"select {EVIL} from a"}
    wire = span(1, kind=2, name=EVIL, attributes=query, events=[event("exception", **said)], status_code=2)
    client = client_with(client_of, line(wire, service=EVIL), good(2))
    for url in (path, f"{path}?group={group_of(client)}"):
        text = client.get(url).text
        assert "<img src=x" not in text
        assert "<script>alert" not in text


def test_the_api_answers_groups_and_refuses_what_it_does_not_know(client: FlaskClient) -> None:
    answer = client.get("/api/errors?limit=3").get_json()
    assert (answer["total"], answer["count"], len(answer["groups"]), answer["is_complete"]) == (10, 38, 3, True)
    assert answer["groups"][0]["what"] == "Unauthorized"
    assert set(answer["groups"][0]) >= {
        "operation",
        "service",
        "cause",
        "traces",
        "users",
        "lessons",
        "examples",
        "series",
    }
    only = client.get(f"/api/errors?group={answer['groups'][1]['fingerprint']}").get_json()
    assert [group["what"] for group in only["groups"]] == ["ReplyError"]
    assert client.get("/api/errors?colour=red").status_code == 400
    assert client.get("/api/errors?page=2").status_code == 400
    since = format_rfc3339(NOW_NS)
    assert client.get("/api/errors", query_string={"since": since}).get_json()["groups"] == []


def test_the_opened_group_says_what_the_rules_found_in_its_examples(client: FlaskClient) -> None:
    groups = client.get("/api/errors").get_json()["groups"]
    fingerprint = next(group["fingerprint"] for group in groups if group["what"] == "TypeError")
    text = client.get(f"/errors?group={fingerprint}").text
    said = text[text.index("What the rules say") : text.index("What differs from good traces")]
    assert "GET /api/search failed with 500: TypeError" in said
    assert "6 of 6 examples" in said
    href = re.search(r'<a href="([^"]+)" hx-boost="false">GET /api/search failed', said)
    assert href
    assert "span=" in href[1]
    assert client.get(href[1].replace("&amp;", "&")).status_code == 200


def test_where_there_is_no_heading_one_is_no_plural(client_of: MakeClient) -> None:
    once = client_with(client_of, failing(1, userId="ada", lessonId="intro")).get("/errors").text
    assert [f'data-label="{noun}"' in once for noun in ("error", "trace", "user", "lesson")] == [True] * 4
    twice = client_with(client_of, failing(1), failing(2)).get("/errors").text
    assert [f'data-label="{noun}"' in twice for noun in ("errors", "traces", "users", "lessons")] == [True] * 4
