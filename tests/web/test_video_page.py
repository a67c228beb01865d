"""The video page and the metrics of the API: figures by plain counting, losses said and placed, hostile labels harmless."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.metric_lines import buckets, counter, gauge, histogram, line, number
from tests.plain_metrics import last_totals
from tests.plain_otlp import read_documents
from tests.plain_store import PlainStore
from tests.web.conftest import METRICS, TRACES, MakeClient
from tests.web.html_outline import Outline
from tests.web.test_golden import compare

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
METRIC_LINES = METRICS.read_bytes().splitlines()
TRACE_LINES = TRACES.read_bytes().splitlines()


def client_for(*groups: list[bytes], ready: bool = True) -> FlaskClient:
    store = filled(groups)
    store.report(FeedState(ready=ready))
    return create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.fixture(scope="module")
def both() -> FlaskClient:
    return client_for(TRACE_LINES, METRIC_LINES)


def ask(client: FlaskClient, path: str, **params: str) -> Any:
    response = client.get(path, query_string=params)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def events_named(name: str) -> int:
    """By plain loops over the raw lines."""
    return sum(
        event["name"] == name
        for document in map(json.loads, TRACE_LINES)
        for block in document["resourceSpans"]
        for scope in block["scopeSpans"]
        for span in scope["spans"]
        for event in span.get("events", [])
    )


def test_what_was_measured_is_in_the_traces(both: FlaskClient) -> None:
    facts = {(fact["metric"], fact["service"]): fact for fact in ask(both, "/api/video")["facts"]}
    documents = [document for one in METRIC_LINES for document in read_documents(one)]
    for (metric, service), fact in facts.items():
        totals = last_totals(documents, metric)
        assert fact["measured"] == sum(total for (owner, _), total in totals.items() if owner == service)
        refused = events_named("progress.validation_failed") if metric.startswith("progress.") else 0
        if fact["traced"] is not None:
            assert fact["traced"] == events_named(fact["event"]) - refused == fact["measured"]
    assert len(facts) == 7
    assert not ask(both, "/api/video")["is_lost"]
    assert "Telemetry is being lost" not in both.get("/video").get_data(as_text=True)


def without_events(lines: list[bytes], name: str, keep: int) -> list[bytes]:
    """The same lines, only the first ``keep`` events of this name left in them."""
    left, kept = keep, []
    for one in lines:
        document = json.loads(one)
        for block in document["resourceSpans"]:
            for scope in block["scopeSpans"]:
                for span in scope["spans"]:
                    chosen = []
                    for event in span.get("events", []):
                        left -= event["name"] == name
                        if event["name"] != name or left >= 0:
                            chosen.append(event)
                    span["events"] = chosen
        kept.append(json.dumps(document).encode())
    return kept


def test_traces_that_are_missing_are_said_with_service_and_time() -> None:
    client = client_for(without_events(TRACE_LINES, "video.loaded", 6), METRIC_LINES)
    (lost,) = [fact for fact in ask(client, "/api/video")["facts"] if fact["lost"]]
    assert (lost["metric"], lost["measured"], lost["traced"], lost["lost"]) == ("video.load_time_ms", 21, 6, "traces")
    # of the 15 that are gone 15 happened between the first export and the second
    assert 1_795_358_302 <= int(lost["worst_since_unix_nano"]) // 10**9 <= 1_795_358_303
    html = client.get("/video").get_data(as_text=True)
    sentence = "diamond-district-web measured 21 video loads, its traces hold 6: 71 % of them are missing"
    assert f"Telemetry is being lost: {sentence}, most between 2026-11-22 14:38:22 and 14:38:3" in html


def test_a_handful_is_noise() -> None:
    client = client_for(without_events(TRACE_LINES, "video.loaded", 17), METRIC_LINES)
    assert not ask(client, "/api/video")["is_lost"]


def test_metrics_that_are_missing_are_said() -> None:
    client = client_for(TRACE_LINES, [METRIC_LINES[0], METRIC_LINES[2].replace(b'"asDouble":10}', b'"asDouble":3}')])
    (lost,) = [fact for fact in ask(client, "/api/video")["facts"] if fact["lost"]]
    assert (lost["metric"], lost["measured"], lost["traced"], lost["lost"]) == (
        "video.buffering_events_total",
        11,
        18,
        "metrics",
    )


def test_nothing_is_called_lost_while_files_are_still_read() -> None:
    client = client_for(without_events(TRACE_LINES, "video.loaded", 6), METRIC_LINES, ready=False)
    html = client.get("/video").get_data(as_text=True)
    assert "Telemetry is being lost" not in html
    assert "still being read" in html


def test_without_any_metrics_the_page_says_where_they_come_from() -> None:
    html = client_for(TRACE_LINES).get("/video").get_data(as_text=True)
    assert "No metrics yet" in html
    assert Outline(html).problems == []


def test_a_split_adds_up_and_a_window_cuts(both: FlaskClient) -> None:
    split = ask(both, "/api/metrics/video.load_time_ms", by="quality")["parts"]
    assert {part["label"]: part["amount"] for part in split} == {"720p": 11, "1080p": 5, "480p": 5}
    (early,) = ask(both, "/api/metrics/video.load_time_ms", until="2026-11-22T14:38:25Z")["parts"]
    assert early["amount"] == 3
    assert (early["p95"]["low"], early["p95"]["high"]) == (1000, 2300)
    (late,) = ask(both, "/api/metrics/video.load_time_ms", since="2026-11-22T14:38:25Z")["parts"]
    assert late["amount"] == 18


def test_every_metric_can_be_drawn(both: FlaskClient) -> None:
    names = [metric["name"] for metric in ask(both, "/api/metrics")["metrics"]]
    assert len(names) == 27
    for name in names:
        outline = Outline(both.get("/video", query_string={"metric": name}).get_data(as_text=True))
        assert outline.problems == []
        assert len(outline.find(class_="metric")) == 7
        assert ask(both, f"/api/metrics/{name}")["name"] == name


@pytest.mark.parametrize(
    "query",
    ["by=nonsense", "since=yesterdayish", "limit=3", "user=a", "until=NaN"],
)
def test_the_api_is_strict_and_the_page_is_not(both: FlaskClient, query: str) -> None:
    assert both.get(f"/api/metrics/video.load_time_ms?{query}").status_code == 400
    page = both.get(f"/video?{query}")
    assert page.status_code == 200
    if query != "limit=3":
        assert 'class="notice"' in page.get_data(as_text=True)


def test_a_metric_that_is_not_there_is_404(both: FlaskClient) -> None:
    assert both.get("/api/metrics/nobody").status_code == 404
    assert both.get("/api/metrics/a/b%20c").status_code == 404


def test_what_comes_in_refreshes_the_page_and_nothing_new_is_204(both: FlaskClient) -> None:
    polls = {"HX-Request": "true", "HX-Target": "div#status"}
    first = both.get("/video", headers=polls)
    assert 'hx-target="#video"' in first.get_data(as_text=True)
    seen = first.headers["Diamond-Seen"]
    assert both.get(f"/video?seen={seen}", headers=polls).status_code == 204


def test_hostile_names_and_labels_are_text() -> None:
    hostile = [
        counter(EVIL, number(3, 10, labels={EVIL: EVIL})),
        gauge("g", number(-1e308, 10, a=EVIL), number(1e308, 20, a=EVIL)),
        histogram("video.load_time_ms", buckets((1, 0, 0, 2), 10, by=EVIL), buckets((0, 0, 0, 9), 10, a="\u202e")),
        counter(
            "video.buffering_events_total", *(number(at, 10, labels={"lesson.id": f"<{at}>"}) for at in range(300))
        ),
    ]
    client = client_for([line(*hostile, service=EVIL)])
    for metric, by in ((EVIL, EVIL), ("g", "a"), ("video.buffering_events_total", "lesson.id"), ("", "by")):
        page = client.get("/video", query_string={"metric": metric, "by": by}).get_data(as_text=True)
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert Outline(page).problems == []
    assert client.get(f"/api/metrics/{quote(EVIL, safe='')}").status_code == 200
    parts = ask(client, "/api/metrics/video.buffering_events_total", by="lesson.id")
    assert (len(parts["parts"]), parts["more_parts"]) == (200, 100)


@pytest.mark.parametrize(
    ("name", "path"), [("video", "/video"), ("video-split", "/video?by=quality&metric=v8js.memory.heap.used")]
)
def test_the_page_is_as_it_was_accepted(client_of: MakeClient, name: str, path: str) -> None:
    store = PlainStore.from_files([TRACES, METRICS])
    store.report(FeedState(ready=True))
    compare(name, client_of(store).get(path).get_data(as_text=True))
