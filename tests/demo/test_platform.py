"""The demo's world: every flow leaves its marks, and the same seed tells the same story."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
import pytest

from diamond_viewer.demo.platform import NS_PER_SECOND, Line, Platform

START_NS = 1_795_358_295_457_000_000
HOUR_NS = 3600 * NS_PER_SECOND

Json = dict[str, Any]


def _lines(seconds: int = 3600, seed: int = 7) -> list[Line]:
    return list(Platform(seed, START_NS).lines(START_NS + seconds * NS_PER_SECOND, 5 * NS_PER_SECOND, 3))


class Told:
    """All spans of a story, by trace, with their service and the line they came on."""

    def __init__(self, lines: list[Line]) -> None:
        self.traces: dict[str, list[Json]] = {}
        payloads = [line.payload for line in lines if line.signal == "traces"]
        for number, payload in enumerate(payloads):
            for block in orjson.loads(payload)["resourceSpans"]:
                service = _attributes(block["resource"])["service.name"]
                for scope in block["scopeSpans"]:
                    for span in scope["spans"]:
                        about = {"service": service, "line": number, "scope": scope["scope"]["name"]}
                        self.traces.setdefault(span["traceId"], []).append(span | about)

    def spans(self) -> Iterator[Json]:
        for spans in self.traces.values():
            yield from spans

    def named(self, name: str) -> list[Json]:
        return [span for span in self.spans() if span["name"] == name]

    def events(self, name: str) -> list[Json]:
        return [
            _attributes(event) for span in self.spans() for event in span.get("events", ()) if event["name"] == name
        ]


def _attributes(owner: Json) -> Json:
    return {a["key"]: next(iter(a["value"].values()), None) for a in owner.get("attributes", ())}


def _lasts_ms(span: Json) -> float:
    return (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6


@pytest.fixture(scope="module")
def told() -> Told:
    return Told(_lines())


def test_the_same_seed_and_start_give_the_same_bytes() -> None:
    assert _lines(900) == _lines(900)
    assert _lines(900) != _lines(900, seed=8)


def test_it_does_not_matter_how_often_one_looks() -> None:
    piecemeal: list[Line] = []
    platform = Platform(7, START_NS)
    for second in range(0, 907, 7):
        piecemeal += platform.lines(START_NS + second * NS_PER_SECOND, 5 * NS_PER_SECOND, 3)
    assert piecemeal == _lines(903)


def test_nothing_is_exported_before_it_ended(told: Told) -> None:
    for line in _lines(900):
        if line.signal == "traces":
            spans = [
                s for b in orjson.loads(line.payload)["resourceSpans"] for c in b["scopeSpans"] for s in c["spans"]
            ]
            assert max(int(span["endTimeUnixNano"]) for span in spans) <= line.at_ns


@pytest.mark.parametrize(
    "event",
    [
        "auth.session.created",
        "auth.failed",
        "auth.credentials.missing",
        "middleware.redirect",
        "video.loaded",
        "video.buffering",
        "video.resume_attempt",
        "video.resume_position_mismatch",
        "progress.data_received",
        "progress.auto_complete_triggered",
        "progress.validation_failed",
        "job completed",
        "transcode.progress",
        "exception",
    ],
)
def test_each_event_of_the_platform_occurs(told: Told, event: str) -> None:
    assert told.events(event)


def test_sessions_fail_with_and_without_a_cookie(told: Told) -> None:
    assert {True, False} <= {failure["hasCookie"] for failure in told.events("auth.failed")}
    assert {True, False} <= {redirect["hasCookie"] for redirect in told.events("middleware.redirect")}
    assert {"bad_password", "unknown_user"} <= {failure.get("reason") for failure in told.events("auth.failed")}


def test_a_401_leaves_the_server_spans_unset(told: Told) -> None:
    refused = [s for s in told.spans() if _attributes(s).get("http.status_code") == "401"]
    assert refused
    assert all(span["status"] == {} for span in refused)


def test_a_failed_save_is_a_500_with_a_stack(told: Told) -> None:
    kinds = {exception.get("exception.type") for exception in told.events("exception")}
    assert {"P2002", "P2024", "TypeError", "TranscodeError", None} <= kinds
    failed = [s for s in told.named("POST /api/progress") if _attributes(s)["http.status_code"] == "500"]
    assert failed
    for span in failed:
        assert span["status"] == {"code": 2}
        stacks = [
            _attributes(event).get("exception.stacktrace", "")
            for one in told.traces[span["traceId"]]
            for event in one.get("events", ())
        ]
        assert any("\n    at " in stack for stack in stacks)


def test_a_video_is_loaded_before_it_is_resumed(told: Told) -> None:
    for span in told.named("video.resume"):
        names = [event["name"] for event in sorted(span["events"], key=lambda event: int(event["timeUnixNano"]))]
        assert names[:2] == ["video.loaded", "video.resume_attempt"]


def test_resumes_are_fast_and_slow(told: Told) -> None:
    gaps_ms = [_lasts_ms(span) for span in told.named("video.resume")]
    assert min(gaps_ms) < 300
    assert max(gaps_ms) > 2000


def test_videos_stall_in_series(told: Told) -> None:
    stalls = [Counter(e["name"] for e in s["events"])["video.buffering"] for s in told.named("video.load")]
    assert max(stalls) >= 2


def test_a_slow_statement_and_an_n_plus_one_occur(told: Told) -> None:
    statements = [s for s in told.spans() if s["name"].startswith("pg.query:")]
    assert max(_lasts_ms(span) for span in statements) > 1000
    repeats = Counter((s["traceId"], _attributes(s)["db.query.text"]) for s in statements)
    assert max(repeats.values()) >= 8


def test_video_calls_are_duplicated(told: Told) -> None:
    calls = sorted(
        (_attributes(s)["user.id"], _attributes(s)["lesson.id"], int(s["startTimeUnixNano"]))
        for s in told.named("api.video.access")
    )
    pairs = [(a, b) for a, b in pairwise(calls) if a[:2] == b[:2] and b[2] - a[2] <= NS_PER_SECOND]
    assert pairs


def test_a_job_goes_over_the_queue_in_one_trace(told: Told) -> None:
    consumers = told.named("process progress-analytics")
    assert consumers
    for consumer in consumers:
        services = {span["service"] for span in told.traces[consumer["traceId"]]}
        assert {"diamond-district-web", "diamond-district-worker"} <= services
        assert consumer["kind"] == 5


def test_a_transcode_links_to_its_publisher_and_may_fail(told: Told) -> None:
    transcodes = told.named("video-transcode process")
    published = {span["spanId"] for span in told.named("video-transcode publish")}
    assert {link["spanId"] for span in transcodes for link in span["links"]} <= published
    assert {span["status"].get("code") for span in transcodes} == {None, 2}


def test_the_players_root_comes_on_a_later_line_than_the_servers_spans(told: Told) -> None:
    sessions = told.named("video.session")
    assert sessions
    for session in sessions:
        others = [s["line"] for s in told.traces[session["traceId"]] if s["service"] == "diamond-district-web"]
        assert session["line"] > min(others)


def test_most_traces_are_whole_and_some_have_orphans(told: Told) -> None:
    incomplete = 0
    for spans in told.traces.values():
        ids = {span["spanId"] for span in spans}
        incomplete += any(span.get("parentSpanId", span["spanId"]) not in ids for span in spans)
    assert 0 < incomplete < len(told.traces) / 20


def test_lines_and_traces_are_not_one_to_one(told: Told) -> None:
    lines_per_trace = [len({span["line"] for span in spans}) for spans in told.traces.values()]
    traces_per_line = Counter(line for spans in told.traces.values() for line in {span["line"] for span in spans})
    assert max(lines_per_trace) > 1
    assert max(traces_per_line.values()) > 3


def test_old_and_new_conventions_meet_in_one_trace(told: Told) -> None:
    both = [{k for s in spans for k in _attributes(s)} for spans in told.traces.values()]
    assert any({"http.status_code", "http.response.status_code"} <= keys for keys in both)
    assert any({"userId", "user.id"} <= keys for keys in both)


def test_starts_are_whole_milliseconds_and_ids_are_unique(told: Told) -> None:
    ids = [span["spanId"] for span in told.spans()]
    assert len(ids) == len(set(ids))
    assert all(span["startTimeUnixNano"].endswith("000000") for span in told.spans())


def test_logs_name_spans_that_exist() -> None:
    lines = _lines(1800)
    ids = {span["spanId"] for span in Told(_lines(2400)).spans()}
    records = [
        record
        for line in lines
        if line.signal == "logs"
        for block in orjson.loads(line.payload)["resourceLogs"]
        for scope in block["scopeLogs"]
        for record in scope["logRecords"]
    ]
    assert records
    assert {record["spanId"] for record in records} <= ids
    assert {"info", "warn", "error"} == {record["severityText"] for record in records}


def test_histograms_count_what_they_hold() -> None:
    temporalities: dict[str, set[int]] = {}
    for line in _lines(2400):
        if line.signal == "metrics":
            for block in orjson.loads(line.payload)["resourceMetrics"]:
                for metric in block["scopeMetrics"][0]["metrics"]:
                    inner = metric.get("histogram") or metric["sum"]
                    temporalities.setdefault(metric["name"], set()).add(inner["aggregationTemporality"])
                    for point in inner["dataPoints"] if "histogram" in metric else ():
                        assert int(point["count"]) == sum(map(int, point["bucketCounts"]))
                        assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
                        assert point["min"] <= point["max"] <= point["sum"]
    assert set(temporalities) >= {
        "video.load_time_ms",
        "video.resume_time_ms",
        "video.buffering_events_total",
        "video.resume_failures_total",
        "progress.save_time_ms",
        "job.duration_ms",
    }
    assert temporalities["progress.updates_total"] == {1, 2}  # delta from the worker, cumulative from the web
