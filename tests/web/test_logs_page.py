"""The logs page and its API: what is listed, where it leads, what is refused, what a poll brings."""

import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from diamond_viewer.query.log_query import PARAMETERS, LogQuery
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import add_lines, filled
from tests.web.conftest import LIVE, TRACES, MakeClient
from tests.web.html_outline import Element, Outline
from tests.web.test_golden import compare
from tests.writing import line, log, logs_line, span, span_id, trace_id

LOGS = TRACES.with_name("logs.json")
POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#status"}
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
S = 10**9


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    store = filled([TRACES.read_bytes().splitlines(), LOGS.read_bytes().splitlines()])
    store.report(LIVE)
    return create_app(store, clock=lambda: NOW_NS).test_client()


def client_for(*lines: bytes) -> FlaskClient:
    store = filled([lines])
    store.report(FeedState(ready=True))
    return create_app(store, clock=lambda: NOW_NS).test_client()


def outline(client: FlaskClient, address: str = "/logs", **args: str) -> Outline:
    response = client.get(address, query_string=args) if args else client.get(address)
    assert response.status_code == 200
    found = Outline(response.text)
    assert found.problems == []
    return found


def rows(client: FlaskClient, address: str = "/logs", **args: str) -> list[Element]:
    return outline(client, address, **args).find(class_="logs__row")


def titles(client: FlaskClient, address: str = "/logs", **args: str) -> list[str]:
    return [
        e.words()
        for row in rows(client, address, **args)
        for e in row.all()
        if e.attributes.get("class") == "logs__title"
    ]


def link(page: Outline, words: str) -> str:
    (found,) = [e for e in page.root.all() if e.tag == "a" and e.words() == words]
    return found.attributes["href"]


@pytest.mark.parametrize(
    ("name", "path"), [("logs", "/logs?limit=3"), ("logs-warn", "/logs?severity=warn&text=auth&limit=2")]
)
def test_the_page_is_as_it_was_accepted(client_of: MakeClient, client: FlaskClient, name: str, path: str) -> None:
    compare(name, client.get(path).text)


def test_the_api_counts_as_the_raw_lines_do(client: FlaskClient) -> None:
    text = LOGS.read_text()
    severities = re.findall(r'"severityNumber":(\d+)', text)
    answer: dict[str, Any] = client.get("/api/logs?limit=1000").json  # type: ignore[assignment]
    assert answer["total"] == len(severities) == len(answer["logs"]) == 138
    assert answer["levels"]["warn"] == severities.count("13")
    assert answer["levels"]["error"] == severities.count("17")
    assert sum(map(sum, answer["series"].values())) == 138
    assert sum(answer["services"].values()) == 138
    times = [int(one["time_unix_nano"]) for one in answer["logs"]]
    assert times == sorted(map(int, re.findall(r'"timeUnixNano":"(\d+)"', text)), reverse=True)
    failed = client.get("/api/logs", query_string={"text": '"auth failed" hasCookie=false', "limit": "1000"}).json
    assert failed is not None
    assert failed["total"] == len(
        re.findall(r'"auth failed"\},"attributes":\[\{"key":"hasCookie","value":\{"boolValue":false', text)
    )
    assert {one["body"] for one in failed["logs"]} == {"auth failed"}
    of_trace = client.get(f"/api/logs?trace={answer['logs'][0]['trace_id']}").json
    assert of_trace is not None
    assert of_trace["total"] == text.count(answer["logs"][0]["trace_id"])


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"colour": "red"}, "Unknown parameter 'colour'. Known are text, severity, service,"),
        ({"severity": "loud"}, "severity='loud' is unknown. Use one of trace, debug, info, warn, error, fatal."),
        ({"trace": "abc"}, "trace='abc' is not a trace id: 32 digits of 0-9 and a-f."),
        ({"since": "noon"}, "since='noon' is not a time."),
        ({"until": "9" * 300}, "until="),
        ({"limit": "1001"}, "limit='1001' is not a whole number from 1 to 1000."),
        ({"page": "0"}, "page='0' is not a whole number from 1 to 100000."),
        ({"anchor": "x"}, "anchor='x' is not a whole number from 1 to"),
        ({"text": 'a "b'}, "The text has a quotation mark that is not closed:"),
        ({"text": " ".join(map(str, range(30)))}, "The text has more than 20 words: leave some out."),
        ({"user": "x" * 600}, "A user of 600 characters cannot be searched; the most is 512."),
    ],
)
def test_what_cannot_be_used_is_refused_by_the_api_and_noticed_on_the_page(
    client: FlaskClient, args: dict[str, str], sentence: str
) -> None:
    response = client.get("/api/logs", query_string=args)
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"].startswith(sentence)
    notice = outline(client, **args).find(class_="notice")[0].words()
    assert notice == " ".join(response.json["error"].split())


def test_every_parameter_is_documented(client: FlaskClient) -> None:
    text = (TRACES.parents[3] / "docs" / "logs.md").read_text()
    assert [row.name for row in PARAMETERS if f"| `{row.name}` |" not in text] == []


def test_a_row_leads_to_its_trace_to_the_span_and_to_what_was_logged_around_it() -> None:
    client = client_for(
        line(span(7)),
        logs_line(log("lost", of=7, time_ns=NOW_NS - 5 * S, attributes={"user.id": "usr 1", "try": 2})),
        logs_line(
            log("before", trace=0, time_ns=NOW_NS - 20 * S), log("long before", trace=0, time_ns=NOW_NS - 90 * S)
        ),
        logs_line(log("elsewhere", trace=0, time_ns=NOW_NS - 6 * S), service="worker"),
    )
    page = outline(client, text="lost")
    assert f"/traces/{trace_id(1)}?span={span_id(7)}" == link(page, "Open its trace")
    assert titles(client, link(page, "What web logged ± 30 s")) == ["lost", "before"]
    assert titles(client, link(page, "All logs of the trace")) == ["lost"]
    links = [e.attributes["href"] for e in page.find(class_="value__link") if e.tag == "a"]
    only, without, journey = (href for href in links if "usr" in href)
    assert titles(client, only) == ["lost"]
    assert titles(client, without) == []
    assert journey == "/users/usr%201"


def test_severity_and_service_are_a_click_away_and_back() -> None:
    client = client_for(
        logs_line(log("fine", severityNumber=9), log("odd", severityText="WARN"), log("bad", severityNumber=17)),
        logs_line(log("unsaid", time_ns=NOW_NS), service="worker"),
    )
    page = outline(client)
    assert link(page, "1 warn") == "/logs?severity=warn"
    assert sorted(titles(client, "/logs?severity=warn")) == ["bad", "odd"]
    assert link(outline(client, severity="warn"), "1 warn") == "/logs"
    assert titles(client, link(page, "worker 1")) == ["unsaid"]


def test_pages_stand_still_while_records_come_in() -> None:
    store = filled([[logs_line(*(log(f"n{number}", time_ns=NOW_NS - number * S) for number in range(1, 8)))]])
    store.report(FeedState(ready=True))
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    older = link(outline(client, limit="3"), "Older ›")
    add_lines(store, [logs_line(log("newest", time_ns=NOW_NS))])
    store.commit()
    page = outline(client, older)
    assert titles(client, older) == ["n4", "n5", "n6"]
    assert link(page, "1 newer") == "/logs?limit=3"
    assert titles(client, link(page, "Older ›")) == ["n7"]
    assert titles(client, "/logs?limit=3") == ["newest", "n1", "n2"]
    assert titles(client, link(page, "‹ Newer")) == ["n1", "n2", "n3"]


def test_a_column_of_the_chart_leads_to_its_records() -> None:
    client = client_for(logs_line(*(log(f"n{number}", time_ns=NOW_NS - number * S) for number in range(61))))
    columns = [
        e
        for e in outline(client, limit="1000").root.all()
        if e.tag == "a" and e.children and e.children[0].tag == "rect"
    ]
    found = [titles(client, column.attributes["href"]) for column in columns]
    assert sorted(title for of in found for title in of) == sorted(f"n{number}" for number in range(61))
    assert max(map(len, found)) == 2


def test_nothing_that_is_logged_is_markup() -> None:
    client = client_for(logs_line(log(EVIL, attributes={EVIL: EVIL}, severityText=EVIL, eventName=""), service=EVIL))
    for asked in ("/logs", f"/logs?service={EVIL}", f"/logs?text={EVIL}&user={EVIL}", f"/logs?severity={EVIL}"):
        html = client.get(asked).text
        assert "<img src=x" not in html
        assert "<script>alert" not in html


def test_a_secret_is_in_no_answer() -> None:
    client = client_for(logs_line(log("x", attributes={"password": "hunter2"}), log({"token": "hunter2hunter2"})))
    assert "hunter2" not in client.get("/logs").text + client.get("/api/logs").text
    assert client.get("/api/logs?text=hunter2").json["total"] == 0  # type: ignore[index]


def test_values_that_json_does_not_know_are_in_the_api() -> None:
    client = client_for(logs_line(log({"big": 2**70, "nan": float("inf"), "deep": [[{"a": None}]]}, trace=0)))
    (one,) = client.get("/api/logs").json["logs"]  # type: ignore[index]
    assert one["body"] == {"big": str(2**70), "nan": None, "deep": [[{"a": None}]]}
    assert (one["trace_id"], one["service"]) == ("", "web")


@pytest.mark.parametrize(("is_ready", "words"), [(True, "No logs yet."), (False, "Reading the backlog.")])
def test_without_records_the_page_says_why(is_ready: bool, words: str) -> None:
    store = filled([[line(span(1))]])
    store.report(FeedState(ready=is_ready))
    page = outline(create_app(store, clock=lambda: NOW_NS).test_client())
    assert page.one(class_="empty__title").words() == words


def poll(client: FlaskClient, **args: str) -> TestResponse:
    return client.get("/logs", query_string=MultiDict(list(args.items())), headers=POLL)


def test_a_poll_brings_the_list_once_and_again_when_something_has_come() -> None:
    store = filled([[logs_line(log("one", time_ns=NOW_NS - S))]])
    store.report(LIVE)
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    first = poll(client)
    assert '<hx-partial hx-target="#list"' in first.text
    seen = first.headers["Diamond-Seen"]
    assert poll(client, seen=seen).status_code == 204
    add_lines(store, [logs_line(log("two", time_ns=NOW_NS))])
    store.commit()
    assert "two" in poll(client, seen=seen).text
    anchored = poll(client, seen=seen, anchor=str(NOW_NS - S)).text
    assert "1 newer" in anchored
    assert ">two<" not in anchored, "who reads further down keeps the place"
    paused = poll(client, seen=seen, anchor=str(NOW_NS - S), paused=str(NOW_NS // S))
    assert '<hx-partial hx-target="#list"' not in paused.text
    assert "1 new" in Outline(paused.text).one(class_="pill__detail").words()


def test_a_search_that_is_not_finished_says_so_and_a_poll_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.index.held.SEARCH_NS", 0)
    monkeypatch.setattr("diamond_viewer.web.log_views.FURTHER_S", 0)
    client = client_for(*(logs_line(log(f"needle {n}", time_ns=NOW_NS - n * S)) for n in range(60)))
    page = outline(client, text="needle")
    assert "Searched back to" in page.one(class_="list__partial").words()
    assert page.one(id="list").attributes["data-total"].startswith("at least ")
    for _ in range(80):
        answer = poll(client, text="needle")
        if "Searched back to" not in answer.text:
            break
    assert "60 records" in answer.text


def test_a_poll_gives_up_a_search_that_comes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a cluster with more records than are looked through."""
    monkeypatch.setattr("diamond_viewer.web.log_views.FURTHER_S", 60)
    store = filled([[logs_line(log("needle"))]])
    store.report(FeedState(ready=True))
    whole, asked = store.logs, list[LogQuery]()

    def logs(query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        asked.append(query)
        assert len(asked) < 10, "the same is asked for again and again"
        return replace(whole(query, now_ns, buckets), is_complete=False, scanned_to_ns=NOW_NS)

    monkeypatch.setattr(store, "logs", logs)
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    assert "Searched back to" in poll(client, text="needle").text
    assert len(asked) == 3  # twice to see that nothing is gained, once for the list


def test_what_has_left_memory_is_said() -> None:
    store = filled([[logs_line(log("kept", time_ns=NOW_NS))]])
    store._log_share.held_since_ns = NOW_NS - 60 * S
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    assert "are no longer held: --memory is 1 GiB." in client.get("/logs").text
    assert "are no longer held" not in client.get("/logs?since=30s").text
