"""The part of Tempo's API that Grafana asks: shapes as Tempo's documentation shows them."""

import threading
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from diamond_viewer.settings.settings import Settings
from diamond_viewer.telemetry.protobuf import line_from_message
from diamond_viewer.web import tempo_answers, whole_search
from diamond_viewer.web.app import app_for, create_app
from tests.asking import NOW_NS, span_texts
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, TRACES
from tests.writing import A_TIME_NS, line, span, span_id, trace_id

LINES = TRACES.read_bytes().splitlines()
PROTOBUF = {"Accept": "application/protobuf"}


@pytest.fixture(scope="module")
def tempo() -> FlaskClient:
    store = filled([LINES])
    store.report(LIVE)
    return create_app(store, clock=lambda: NOW_NS).test_client()


def client_with(*lines: bytes) -> FlaskClient:
    return create_app(filled([lines]), clock=lambda: NOW_NS).test_client()


def ask(client: FlaskClient, path: str, **params: Any) -> Any:
    response = client.get(f"/tempo{path}", query_string=params)
    assert (response.status_code, response.mimetype) == (200, "application/json"), response.text
    return response.get_json()


def refusal(client: FlaskClient, path: str, status: int = 400, **params: Any) -> str:
    """Tempo says what is wrong in plain text."""
    response = client.get(f"/tempo{path}", query_string=params)
    assert (response.status_code, response.mimetype) == (status, "text/plain"), response.text
    return response.text.strip()


def known_id(client: FlaskClient) -> str:
    return str(client.get("/api/traces?limit=1&event=auth.failed").get_json()["traces"][0]["trace_id"])


def test_grafana_can_see_that_it_is_there(tempo: FlaskClient) -> None:
    assert tempo.get("/tempo/api/echo").text == "echo"
    assert tempo.get("/tempo/ready").status_code == 200
    assert client_with(line(span(1))).get("/tempo/ready").status_code == 503  # its feed has said nothing yet


def test_a_trace_in_protobuf_is_what_came_in() -> None:
    plain = PlainStore.from_lines(LINES)
    client = create_app(filled([LINES])).test_client()
    for row in client.get("/api/traces?limit=40").get_json()["traces"]:
        answer = client.get(f"/tempo/api/traces/{row['trace_id']}", headers=PROTOBUF)
        assert answer.mimetype == "application/protobuf"
        again = PlainStore.from_lines([line_from_message(answer.data)])
        assert span_texts(again.trace(row["trace_id"])) == span_texts(plain.trace(row["trace_id"]))


def test_the_second_version_wraps_the_trace(tempo: FlaskClient) -> None:
    path = f"/traces/{known_id(tempo)}"
    first = tempo.get(f"/tempo/api{path}", headers=PROTOBUF).data
    second = tempo.get(f"/tempo/api/v2{path}", headers=PROTOBUF).data
    assert second[0] == 0x0A  # field 1 of TraceByIDResponse, with a length
    assert second.endswith(first)
    assert TracesData.FromString(first).resource_spans
    assert len(second) - len(first) <= 6
    assert ask(tempo, f"/api/v2{path}")["trace"]["resourceSpans"] == ask(tempo, f"/api{path}")["batches"]


def test_json_is_as_protobuf_maps_it(tempo: FlaskClient) -> None:
    known = known_id(tempo)
    spans = [
        one
        for batch in ask(tempo, f"/api/traces/{known}")["batches"]
        for scope in batch["scopeSpans"]
        for one in scope["spans"]
    ]
    assert {b64decode(one["traceId"]).hex() for one in spans} == {known}
    assert "SPAN_KIND_SERVER" in {one["kind"] for one in spans}
    assert all(one["startTimeUnixNano"].isdigit() for one in spans)


@pytest.mark.parametrize("spelt", [str.upper, lambda known: f"00-{known}-b7ad6b7169203331-01"])
def test_an_id_may_be_spelt_in_any_way(tempo: FlaskClient, spelt: Any) -> None:
    assert ask(tempo, f"/api/traces/{spelt(known_id(tempo))}") == ask(tempo, f"/api/traces/{known_id(tempo)}")


def test_traceql_finds_traces_and_shows_the_spans_that_matched(tempo: FlaskClient) -> None:
    answer = ask(
        tempo, "/api/search", q='{ status = error && resource.service.name = "diamond-district-web" }', limit=3
    )
    assert len(answer["traces"]) == 3
    row = answer["traces"][0]
    assert set(row) == {
        *("traceID", "rootServiceName", "rootTraceName", "startTimeUnixNano", "durationMs", "spanSet", "spanSets"),
    }
    assert isinstance(row["durationMs"], int)
    shown = row["spanSets"][0]["spans"][0]
    assert set(shown) == {"spanID", "name", "startTimeUnixNano", "durationNanos", "attributes"}
    assert {"key": "status", "value": {"stringValue": "error"}} in shown["attributes"]
    assert row["spanSet"] == row["spanSets"][0]
    same = tempo.get("/api/traces", query_string={"limit": 1, "q": "span:{status:error service:diamond-district-web}"})
    assert answer["metrics"]["inspectedTraces"] == same.get_json()["total"]
    assert len(ask(tempo, "/api/search", q="{}", spss=1, limit=1)["traces"][0]["spanSet"]["spans"]) == 1
    assert len(ask(tempo, "/api/search", q="{}")["traces"]) == 20


def test_tags_are_parts_of_values_whatever_their_case() -> None:
    client = client_with(
        line(span(1, attributes={"region": "EU West"}), span(2, 1, status_code=2)),
        line(span(1, trace=2, attributes={"region": "us"}, lasts_ns=5_000_000)),
    )

    def found(**params: Any) -> list[str]:
        rows = ask(client, "/api/search", **params)["traces"]
        assert all("spanSets" not in row for row in rows)
        return [row["traceID"] for row in rows]

    assert found(tags='region="eu w" error=true') == [trace_id(1)]
    assert found(tags="service.name=we region=u", minDuration="2ms") == [trace_id(2)]
    assert found(maxDuration="2ms") == [trace_id(1)]
    start = A_TIME_NS // 10**9
    assert len(found(start=start - 1, end=start + 1)) == 2
    assert found(start=start - 9, end=start - 5) == []


def test_names_of_tags_by_scope(tempo: FlaskClient) -> None:
    scopes = {one["name"]: one["tags"] for one in ask(tempo, "/api/v2/search/tags")["scopes"]}
    assert "service.name" in scopes["resource"]
    assert "lesson.id" in scopes["span"]
    assert "hasCookie" in scopes["event"]
    assert "duration" in scopes["intrinsic"]
    only = ask(tempo, "/api/v2/search/tags", scope="resource")["scopes"]
    assert [one["name"] for one in only] == ["resource"]
    assert set(scopes["span"]) < set(ask(tempo, "/api/search/tags")["tagNames"])


@pytest.mark.parametrize(
    ("tag", "value", "kind"),
    [
        (".service.name", "diamond-district-worker", "string"),
        ("resource.service.name", "diamond-district-worker", "string"),
        ("name", "GET /api/video/[lessonId]", "string"),
        ("event:name", "auth.failed", "string"),
        ("span.lesson.id", "lesson-012", "string"),
        ("span.http.status_code", "401", "int"),
        ("event.hasCookie", "false", "bool"),
        ("status", "error", "keyword"),
        ("kind", "server", "keyword"),
    ],
)
def test_values_of_a_tag_with_their_types(tempo: FlaskClient, tag: str, value: str, kind: str) -> None:
    found = ask(tempo, f"/api/v2/search/tag/{tag}/values", q="{ status = error }" if tag.startswith("event.") else "")
    assert {"type": kind, "value": value} in found["tagValues"]
    assert value in ask(tempo, f"/api/search/tag/{tag}/values")["tagValues"]


def test_a_filter_that_is_not_finished_filters_nothing(tempo: FlaskClient) -> None:
    whole = ask(tempo, "/api/v2/search/tag/span.http.route/values")
    assert ask(tempo, "/api/v2/search/tag/span.http.route/values", q="{ resource.cluster = }") == whole


@pytest.mark.parametrize(
    ("path", "params", "complaint"),
    [
        ("/api/search", {"q": "{ status = error } | rate()"}, "At character 20: Pipelines"),
        ("/api/search", {"q": "{", "tags": "a=b"}, "invalid request: can't specify tags and q"),
        ("/api/search", {"tags": 'a="b'}, "At character 1: invalid tags"),
        ("/api/search", {"tags": "a=b a=c"}, "invalid tags: tag a has been set twice"),
        ("/api/search", {"minDuration": "1"}, "invalid minDuration"),
        ("/api/search", {"minDuration": "2s", "maxDuration": "1s"}, "invalid maxDuration: must be greater"),
        ("/api/search", {"limit": "0"}, "invalid limit: must be a positive number"),
        ("/api/search", {"start": "5", "end": "4"}, "http parameter start must be before end. received start=5 end=4"),
        ("/api/v2/search/tags", {"scope": "all of them"}, "invalid scope"),
        ("/api/traces/nonsense", {}, "'nonsense' is not a trace id"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    tempo: FlaskClient, path: str, params: dict[str, Any], complaint: str
) -> None:
    assert refusal(tempo, path, **params).startswith(complaint)


def test_a_trace_that_is_not_there_is_404_in_both_versions(tempo: FlaskClient) -> None:
    for version in ("", "/v2"):
        assert refusal(tempo, f"/api{version}/traces/abcdef", 404).startswith("trace not found: ")


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-grafana\n")
    client = app_for(filled([LINES[:1]]), Settings(auth_token_file=str(tokens))).test_client()
    assert refusal(client, "/api/search", 401).startswith("This viewer needs a token")
    assert client.get("/tempo/api/echo", headers={"Authorization": "Bearer a-token-of-grafana"}).status_code == 200


def test_secrets_are_taken_out_of_both_encodings() -> None:
    client = client_with(line(span(1, attributes={"password": "hunter22hunter"})))
    path = f"/tempo/api/traces/{trace_id(1)}"
    assert "hunter22" not in client.get(path).text
    assert b"hunter22" not in client.get(path, headers=PROTOBUF).data
    assert "hunter22" not in client.get("/tempo/api/v2/search/tag/span.password/values").text


def test_values_that_protobuf_cannot_hold_cost_themselves_only() -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = [deep]
    client = client_with(line(span(1, attributes={"deep": deep, "huge": 2**63 - 1})))
    answer = client.get(f"/tempo/api/traces/{trace_id(1)}", headers=PROTOBUF)
    message = TracesData.FromString(answer.data)
    assert message.resource_spans[0].scope_spans[0].spans[0].attributes[1].value.int_value == 2**63 - 1
    assert "nested deeper" in str(message)


def test_an_answer_decodes_no_more_spans_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(*(span(10 * trace + number, trace=trace) for number in range(3))) for trace in range(1, 6)]
    client = client_with(*lines)
    monkeypatch.setattr(tempo_answers, "MAX_ANSWER_SPANS", 7)
    rows = ask(client, "/api/search", q="{}", limit=1000)["traces"]
    assert ["spanSets" in row for row in rows] == [True, True, False, False, False]
    monkeypatch.setattr(tempo_answers, "MAX_ANSWER_SPANS", 15)
    assert all("spanSets" in row for row in ask(client, "/api/search", q="{}", limit=1000)["traces"])


@pytest.mark.parametrize(
    "path",
    [
        "/tempo/api/search?q={}",
        "/tempo/api/search/tags",
        "/tempo/api/v2/search/tags",
        "/tempo/api/search/tag/span.region/values",
        "/tempo/api/v2/search/tag/span.region/values",
        "/jaeger/api/traces?service=x",
    ],
)
def test_searches_take_turns_and_too_many_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client = client_with(line(span(1)))
    monkeypatch.setattr(whole_search, "_line", threading.BoundedSemaphore(2))
    with whole_search.search_turn(), whole_search.search_turn():
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "Other searches are being answered. Try again in a moment." in answer.text
        assert client.get("/tempo/api/echo").status_code == 200
        # what the index lists costs no turn
        assert client.get("/tempo/api/v2/search/tag/resource.service.name/values").status_code == 200
    monkeypatch.setattr(whole_search, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(whole_search, "WAIT_S", 0.001)
    with whole_search.search_turn():
        assert client.get(path).status_code == 503  # in line, but nobody ended
    for _ in range(3):
        assert client.get(path).status_code == 200  # turns are given back, after a refusal too


@pytest.mark.parametrize("odd", ["zz", "abc", "é"])
@pytest.mark.parametrize("member", ["traceId", "spanId"])
def test_an_id_of_a_link_that_is_no_hex_is_left_out_of_the_message(member: str, odd: str) -> None:
    link = {"traceId": trace_id(2), "spanId": span_id(3)} | {member: odd}
    answer = client_with(line(span(1, links=[link]))).get(f"/tempo/api/traces/{trace_id(1)}", headers=PROTOBUF)
    (found,) = TracesData.FromString(answer.data).resource_spans[0].scope_spans[0].spans[0].links
    expected = (b"", bytes.fromhex(span_id(3))) if member == "traceId" else (bytes.fromhex(trace_id(2)), b"")
    assert (found.trace_id, found.span_id) == expected


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63])
def test_a_kind_or_a_status_that_no_message_holds_is_unspecified(number: int) -> None:
    odd = [span(1, kind=number), span(2, 1, status={"code": number, "message": "said"})]
    answer = client_with(line(*odd)).get(f"/tempo/api/traces/{trace_id(1)}", headers=PROTOBUF)
    spans = TracesData.FromString(answer.data).resource_spans[0].scope_spans[0].spans
    found = {one.span_id.hex(): (one.kind, one.status.code, one.status.message) for one in spans}
    assert found == {span_id(1): (0, 0, ""), span_id(2): (1, 0, "said")}
