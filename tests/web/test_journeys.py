"""Journeys: figures by plain counting over the raw lines, whoever is unknown, hostile ids, and what windows do."""

import json
import re
from collections import defaultdict
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from diamond_viewer.web.journey_address import journey_href
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import TRACES
from tests.web.html_outline import Outline
from tests.web.test_golden import compare
from tests.writing import A_TIME_NS, event, line, span

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
HOSTILE = [EVIL, "a/b", "a//b?c=d#e", "%2e%2e", "naïve 💎 id", "`|[x](y)", "x" * 500, "{{7*7}}", "'; drop"]
MINUTE_NS = 60 * 10**9
KEYS = {"user": ("user.id", "userId", "user_id", "enduser.id"), "lesson": ("lesson.id", "lessonId", "lesson_id")}

Wire = dict[str, Any]


def client_for(*lines: bytes, follows_people: bool = True) -> FlaskClient:
    store = filled([lines], follows_people=follows_people)
    store.report(FeedState(ready=True))
    return create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.fixture(scope="module")
def real() -> FlaskClient:
    return client_for(*TRACES.read_bytes().splitlines())


def ask(client: FlaskClient, path: str, **params: str) -> Any:
    response = client.get(path, query_string=params)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def page_of(client: FlaskClient, path: str, status: int = 200) -> Outline:
    response = client.get(path)
    assert response.status_code == status
    outline = Outline(response.get_data(as_text=True))
    assert outline.problems == []
    return outline


def values_of(attributes: list[Wire]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in attributes}


def ids_in(field: str, *attributes: dict[str, Any]) -> set[str]:
    return {held[key] for held in attributes for key in KEYS[field] if key in held}


def raw_traces() -> dict[str, list[Wire]]:
    """Spans of each trace as they stand in the file; one that was written twice counts once."""
    traces: dict[str, dict[str, Wire]] = defaultdict(dict)
    for document in map(json.loads, TRACES.read_text().splitlines()):
        for block in document["resourceSpans"]:
            for one in (held for scope in block["scopeSpans"] for held in scope["spans"]):
                traces[one["traceId"]][json.dumps(one, sort_keys=True)] = one
    return {trace: list(spans.values()) for trace, spans in traces.items()}


def counted(field: str, value: str) -> dict[str, Any]:
    """What the raw lines say of a user or lesson, for telemetry in which every telling span names both."""
    figures = dict.fromkeys(
        ("traces", "error_traces", "starts", "completions", "buffering", "mismatches", "resumes"), 0
    )
    watched_s, loads = 0.0, []
    names = {
        "video.loaded": "starts",
        "progress.auto_complete_triggered": "completions",
        "video.buffering": "buffering",
        "video.resume_position_mismatch": "mismatches",
        "video.resume_attempt": "resumes",
    }
    for spans in raw_traces().values():
        own = [values_of(one.get("attributes", [])) for one in spans]
        said = [values_of(told.get("attributes", [])) for one in spans for told in one.get("events", [])]
        if value not in ids_in(field, *own, *said):
            continue
        figures["traces"] += 1
        figures["error_traces"] += any(one.get("status", {}).get("code") == 2 for one in spans)
        for one, attributes in zip(spans, own, strict=True):
            for told in one.get("events", []):
                cells = values_of(told.get("attributes", []))
                theirs = ids_in(field, attributes, cells)
                if theirs and value not in theirs:
                    continue
                if told["name"] in names:
                    figures[names[told["name"]]] += 1
                if told["name"] == "video.loaded":
                    loads.append(float(cells["loadTimeMs"]))
                if told["name"] == "progress.data_received":
                    watched_s += float(cells["watchTime"])
    loads.sort()
    p95 = loads[-(-95 * len(loads) // 100) - 1] if loads else None
    return {**figures, "watched_s": watched_s, "load_p95_ms": p95}


@pytest.mark.parametrize(("field", "path"), [("user", "/api/users/"), ("lesson", "/api/lessons/")])
def test_figures_are_those_of_the_raw_lines(real: FlaskClient, field: str, path: str) -> None:
    listed = ask(real, "/api/journeys", limit="1000")[f"{field}s"]
    assert listed["total"] == len(listed["rows"]) > 10
    for row in listed["rows"]:
        told, truth = ask(real, path + quote(row["id"], safe="")), counted(field, row["id"])
        assert {key: told[key] for key in truth} == truth, row["id"]
        assert row["traces"] == truth["traces"]
        assert row["flags"].get("error", 0) == truth["error_traces"]


@pytest.mark.parametrize(("field", "value"), [("user", "usr_0007"), ("user", "usr_0023"), ("lesson", "lesson-012")])
def test_the_figures_on_the_page_are_those_of_the_raw_lines(real: FlaskClient, field: str, value: str) -> None:
    strip = page_of(real, f"/{field}s/{value}").find(class_="figure")
    shown = {}
    for figure in strip:
        words = {e.attributes.get("class"): e.words() for e in figure.all()}
        shown[words["figure__label"]] = words["figure__value"]
    truth = counted(field, value)
    for label, key in (("Traces", "traces"), ("Error traces", "error_traces"), ("Buffering", "buffering")):
        assert shown[label] == str(truth[key]), (label, shown)
    if field == "user":
        minutes, seconds_left = divmod(round(truth["watched_s"]), 60)
        assert shown["Watched"] == (f"{minutes} min {seconds_left} s" if minutes else f"{seconds_left} s")


def test_lessons_watched_add_up_to_the_journey(real: FlaskClient) -> None:
    told = ask(real, "/api/users/usr_0007")
    for key in ("watched_s", "starts", "completions", "buffering", "mismatches", "saves"):
        assert sum(one[key] for one in told["lessons"]) == told[key], key
    assert told["watched_s"] == 78
    assert (told["saves"], told["lost_saves"], told["lost_s"]) == (5, 2, 3)
    assert len(told["trace_list"]) == told["traces"] == 53


def test_recent_trouble_stands_first(real: FlaskClient) -> None:
    rows = ask(real, "/api/journeys")["users"]["rows"]
    in_trouble = [row for row in rows if row["bad_traces"]]
    assert rows[: len(in_trouble)] == in_trouble != []
    last = [int(row["last_trouble_unix_nano"]) for row in in_trouble]
    assert last == sorted(last, reverse=True)
    words = page_of(real, "/journeys?find=0007").root.words()
    assert "8 failed" in words
    assert "4 resumed wrongly" in words
    assert "usr_0023" not in words


def test_the_tale_says_what_happened_and_what_the_rules_found(real: FlaskClient) -> None:
    words = page_of(real, "/users/usr_0007").root.words()
    for said in (
        "Signed in auth.session.created",
        "Playback stalled ×2 lesson-012 video.buffering twice · 410 ms waiting buffering",
        "Progress not saved lesson-404 POST /api/progress → 500 · progress.data_received lost 3 s of progress",
        "POST /api/progress failed with 500: P2003: Foreign key constraint violated",
        "Duplicate calls GET /api/video/[lessonId] was called 3 times within 22 ms for lesson-011.",
    ):
        assert said in words


def signed_out_and_in(*, gap_ns: int = 27 * 10**9) -> bytes:
    who = {"user.id": "ada"}
    out = {**who, "http.route": "/api/me", "http.status_code": 401}
    refused = [event("auth.failed", A_TIME_NS + place, hasCookie=False) for place in (1, 2)]
    sent = event("middleware.redirect", A_TIME_NS + 3, to="/login", hasCookie=False)
    back = event("auth.session.created", A_TIME_NS + gap_ns)
    return line(
        span(1, trace=1, name="GET /api/me", kind=2, attributes=out, events=[*refused, sent]),
        span(2, trace=2, name="POST /api/auth/x", start_ns=A_TIME_NS + gap_ns, attributes=who, events=[back]),
    )


def test_a_lost_session_is_one_sentence_and_coming_back_the_next() -> None:
    [lost, back] = ask(client_for(signed_out_and_in()), "/api/users/ada")["tale"]
    assert lost["title"] == "Session lost"
    assert lost["detail"] == "auth.failed · hasCookie=false · twice → middleware.redirect once"
    assert lost["badge"] == "no cookie"
    assert (back["title"], back["detail"]) == (
        "Signed in again",
        "auth.session.created · 27 s after the session was lost",
    )


def test_half_an_hour_of_silence_ends_a_session() -> None:
    one = ask(client_for(signed_out_and_in(gap_ns=30 * MINUTE_NS)), "/api/users/ada")
    two = ask(client_for(signed_out_and_in(gap_ns=31 * MINUTE_NS)), "/api/users/ada")
    assert [visit["traces"] for visit in one["sessions"]] == [2]
    assert [visit["traces"] for visit in two["sessions"]] == [1, 1]
    assert two["tale"][1]["title"] == "Signed in"


def test_a_window_cuts_the_journey_and_can_be_moved(real: FlaskClient) -> None:
    traces = ask(real, "/api/users/usr_0007")["trace_list"]
    start_ns = sorted(int(one["start_unix_nano"]) for one in traces)[20]
    since = f"2026-11-22T14:38:{start_ns // 10**9 % 60:02}.{start_ns % 10**9:09}Z"
    ends = {one["trace_id"]: int(one["start_unix_nano"]) + one["duration_ms"] * 1e6 for one in traces}
    cut = ask(real, "/api/users/usr_0007", since=since)["trace_list"]
    assert {one["trace_id"] for one in cut} == {trace for trace, end_ns in ends.items() if end_ns >= start_ns}
    later = page_of(real, "/users/usr_0007?since=2026-11-23T00:00:00Z").root.words()
    assert "Nothing of this user in this window" in later
    assert real.get("/api/users/usr_0007?since=yesterdayish").status_code == 400
    assert real.get("/api/users/usr_0007?status=error").status_code == 400
    ignored = page_of(real, "/users/usr_0007?status=error&since=nonsense").root.words()
    assert "cannot be filtered by status" in ignored
    assert "nonsense" in ignored


@pytest.mark.parametrize("field", ["user", "lesson"])
def test_nobody_is_a_page_and_a_sentence(real: FlaskClient, field: str) -> None:
    words = page_of(real, f"/{field}s/nobody").root.words()
    assert f"No trace names this {field}" in words
    answer = real.get(f"/api/{field}s/nobody")
    assert answer.status_code == 404
    assert "'nobody'" in answer.get_json()["error"]
    assert real.get(f"/{field}s/nobody?as=markdown").status_code == 404


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_id_is_shown_and_does_nothing(value: str) -> None:
    attributes = {"user.id": value, "lesson.id": value}
    told = [
        event("video.loaded", loadTimeMs="1e400"),
        event("progress.data_received", watchTime=-5, positionSeconds=True),
    ]
    client = client_for(line(span(1, attributes=attributes, events=told, name=value, status_code=2)))
    listed = page_of(client, "/journeys")
    for field in ("user", "lesson"):
        href = journey_href(field, value)
        assert href in [element.attributes.get("href") for element in listed.root.all()]
        page = page_of(client, href)
        assert {element.tag for element in page.root.all()}.isdisjoint({"img"})
        assert " ".join(value.split()) in page.root.words()
        told_of = ask(client, f"/api{href}")
        assert (told_of[field] if field == "user" else told_of["lesson"]) == value
        assert told_of["traces"] == 1
        assert (told_of["watched_s"], told_of["load_p95_ms"]) == (0, None)
        text = client.get(f"{href}?as=markdown").get_data(as_text=True)
        assert not re.search(r"(?<!\\)<", re.sub(r"`[^`\n]*`", "", text))


def test_ids_that_cannot_stand_in_a_path_lead_to_their_traces() -> None:
    users = ("..", "/etc", "a\nb")
    client = client_for(line(*(span(at, attributes={"user.id": user}, trace=at) for at, user in enumerate(users, 1))))
    links = [element.attributes.get("href") for element in page_of(client, "/journeys").root.all()]
    assert "/trace-viewer.html?user=.." in links
    assert "/trace-viewer.html?user=%2Fetc" in links
    assert "/trace-viewer.html?user=a%0Ab" in links


def test_markdown_and_json_can_be_taken_along(real: FlaskClient) -> None:
    answer = real.get("/users/usr_0007?as=markdown")
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/markdown"
    assert text.startswith("# Journey of user `usr_0007`\n\n53 traces from 2026-11-22 14:38:17 to 14:38:28 UTC.")
    assert "| `lesson-012` | 1 min 15 s | 3.7 s | 10 |" in text
    assert "* Progress saved: 5 / 7 (3 s lost)" in text
    lesson = real.get("/lessons/lesson-012?as=markdown").get_data(as_text=True)
    assert "| Stalls per start |" in lesson
    assert "| `usr_0007` |" in lesson


def test_a_lesson_is_held_against_all_lessons(real: FlaskClient) -> None:
    told = ask(real, "/api/lessons/lesson-012")
    traces = raw_traces().values()
    every = [one["name"] for spans in traces for held in spans for one in held.get("events", [])]
    assert told["average"]["events"]["video.loaded"] == every.count("video.loaded") == 21
    assert told["average"]["lessons"] == 18
    assert {one["user"] for one in told["viewers"]} == {
        user
        for one in told["trace_list"]
        for user in one["user_ids"]
    }  # fmt: skip


def test_ten_thousand_traces_are_drawn_in_few_marks_and_no_failure_is_hidden() -> None:
    who = {"user.id": "ada"}
    spans = [
        span(
            n + 1,
            trace=n + 1,
            name="GET /x",
            start_ns=A_TIME_NS + n * 10**6,
            attributes=who,
            status_code=2 * (n == 5_000),
        )
        for n in range(10_000)
    ]
    lines = [line(*spans[at : at + 500]) for at in range(0, 10_000, 500)]
    page = page_of(
        client_for(*lines, follows_people=False), "/users/ada"
    )  # what is found over several is not drawn here
    bars = [one for one in page.root.all() if one.attributes.get("class", "").startswith("lane__bar")]
    assert 40 <= len(bars) <= 50
    [failed] = [one for one in bars if "lane__bar--error" in one.attributes["class"]]
    assert failed.attributes["href"] == f"/traces/{spans[5_000]['traceId']}"
    assert "The newest 200 of 10,000 traces" in page.root.words()


@pytest.mark.parametrize(
    ("name", "path"),
    [("user", "/users/usr_0029"), ("lesson", "/lessons/lesson-012"), ("journeys", "/journeys?find=00")],
)
def test_a_page_is_as_it_was_accepted(client: FlaskClient, name: str, path: str) -> None:
    compare(name, client.get(path).get_data(as_text=True))


def test_an_empty_store_has_no_journeys() -> None:
    client = create_app(PlainStore(), clock=lambda: NOW_NS).test_client()
    assert "No user or lesson matches" in page_of(client, "/journeys").root.words()
    assert ask(client, "/api/journeys")["users"] == {"is_complete": True, "total": 0, "in_trouble": 0, "rows": []}


def test_traces_of_a_lesson_that_failed_are_red_and_none_is_not() -> None:
    def failed(*codes: int) -> tuple[str, str]:
        spans = [span(at, trace=at, attributes={"lesson.id": "intro"}, status_code=c) for at, c in enumerate(codes, 1)]
        page = page_of(client_for(line(*spans)), "/lessons/intro")
        row = next(one for one in page.root.all() if one.tag == "tr" and "Error traces" in one.words())
        marked = [one.attributes["class"] for one in row.all() if one.tag == "span"]
        return row.words(), " ".join(marked)

    assert failed(2, 0)[1] == "watched__error"
    assert failed(0, 0) == ("Error traces 0 % 0 %", "")
