"""Journeys tell what was logged: warnings and errors of the traces on them, in the lanes and in the tale."""

import re

from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.conftest import TRACES
from tests.web.html_outline import Element, Outline
from tests.writing import A_TIME_NS, event, line, log, logs_line, span, span_id, trace_id

S = 10**9
LOGS = TRACES.with_name("logs.json")


def client_for(*lines: bytes) -> FlaskClient:
    store = filled([lines])
    store.report(FeedState(ready=True))
    return create_app(store, clock=lambda: NOW_NS).test_client()


def outline(client: FlaskClient, path: str) -> Outline:
    found = Outline(client.get(path).text)
    assert found.problems == []
    return found


def logged(page: Outline) -> list[Element]:
    """What is said below lines, without what rules say."""
    return [said for said in page.find(class_="tale__finding") if said.words().startswith("Logged")]


def tale(page: Outline) -> list[str]:
    return [row.words() for row in page.find(class_="tale__line")]


def lost(trace: int, at_s: int) -> bytes:
    """A trace that the tale has a line for."""
    happened = [event("auth.failed", A_TIME_NS + at_s * S, hasCookie=False)]
    attributes = {"user.id": "u1"}
    return line(
        span(trace, trace=trace, name="GET /x", start_ns=A_TIME_NS + at_s * S, attributes=attributes, events=happened)
    )


def quiet(trace: int, at_s: int, **attributes: str) -> bytes:
    return line(
        span(
            trace, trace=trace, name="GET /y", start_ns=A_TIME_NS + at_s * S, attributes={"user.id": "u1", **attributes}
        )
    )


def warn(text: str, trace: int, at_s: int, **more: object) -> dict[str, object]:
    return log(text, trace=trace, time_ns=A_TIME_NS + at_s * S, **{"severityNumber": 13, **more})  # type: ignore[arg-type]


def test_what_was_logged_stands_below_the_line_of_its_trace_and_leads_to_its_span() -> None:
    logs = logs_line(
        warn("cookie is gone", 1, 0, spanId=span_id(1)),
        warn("cookie is gone", 1, 1),
        warn("fine", 1, 0, severityNumber=9),
    )
    page = outline(client_for(lost(1, 0), logs), "/users/u1")
    (said,) = logged(page)
    assert said.words() == "Logged warn: cookie is gone ×2"
    assert said.children[0].attributes["href"] == f"/traces/{trace_id(1)}?span={span_id(1)}"
    assert "fine" not in page.one(class_="tale").words()


def test_what_was_logged_where_nothing_else_tells_is_a_line_of_its_own_in_its_place() -> None:
    logs = logs_line(
        warn("disk slow", 2, 20, severityNumber=17),
        warn("names the user itself", 0, 40, attributes={"userId": "u1"}),
        warn("of somebody else", 0, 41, attributes={"userId": "u2"}),
    )
    page = outline(client_for(lost(1, 0), quiet(2, 20), lost(3, 3 * 3600), logs), "/users/u1")
    words = tale(page)
    assert [
        next(title for title in ("Session lost", "disk slow", "names the user") if title in one) for one in words
    ] == [
        "Session lost",
        "disk slow",
        "names the user",
        "Session lost",
    ]
    assert "error" in words[1]
    rows = page.find(class_="tale__clock")
    assert rows[1].attributes["href"] == f"/traces/{trace_id(2)}"
    assert rows[2].attributes["href"] == "/logs?severity=warn&user=u1"


def test_lanes_have_a_diamond_where_something_was_logged_in_the_lane_of_its_trace() -> None:
    logs = logs_line(warn("disk slow", 2, 20, severityNumber=17), warn("odd", 1, 0))
    page = outline(client_for(quiet(1, 0), quiet(2, 20), logs), "/users/u1")
    marks = {mark.attributes["class"].split()[-1]: mark for mark in page.find(class_="lane__diamond")}
    assert marks.keys() == {"lane__diamond--error", "lane__diamond--auth"}
    assert marks["lane__diamond--error"].words().startswith("log: disk slow, 14:38:35, error")
    assert marks["lane__diamond--error"].attributes["href"] == f"/traces/{trace_id(2)}"


def test_a_lesson_shows_them_in_its_lanes_and_both_lead_to_all_logs() -> None:
    client = client_for(quiet(1, 0, **{"lesson.id": "l1"}), logs_line(warn("odd", 1, 0)))
    page = outline(client, "/lessons/l1")
    assert "log: odd" in page.one(class_="lane__diamond").words()
    hrefs = [e.attributes["href"] for e in page.find(class_="button") if e.words() == "Logs"]
    assert hrefs == ["/logs?lesson=l1"]
    assert "1 record" in client.get(hrefs[0]).text
    assert "/logs?lesson=l1&amp;since=20d" in client.get("/lessons/l1?since=20d").text


def test_a_thousand_warnings_are_told_in_a_few_lines_and_said_to_be_more() -> None:
    logs = [logs_line(*(warn(f"n{number % 50}", 1, number // 100) for number in range(1_000)))]
    page = outline(client_for(lost(1, 0), *logs), "/users/u1")
    assert len(logged(page)) == 4
    assert "The newest 200 of 1,000 warnings and errors that were logged" in page.root.words()


def test_the_real_warnings_of_a_user_are_all_told() -> None:
    lines = [*TRACES.read_bytes().splitlines(), *LOGS.read_bytes().splitlines()]
    client = client_for(*lines)
    known = {row["trace_id"] for row in client.get("/api/traces?user=usr_0007&limit=1000").json["traces"]}  # type: ignore[index]
    records = re.findall(r'"severityNumber":1[3-9].*?"traceId":"([0-9a-f]{32})"', LOGS.read_text())
    expected = sum(of in known for of in records)
    page = outline(client, "/users/usr_0007").one(class_="tale").words()
    told = re.findall(r"Logged (?:warn|error): [^×]*?(?: ×(\d+))?(?= Logged| \d\d:\d\d:\d\d|$| POST| GET)", page)
    assert expected > 0
    assert sum(int(count or 1) for count in told) == expected


def test_the_markdown_of_a_journey_tells_them_too() -> None:
    client = client_for(lost(1, 0), quiet(2, 9), logs_line(warn("cookie *gone*", 1, 0), warn("alone", 2, 9)))
    text = client.get("/users/u1?as=markdown").text
    assert "  * Logged warn: cookie \\*gone\\*" in text
    assert "**Logged**: alone **warn**" in text
