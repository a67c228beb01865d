"""Logs on the page of their trace: told among the events, with severity, text and attributes."""

import json
from pathlib import Path

import pytest

from diamond_viewer.web.app import create_app
from tests.accepting import compare
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.html_outline import Element
from tests.web.test_trace_faults import Seen
from tests.writing import A_TIME_NS, event, line, log, logs_line, span, span_id, trace_id

DATA = Path(__file__).parents[1] / "data" / "diamond-district"
FAILED = "64ca9bd24dffecb1bed85b2f6178dd24"
WITH_SIX_LOGS = "4785e271b3daa680fd09a81249c1380e"
MS = 1_000_000


def story(seen: Seen, asked: str = "") -> list[Element]:
    return seen.page(1, asked).find(class_="story__entry")


def test_events_and_logs_are_one_story_in_order_of_time() -> None:
    seen = Seen(
        line(span(1, name="GET /x", events=[event("auth.session.check", A_TIME_NS + 1), event("tick", A_TIME_NS + 3)])),
        logs_line(
            log("saved", of=1, time_ns=A_TIME_NS + 2, severityNumber=9, attributes={"ms": 12}),
            log({"position": 7}, of=1, time_ns=A_TIME_NS + 4, eventName="video.progress"),
            log("of no span", time_ns=A_TIME_NS + 5),
            log("lost span", of=99, time_ns=A_TIME_NS + 6),
        ),
    )
    words = [" ".join(entry.words().split()) for entry in story(seen)]
    assert [word.split()[2] for word in words] == ["auth.session.check", "info", "tick", "log", "log", "log"]
    assert "saved GET /x · ms=12" in words[1]
    assert "video.progress GET /x" in words[3]
    assert "position" in words[3]
    assert f"Its span {span_id(99)} is not in the files." in words[5]
    assert [entry.words() for entry in story(seen, "?kind=log")] == [story(seen)[at].words() for at in (1, 4, 5)]


def test_a_log_is_shown_in_its_span_found_by_the_search_and_marked_when_it_is_an_event() -> None:
    seen = Seen(
        line(span(1, lasts_ns=10 * MS), span(2, 1)),
        logs_line(log("needle in a log", of=2), log("x", of=2, eventName="video.loaded", attributes={"k": "v"})),
    )
    assert "needle in a log" in seen.words(f"?span={span_id(2)}")
    page = seen.page(1, "?find=needle")
    assert page.one(class_="tools__count").words() == "1 of 1"
    assert page.one(class_="span--current").attributes["id"] == f"s-{span_id(2)}"
    assert len(page.find(class_="span__event")) == 1


def test_an_exception_that_was_logged_is_of_that_kind() -> None:
    seen = Seen(line(span(1)), logs_line(log("oh", of=1, severityNumber=17, attributes={"exception.type": "E"}), log()))
    chips = [e.words() for e in seen.page().root.all() if e.tag == "a" and e.words() in ("exception 1", "log 1")]
    assert chips == ["exception 1", "log 1"]


def test_the_json_of_a_trace_has_its_logs_and_can_be_read_again() -> None:
    seen = Seen(
        line(span(1)),
        logs_line(
            log("saved", of=1, time_ns=A_TIME_NS + 2, severityNumber=9, attributes={"ms": 12, "password": "hunter2"}),
            log({"at": [1, 0.5]}, eventName="video.progress"),
        ),
    )
    for asked in (f"/traces/{trace_id(1)}/download.json", f"/api/traces/{trace_id(1)}"):
        text = seen.client.get(asked).data
        assert b"hunter2" not in text
        again = Seen(text)
        assert [entry.words() for entry in story(again)] == [entry.words() for entry in story(seen)]
        assert [entry.words() for entry in story(again)] != []
        document = json.loads(text)
        assert [len(scope["logRecords"]) for of in document["resourceLogs"] for scope in of["scopeLogs"]] == [2]
    assert "resourceLogs" not in json.loads(Seen(line(span(1))).client.get(f"/api/traces/{trace_id(1)}").data)


def test_text_markup_and_offline_file_tell_logs_too() -> None:
    seen = Seen(line(span(1)), logs_line(log("<b>saved</b>", of=1, severityText="INFO")))
    for asked in ("outline.txt", "outline.md", "offline.html"):
        text = seen.client.get(f"/traces/{trace_id(1)}/{asked}").get_data(as_text=True)
        assert "saved" in text, asked
        assert ("<b>saved" in text) is (asked == "outline.txt")


@pytest.mark.parametrize("path", ["/api/traces/{}", "/traces/{}/download.json"])
def test_the_json_of_a_log_says_what_was_written_and_no_more_and_can_be_read_again(path: str) -> None:
    records = [
        log("first", of=1, time_ns=A_TIME_NS + 1, severityNumber=9, flags=1, attributes={"ms": 12}),
        log({"a": [1]}, time_ns=A_TIME_NS + 2, severityText="WARN", observedTimeUnixNano=str(A_TIME_NS + 3)),
        {"traceId": trace_id(1), "observedTimeUnixNano": str(A_TIME_NS + 4), "eventName": "video.loaded"},
    ]
    seen = Seen(line(span(1)), logs_line(*records))
    document = seen.client.get(path.format(trace_id(1))).data
    assert json.loads(document)["resourceLogs"][0]["scopeLogs"][0]["logRecords"] == records
    again = Seen(document)
    assert [entry.words() for entry in story(again)] == [entry.words() for entry in story(seen)]
    assert len(again.spans()) == 1


def test_the_real_logs_stand_in_the_story_of_their_trace() -> None:
    seen = Seen(*(DATA / "traces.json").read_bytes().splitlines(), *(DATA / "logs.json").read_bytes().splitlines())
    held = seen.store.health().counters
    assert (held["logs"], held["duplicate_logs"]) == (138, 0)
    with_logs = [line for line in (DATA / "logs.json").read_bytes().splitlines() if FAILED.encode() in line]
    page = seen.client.get(f"/traces/{FAILED}").get_data(as_text=True)
    assert bool(with_logs) == ('badge--error">error</span> <b class="story__name">' in page)


def test_a_real_trace_with_logs_is_told_as_it_was_accepted() -> None:
    seen = Seen(*(DATA / "traces.json").read_bytes().splitlines(), *(DATA / "logs.json").read_bytes().splitlines())
    drawn = seen.client.get(f"/traces/{WITH_SIX_LOGS}/outline.txt").text
    assert sum(" log " in line or " info " in line for line in drawn.splitlines()) >= 6
    compare("trace/a-session-with-six-logs.txt", drawn)


def test_a_trace_with_100000_logs_is_a_page() -> None:
    records = [log(f"line {number}", of=1, time_ns=A_TIME_NS + number) for number in range(100_000)]
    seen = Seen(line(span(1)), logs_line(*records))
    response = seen.client.get(f"/traces/{trace_id(1)}?span={span_id(1)}")
    assert len(response.data) < 500_000
    assert "Events 1–100 of 100,000" in response.get_data(as_text=True)
    assert "99,900 logs more of this span" in response.get_data(as_text=True)


def test_a_log_with_numbers_that_are_none_stops_no_page_and_no_answer() -> None:
    odd = log("odd", of=1, droppedAttributesCount="x", flags="x", observedTimeUnixNano="x")
    client = create_app(filled([[line(span(1)), logs_line(odd)]]), clock=lambda: NOW_NS).test_client()
    pages = ("/logs", "/api/logs", f"/traces/{trace_id(1)}", f"/api/traces/{trace_id(1)}")
    for address in (*pages, f"/jaeger/api/traces/{trace_id(1)}", f"/tempo/api/traces/{trace_id(1)}"):
        answer = client.get(address)
        assert (address, answer.status_code) == (address, 200)
        assert address not in pages or "odd" in answer.text
