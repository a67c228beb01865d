"""Jaeger's query API: the shapes that were recorded from Jaeger, its parameters, its errors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.query import Query
from diamond_viewer.settings.settings import Settings
from diamond_viewer.telemetry.model import Page
from diamond_viewer.telemetry.otlp_pasted import read_pasted
from diamond_viewer.web import jaeger_api
from diamond_viewer.web.app import app_for, create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import TRACES, MakeClient
from tests.writing import A_TIME_NS, event, line, span, trace_id

RECORDED = Path(__file__).parents[1] / "data" / "variants" / "jaeger" / "trace.json"
LINES = TRACES.read_bytes().splitlines()
WEB = "diamond-district-web"
START_US = A_TIME_NS // 1000


@pytest.fixture(scope="module")
def jaeger() -> FlaskClient:
    return create_app(filled([LINES]), clock=lambda: NOW_NS).test_client()


def client_with(*lines: bytes) -> FlaskClient:
    return create_app(filled([lines]), clock=lambda: NOW_NS).test_client()


def ask(client: FlaskClient, path: str, status: int = 200, **params: Any) -> Any:
    response = client.get(f"/jaeger/api{path}", query_string=params)
    assert (response.status_code, response.mimetype) == (status, "application/json"), response.text
    answer = response.get_json()
    assert set(answer) == {"data", "total", "limit", "offset", "errors"}
    return answer


def found(client: FlaskClient, **params: Any) -> list[str]:
    return [trace["traceID"] for trace in ask(client, "/traces", **params)["data"]]


def refusal(client: FlaskClient, path: str, status: int = 400, **params: Any) -> str:
    answer = ask(client, path, status, **params)
    assert (answer["data"], len(answer["errors"]), answer["errors"][0]["code"]) == (None, 1, status)
    return str(answer["errors"][0]["msg"])


def test_what_jaeger_answered_is_answered_again() -> None:
    recorded = json.loads(RECORDED.read_bytes())["data"][0]
    recorded["spans"][0]["spanID"] = "00000000000000a1"  # Jaeger pads ids today
    client = client_with(*read_pasted(RECORDED.read_bytes(), 1000).lines)
    answered = ask(client, f"/traces/{recorded['traceID']}")["data"]
    assert len(answered) == 1
    for one in (recorded, answered[0]):
        for said in one["spans"]:
            said["tags"].sort(key=lambda tag: tag["key"])
    # a log without a name came in as an event called "log", and is no longer told apart
    answered[0]["spans"][1]["logs"][1]["fields"] = answered[0]["spans"][1]["logs"][1]["fields"][1:]
    assert answered[0] == recorded


def test_every_real_trace_comes_back_as_it_was_when_it_is_imported_again(jaeger: FlaskClient) -> None:
    plain = PlainStore.from_lines(LINES)
    ids = [row["trace_id"] for row in jaeger.get("/api/traces?limit=60").get_json()["traces"]]
    answer = jaeger.get("/jaeger/api/traces", query_string=[("traceID", one) for one in ids])
    again = PlainStore.from_lines(read_pasted(answer.data, 10**7).lines)
    for one in ids:
        before, after = plain.trace(one), again.trace(one)
        assert before is not None
        assert after is not None
        assert sorted(_essence(each) for each in before.spans) == sorted(_essence(each) for each in after.spans)


def _essence(span: Any) -> str:
    """What survives: times to the microsecond, lists as their JSON. Jaeger says of each failed span that it is one."""
    scalars = {k: v for k, v in span.attributes.items() if isinstance(v, str | int | float) and k != "error"}
    events = [(one.name, one.time_ns // 1000, len(one.attributes)) for one in span.events]
    links = [(link.trace_id, link.span_id) for link in span.links]
    times = span.start_ns // 1000, span.duration_ns // 1000
    names = span.name, span.service, span.scope.name, span.scope.version, span.trace_state
    status = span.kind, span.status_code, span.status_message
    return repr((span.span_id, span.parent_id, *times, *names, *status, sorted(scalars.items()), events, links))


def test_services_and_their_operations(jaeger: FlaskClient) -> None:
    services = ask(jaeger, "/services")
    assert services["data"] == ["diamond-district-player", WEB, "diamond-district-worker"]
    assert services["total"] == 3
    names = ask(jaeger, f"/services/{WEB}/operations")["data"]
    assert "GET /api/video/[lessonId]" in names
    assert "process progress-analytics" not in names  # the worker's, in the same traces
    assert names == sorted(names)
    of_kind = ask(jaeger, "/operations", service=WEB, spanKind="server")["data"]
    assert {one["spanKind"] for one in of_kind} == {"server"}
    assert {one["name"] for one in of_kind} < set(names)
    assert refusal(jaeger, "/operations") == "parameter 'service' is required"
    assert ask(jaeger, "/services/nobody/operations")["data"] == []


def test_a_store_that_cannot_tell_names_by_service_answers_those_of_its_traces(
    real_store: PlainStore, client_of: MakeClient
) -> None:
    names = ask(client_of(real_store), f"/services/{WEB}/operations")["data"]
    assert {"GET /api/video/[lessonId]", "process progress-analytics"} <= set(names)


def test_all_conditions_hold_on_one_span() -> None:
    client = client_with(
        line(span(1, name="a", lasts_ns=2_000_000, attributes={"region": "eu"}), span(2, 1, name="b", lasts_ns=500)),
        line(span(1, trace=2, name="b", lasts_ns=2_000_000, kind=3, status_code=2, attributes={"user.id": "u-1"})),
        line(span(1, trace=3, name="b", lasts_ns=2_000_000), service="shop"),
    )
    one, two = trace_id(1), trace_id(2)
    assert set(found(client, service="web")) == {one, two}
    assert found(client, service="web", operation="b", minDuration="1ms") == [two]
    assert found(client, service="web", operation="b", maxDuration="1us") == [one]
    assert found(client, service="web", operation="a", tags='{"region":"eu"}') == [one]
    assert found(client, service="web", operation="b", tags='{"region":"eu"}') == []
    assert found(client, service="web", tags='{"error":"true","user.id":"u-1"}') == [two]
    assert found(client, service="web", tag="span.kind:client") == [two]
    assert found(client, service="web", tags='{"error":"false"}') == [one]
    assert found(client, service="web", operation="all") == found(client, service="web")
    assert len(found(client, service="web", limit=1)) == 1


def test_the_window_is_in_microseconds_or_looks_back() -> None:
    client = client_with(line(span(1)), line(span(1, trace=2, start_ns=A_TIME_NS + 3_600 * 10**9)))
    assert found(client, service="web", start=START_US - 1, end=START_US + 10**6) == [trace_id(1)]
    end = START_US + 3_601 * 10**6
    assert found(client, service="web", end=end, lookback="30m") == [trace_id(2)]
    assert len(found(client, service="web", end=end, lookback="2d")) == 2
    assert len(found(client, service="web", lookback="custom")) == 2


def test_a_search_goes_on_until_everything_was_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled([LINES])
    page, asked_times = store.search(Query(), NOW_NS), []

    def search(query: Query, now_ns: int) -> Page:
        asked_times.append(now_ns)
        return replace(page, is_complete=len(asked_times) > 3)

    monkeypatch.setattr(store, "search", search)
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    assert ask(client, "/traces", service=WEB)["errors"] is None
    assert len(asked_times) == 4


def test_traces_are_asked_for_by_any_spelling_of_their_id(jaeger: FlaskClient) -> None:
    known = jaeger.get("/api/traces?limit=1").get_json()["traces"][0]["trace_id"]
    for text in (known, known.upper(), f"00-{known}-b7ad6b7169203331-01"):
        assert ask(jaeger, f"/traces/{text}")["data"][0]["traceID"] == known
    client = client_with(line(span(1, trace=0xABC)))
    assert ask(client, "/traces/abc")["data"][0]["traceID"] == trace_id(0xABC)
    several = ask(client, "/traces", traceID=[trace_id(0xABC), "ffff"])
    assert len(several["data"]) == 1
    assert several["errors"] == [{"msg": "trace not found", "traceID": trace_id(0xFFFF)}]


def test_an_answer_has_no_more_spans_than_it_may_and_names_the_traces_that_are_not_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = {1: 2, 2: 5, 3: 4, 4: 9}  # spans by trace, oldest first
    lines = [
        line(*(span(10 * one + at, trace=one, start_ns=A_TIME_NS + one * 10**9) for at in range(size)))
        for one, size in sizes.items()
    ]
    client = client_with(*lines)
    monkeypatch.setattr(jaeger_api, "MAX_ANSWER_SPANS", 6)

    def answered(**params: Any) -> tuple[list[int], dict[str, str]]:
        answer = ask(client, "/traces", **params)
        return (
            [int(one["traceID"], 16) for one in answer["data"]],
            {one["traceID"]: one["msg"] for one in answer["errors"]},
        )

    # the newest alone is more than that, and is answered all the same
    assert answered(service="web")[0] == [4]
    several, left_out = answered(traceID=[trace_id(one) for one in (3, 3, 2, 1, 7)])
    assert several == [3, 1]
    assert left_out == {
        trace_id(7): "trace not found",
        trace_id(2): "This trace has 5 spans: with it the answer would have more than 6. Ask for it by itself.",
    }
    assert len(ask(client, f"/traces/{trace_id(4)}")["data"][0]["spans"]) == 9
    monkeypatch.setattr(jaeger_api, "MAX_ANSWER_SPANS", 20)
    assert found(client, service="web") == [trace_id(one) for one in (4, 3, 2, 1)]


def test_who_calls_whom_in_a_window() -> None:
    lines = [line(span(1, kind=3)), line(span(2, 1, kind=2), service="shop")]
    client = client_with(*lines)
    link = {"parent": "web", "child": "shop", "callCount": 1}
    assert ask(client, "/dependencies", endTs=A_TIME_NS // 10**6 + 1, lookback=86_400_000)["data"] == [link]
    assert ask(client, "/dependencies", endTs=A_TIME_NS // 10**6 - 1000, lookback=1000)["data"] == []
    assert ask(client, "/dependencies", service="shop")["data"] == [link]
    assert ask(client, "/dependencies", service="other")["data"] == []


@pytest.mark.parametrize(
    ("path", "params", "complaint"),
    [
        ("/traces", {}, "parameter 'service' is required"),
        ("/traces", {"service": "a", "tags": "{"}, "malformed 'tags' parameter"),
        ("/traces", {"service": "a", "tags": '{"a":1}'}, "malformed 'tags' parameter"),
        ("/traces", {"service": "a", "tag": "x"}, "malformed 'tag' parameter, expecting key:value, received: x"),
        ("/traces", {"service": "a", "limit": "-1"}, "unable to parse param 'limit'"),
        ("/traces", {"service": "a", "start": "yesterday"}, "unable to parse param 'start'"),
        ("/traces", {"service": "a", "minDuration": "5"}, "unable to parse param 'minDuration'"),
        ("/traces", {"service": "a", "minDuration": "2s", "maxDuration": "1s"}, "'maxDuration' should be greater"),
        ("/traces/xyz", {}, "cannot parse traceID param"),
        ("/dependencies", {"endTs": "1.5"}, "unable to parse param 'endTs'"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_jaeger_s_shape(
    jaeger: FlaskClient, path: str, params: dict[str, Any], complaint: str
) -> None:
    assert refusal(jaeger, path, **params).startswith(complaint)


def test_what_is_not_there_is_said_in_jaeger_s_shape(jaeger: FlaskClient) -> None:
    assert refusal(jaeger, "/traces/abcdef", 404).startswith("trace not found: ")
    assert refusal(jaeger, "/metrics/calls", 404) == "There is nothing at this address."
    assert refusal(jaeger, "/services", 414, x="y" * 10_000).startswith("The query string")


def test_a_stranger_is_refused_in_jaeger_s_shape(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-grafana\n")
    client = app_for(filled([LINES[:1]]), Settings(auth_token_file=str(tokens))).test_client()
    assert refusal(client, "/services", 401).startswith("This viewer needs a token")
    bearer = {"Authorization": "Bearer a-token-of-grafana"}
    assert client.get("/jaeger/api/services", headers=bearer).status_code == 200
    cross_site = {**bearer, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert client.get("/jaeger/api/services", headers=cross_site).status_code == 403


def test_secrets_are_taken_out_before_jaeger_sees_them() -> None:
    said = span(
        1,
        attributes={"http.request.header.authorization": "Bearer abcdefghijkl"},
        events=[event("x", token="t0ps3cret")],
    )
    client = client_with(line(said))
    text = client.get(f"/jaeger/api/traces/{trace_id(1)}").text
    assert "abcdefghijkl" not in text
    assert "t0ps3cret" not in text


def test_values_keep_their_types() -> None:
    attributes = {"big": 2**60, "share": 0.5, "cold": True, "list": ["a", 1, {"k": None}], "nothing": None}
    client = client_with(line(span(1, attributes=attributes)))
    tags = {one["key"]: one for one in ask(client, f"/traces/{trace_id(1)}")["data"][0]["spans"][0]["tags"]}
    assert tags["big"] == {"key": "big", "type": "int64", "value": str(2**60)}
    assert tags["share"] == {"key": "share", "type": "float64", "value": 0.5}
    assert tags["cold"] == {"key": "cold", "type": "bool", "value": True}
    assert tags["list"] == {"key": "list", "type": "string", "value": '["a",1,{"k":null}]'}
    assert tags["nothing"]["value"] == ""


@pytest.mark.parametrize("member", ["startTimeUnixNano", "endTimeUnixNano", "event"])
def test_a_time_that_no_clock_shows_is_the_latest_there_is_and_the_answer_is_whole(member: str) -> None:
    never, last_us = "9" * 23, (2**63 - 1) // 1000
    more = {"events": [event("x", int(never))]} if member == "event" else {member: never}
    one = ask(client_with(line(span(1, **more))), f"/traces/{trace_id(1)}")["data"][0]["spans"][0]
    match member:
        case "startTimeUnixNano":
            assert (one["startTime"], one["duration"]) == (last_us, 0)
        case "endTimeUnixNano":
            assert (one["startTime"], one["duration"]) == (START_US, last_us)
        case _:
            assert (one["startTime"], one["logs"][0]["timestamp"]) == (START_US, last_us)
