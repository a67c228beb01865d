"""The JSON of the stable names: counts that were taken independently, strictness, OTLP/JSON."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, TRACES, MakeClient

EXPECTED = json.loads((TRACES.parent / "expected-api.json").read_text())


def ask(client: FlaskClient, path: str, **params: str) -> Any:
    response = client.get(path, query_string=params)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    return response.get_json()


def test_stats_answer_what_was_counted_independently(client: FlaskClient) -> None:
    stats = ask(client, "/api/stats")
    assert {
        name: stats[name] for name in ("traces", "spans", "error_spans", "p50_ms", "p95_ms", "p99_ms", "events")
    } == {name: EXPECTED[name] for name in ("traces", "spans", "error_spans", "p50_ms", "p95_ms", "p99_ms", "events")}
    assert stats["flags"] == EXPECTED["flags"] | {"n-plus-one": 2}


@pytest.mark.parametrize("parameter", ["lesson", "service"])
def test_totals_of_a_filter_are_what_was_counted_independently(client: FlaskClient, parameter: str) -> None:
    counted = EXPECTED[f"{parameter}s"]
    assert {
        value: ask(client, "/api/traces", **{parameter: value, "limit": "1"})["total"] for value in counted
    } == counted


def test_the_newest_traces_come_first(client: FlaskClient) -> None:
    rows = ask(client, "/api/traces", limit="20")["traces"]
    assert [row["trace_id"] for row in rows] == EXPECTED["newest"]


def test_a_row_has_the_stable_names_and_64_bit_integers_as_strings(client: FlaskClient) -> None:
    answer = ask(client, "/api/traces", event="video.resume_position_mismatch", limit="1")
    assert set(answer) == {"version", "total", "is_complete", "scanned_to_unix_nano", "traces"}
    row = answer["traces"][0]
    assert row | {"duration_ms": 0} == {
        "trace_id": "3e2337288c0cde97c1f5cae76038ca5b",
        "name": "POST /api/telemetry/video",
        "service": "diamond-district-web",
        "services": ["diamond-district-web"],
        "start_unix_nano": "1795358303433000000",
        "duration_ms": 0,
        "span_count": 7,
        "error_count": 1,
        "event_count": 2,
        "user_ids": ["usr_0007"],
        "lesson_ids": ["lesson-011"],
        "status": "error",
        "flags": ["error", "resume-mismatch"],
        "findings": ["resume-mismatch"],
    }
    assert row["duration_ms"] == pytest.approx(121.1, abs=1)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=abc",
        "limit=1001",
        "since=yesterdayish",
        "min_ms=NaN",
        "page=-1",
        "status=meh",
        "flag=x",
        "foo=1",
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_with_a_sentence(client: FlaskClient, query: str) -> None:
    for path in ("/api/traces", "/api/stats"):
        response = client.get(f"{path}?{query}")
        assert response.status_code == 400
        assert list(response.get_json()) == ["error"]
        assert query.split("=")[1] in response.get_json()["error"] or "foo" in response.get_json()["error"]


@pytest.mark.parametrize("text", ["zz", "0" * 31 + "1"])
def test_an_unknown_trace_is_404_with_a_sentence(client: FlaskClient, text: str) -> None:
    response = client.get(f"/api/traces/{text}")
    assert response.status_code == 404
    assert text in response.get_json()["error"]


def test_every_trace_leaves_as_the_collector_wrote_it(client: FlaskClient) -> None:
    written: dict[str, dict[str, Any]] = {}
    for line in TRACES.read_bytes().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    written.setdefault(span["traceId"], {})[span["spanId"]] = (
                        resource["resource"],
                        scope["scope"],
                        span,
                    )
    for trace_id, spans in written.items():
        answer = ask(client, f"/api/traces/{trace_id}")
        answered = {
            span["spanId"]: (resource["resource"], scope["scope"], span)
            for resource in answer["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        }
        assert answered == spans


def test_health_has_the_stable_names(client: FlaskClient) -> None:
    health = ask(client, "/api/health")
    assert health["state"] == "live"
    assert health["sources"][0]["problems"][0]["offset"] == 81_234
    names = "state progress_percent version traces spans lines bad_lines duplicate_spans bytes_read memory_bytes lag_seconds"
    assert set(names.split()) | {"sources"} <= set(health)


def test_the_probes_tell_serving_from_ready(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(FeedState(ready=False, bytes_read=40, bytes_total=100))
    client = client_of(store)
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    assert (response.status_code, response.text) == (503, "indexing 40 %\n")
    assert ask(client, "/api/health")["state"] == "indexing"
    store.report(replace(LIVE, ready=True))
    assert client.get("/readyz").status_code == 200


def test_answers_are_compressed_for_who_takes_that(client: FlaskClient) -> None:
    plain = client.get("/trace-viewer.html")
    packed = client.get("/trace-viewer.html", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 5
    assert "Accept-Encoding" in packed.vary


def test_the_data_folder_is_the_one_that_was_counted() -> None:
    assert Path(TRACES).read_bytes().count(b"\n") == EXPECTED["lines"]
