"""The truth itself is checked against figures that others counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.telemetry.model import FLAG_NAMES, EventFact, TraceSummary
from tests.asking import NOW_NS, all_rows, asked
from tests.plain_histogram import histogram_of
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, event, key_values, line, span, trace_id

DISTRICT = Path(__file__).parent / "data" / "diamond-district"
EXPECTED: dict[str, Any] = json.loads((DISTRICT / "expected-api.json").read_text())
FLAGS = EXPECTED["flags"] | {"n-plus-one": 2}  # pattern_trace_counts of truth.json
TRUTH: dict[str, Any] = json.loads((DISTRICT / "truth.json").read_text())
PATTERNS: dict[str, int] = TRUTH["pattern_trace_counts"]


@pytest.fixture(scope="module")
def store() -> PlainStore:
    return PlainStore.from_files([DISTRICT / "traces.json"])


def total(store: PlainStore, **filters: object) -> int:
    return store.search(asked(**filters), NOW_NS).total


def only_row(*lines: bytes) -> TraceSummary:
    [row] = PlainStore.from_lines(lines).summaries()
    return row


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [("users", "user"), ("lessons", "lesson"), ("services", "service"), ("event_traces", "event")],
)
def test_every_value_is_on_as_many_traces_as_counted(store: PlainStore, kind: str, parameter: str) -> None:
    assert {value: total(store, **{parameter: value}) for value in EXPECTED[kind]} == EXPECTED[kind]
    assert dict(store.values(parameter, "", 1000)) == EXPECTED[kind]


def test_users_and_errors_of_lessons_are_as_counted(store: PlainStore) -> None:
    pairs = {pair: pair.split(" ") for pair in EXPECTED["user_and_lesson"]}
    found = {pair: total(store, user=user, lesson=lesson) for pair, (user, lesson) in pairs.items()}
    assert found == EXPECTED["user_and_lesson"]
    errors = {lesson: total(store, lesson=lesson, status="error") for lesson in EXPECTED["lesson_errors"]}
    assert errors == EXPECTED["lesson_errors"]


def test_figures_are_as_counted(store: PlainStore) -> None:
    stats, health = store.stats(Query(), NOW_NS), store.health()
    assert (health.traces, health.spans, health.lines) == (EXPECTED["traces"], EXPECTED["spans"], EXPECTED["lines"])
    assert (stats.traces, stats.spans, stats.error_spans) == (314, 3252, EXPECTED["error_spans"])
    assert stats.events == EXPECTED["events"]
    assert stats.flags == FLAGS
    assert (stats.p50_ns / 1e6, stats.p95_ns / 1e6, stats.p99_ns / 1e6) == tuple(
        EXPECTED[name] for name in ("p50_ms", "p95_ms", "p99_ms")
    )
    assert {name: total(store, flag=name) for name in FLAG_NAMES} == FLAGS | {"duplicate-calls": 0}
    assert {ms: total(store, min_ms=ms) for ms in EXPECTED["min_ms"]} == EXPECTED["min_ms"]


def test_the_newest_stand_first(store: PlainStore) -> None:
    assert [row.trace_id for row in store.search(Query(limit=20), NOW_NS).traces] == EXPECTED["newest"]


@pytest.mark.parametrize("name", [name for name in PATTERNS if name.startswith("event:") and " " not in name])
def test_event_patterns_are_as_counted(store: PlainStore, name: str) -> None:
    assert total(store, event=name.removeprefix("event:")) == PATTERNS[name]


@pytest.mark.parametrize(
    ("pattern", "detail"),
    [("event:auth.failed hasCookie=false", "no cookie"), ("event:auth.failed hasCookie=true", "cookie rejected")],
)
def test_failed_sign_ins_say_whether_there_was_a_cookie(store: PlainStore, pattern: str, detail: str) -> None:
    facts = [(fact.name, fact.detail) for row in store.summaries() for fact in row.event_facts]
    assert facts.count(("auth.failed", detail)) == PATTERNS[pattern]


@pytest.mark.parametrize(
    ("pattern", "filters"),
    [
        ("error", {"status": "error"}),
        ("slow_span_over_1s", {"flag": "slow"}),
        ("slow_db_over_100ms", {"flag": "slow-db"}),
        ("orphan_spans_parent_missing", {"flag": "incomplete"}),
        ("no_root_span", {"flag": "incomplete"}),
        ("exception_with_stacktrace", {"flag": "exception"}),
    ],
)
def test_patterns_that_are_flags_are_as_counted(store: PlainStore, pattern: str, filters: dict[str, str]) -> None:
    assert total(store, **filters) == PATTERNS[pattern]


def test_patterns_that_combine_operations_are_as_counted(store: PlainStore) -> None:
    def carrying(*names: str) -> list[TraceSummary]:
        found = [{row.trace_id for row in all_rows(store, asked(operation=name))} for name in names]
        return [row for row in store.summaries() if row.trace_id in set.intersection(*found)]

    playing = carrying("auth.session.check", "api.video.access", "s3.presign")
    saving = carrying("auth.session.check", "api.progress.update")
    assert sum(row.status == "ok" for row in playing) == PATTERNS["video_play_ok"]
    assert sum(row.status == "ok" and row.slowest_database_ns > 0 for row in saving) == PATTERNS["progress_save"]
    web_and_worker = [
        row for row in store.summaries() if {"diamond-district-web", "diamond-district-worker"} <= {*row.services}
    ]
    assert len(web_and_worker) == PATTERNS["job_across_queue_same_trace"]


def test_spans_are_as_counted(store: PlainStore) -> None:
    traces = [store.trace(row.trace_id) for row in store.summaries()]
    spans = [span for trace in traces if trace for span in trace.spans]
    assert sum(span.status_code == 2 for span in spans) == TRUTH["spans_status_code_2"]
    assert sum(span.duration_ns > 1_000_000_000 for span in spans) == TRUTH["spans_over_1000ms"]
    assert sum(bool({"db.system", "db.system.name"} & span.attributes.keys()) for span in spans) == TRUTH["db_spans"]
    assert sum(len(span.links) for span in spans) == TRUTH["links"]


@pytest.mark.parametrize(
    ("root", "server", "name"),
    [
        pytest.param({"name": "job.backfill"}, {}, "job.backfill", id="a name that says something stays"),
        pytest.param({"attributes": {"http.route": "/a/[id]"}}, {"http.route": "/b"}, "GET /a/[id]", id="own route"),
        pytest.param(
            {"attributes": {"url.path": "/a/7"}}, {"next.route": "/a/[id]"}, "GET /a/[id]", id="a route before a path"
        ),
        pytest.param({"attributes": {"http.target": "/a/7?b=1"}}, {}, "GET /a/7", id="path without its query"),
        pytest.param({}, {"http.url": "https://x.example/a#top"}, "GET /a", id="path of the server span"),
        pytest.param({}, {}, "GET", id="nothing to be had"),
    ],
)
def test_a_root_that_is_only_a_method_takes_a_route(root: dict[str, Any], server: dict[str, Any], name: str) -> None:
    rows = only_row(line(span(1, **{"name": "GET", **root}), span(2, 1, kind=2, name="inner", attributes=server)))
    assert rows.name == name


def test_the_nearest_server_span_is_fewest_hops_away_then_earliest_then_by_id() -> None:
    def server(number: int, parent: int, start_ns: int, route: str) -> dict[str, Any]:
        return span(
            number, parent, kind=2, start_ns=start_ns, attributes={"http.route": route, "http.status_code": 200}
        )

    root, client = span(1, name="GET", start_ns=5), span(2, 1, kind=3, start_ns=5)
    deep, late = server(3, 2, 1, "/deep"), server(4, 1, 9, "/late")
    early, twin = server(6, 1, 8, "/early"), server(5, 1, 8, "/twin")
    assert only_row(line(root, client, deep)).name == "GET /deep"
    assert only_row(line(root, client, deep, late)).name == "GET /late"
    assert only_row(line(root, client, deep, late, early)).name == "GET /early"
    assert only_row(line(root, client, deep, late, early, twin)).name == "GET /twin"
    assert only_row(line(root, client, deep)).http_status == 200


def test_without_root_the_earliest_orphan_names_the_trace() -> None:
    row = only_row(
        line(span(1, 9, name="late", start_ns=5), span(2, 8, name="early", start_ns=4), span(3, 2, start_ns=1))
    )
    assert (row.name, row.flags) == ("early", FLAG_NAMES["incomplete"])


def test_a_span_without_any_time_says_nothing_of_when_its_trace_was() -> None:
    row = only_row(
        line(span(1, start_ns=7, lasts_ns=3), span(2, 1, start_ns=0, lasts_ns=0), span(3, 1, start_ns=0, lasts_ns=9))
    )
    assert (row.start_ns, row.duration_ns, row.flags, row.span_count) == (7, 3, 0, 3)


def test_a_circle_without_root_is_shown_by_its_earliest_span() -> None:
    row = only_row(line(span(1, 2, name="second", start_ns=5), span(2, 1, name="first", start_ns=4)))
    assert (row.name, row.flags, row.span_count) == ("first", FLAG_NAMES["incomplete"], 2)


def test_a_span_counts_once_however_it_is_written() -> None:
    store = PlainStore.from_lines(
        [line(span(1), span(2, 1)), line(span(2, 1)), line(span(1), span(2, 1, name="other"))]
    )
    assert (store.health().spans, store.health().duplicate_spans) == (3, 2)  # same id, other content: both are kept


def test_ids_of_spans_and_events_count_under_any_spelling() -> None:
    row = only_row(
        line(
            span(1, attributes={"user.id": "u1", "lessonId": 7, "lesson.id": ""}),
            span(2, 1, attributes={"enduser.id": "u2"}, events=[event("seen", user_id="u3", lesson_id=True)]),
        )
    )
    assert (row.user_ids, row.lesson_ids) == (("u1", "u2", "u3"), ("7", "true"))


def test_details_of_events_say_what_a_badge_needs() -> None:
    events = [
        event("auth.failed", hasCookie=False),
        event("auth.failed"),
        event("middleware.redirect", hasCookie=True),
        {"name": "exception", "attributes": key_values({"exception.type": "P2002"})},
        event("exception"),
        event("video.resume_position_mismatch", deltaSeconds=-240),
        event("video.resume_position_mismatch", expected=10, actual=12.5),
        event("video.loaded", durationSec=744),
    ]
    assert only_row(line(span(events=events))).event_facts == (
        EventFact("auth.failed", "", 1),
        EventFact("auth.failed", "no cookie", 1),
        EventFact("exception", "", 1),
        EventFact("exception", "P2002", 1),
        EventFact("middleware.redirect", "cookie rejected", 1),
        EventFact("video.loaded", "", 1),
        EventFact("video.resume_position_mismatch", "2.5 s", 1),
        EventFact("video.resume_position_mismatch", "240 s", 1),
    )


@pytest.mark.parametrize(
    ("wire", "names"),
    [
        pytest.param(span(lasts_ns=1_000_000_000), (), id="exactly a second is not slow"),
        pytest.param(span(lasts_ns=1_000_000_001), ("slow",), id="slow"),
        pytest.param(span(lasts_ns=100_000_000, attributes={"db.system": "redis"}), (), id="100 ms of database"),
        pytest.param(
            span(lasts_ns=100_000_001, attributes={"db.system.name": "redis"}), ("slow-db",), id="slow database"
        ),
        pytest.param(span(attributes={"http.status_code": 401}), ("auth-failure",), id="old 401"),
        pytest.param(span(attributes={"http.response.status_code": 401}), ("auth-failure",), id="401"),
        pytest.param(span(events=[event("auth.credentials.missing")]), ("auth-failure",), id="no credentials"),
        pytest.param(span(events=[event("video.buffering")]), (), id="buffering once"),
        pytest.param(span(events=[event("video.buffering")] * 2), ("buffering",), id="buffering twice"),
        pytest.param(span(status_code=1), (), id="ok"),
        pytest.param(span(status_code=2), ("error",), id="error"),
        pytest.param(span(2, 1), ("incomplete",), id="parent missing"),
        pytest.param(span(lasts_ns=-5), (), id="ends before it starts"),
    ],
)
def test_flags_are_raised_as_the_contract_says(wire: dict[str, Any], names: tuple[str, ...]) -> None:
    row = only_row(line(wire))
    assert row.flags == sum(FLAG_NAMES[name] for name in names)
    assert row.duration_ns >= 0


def test_an_anchor_keeps_the_page_where_the_reader_is() -> None:
    store = PlainStore.from_lines([line(*(span(trace=n, start_ns=A_TIME_NS + n // 2) for n in range(1, 10)))])
    ids = [row.trace_id for row in store.summaries()]
    assert ids == [trace_id(n) for n in (8, 9, 6, 7, 4, 5, 2, 3, 1)]
    page = store.search(replace(Query(limit=2), anchor=Anchor(A_TIME_NS + 3, trace_id(7))), NOW_NS)
    assert ([row.trace_id for row in page.traces], page.total, page.newer) == ([trace_id(7), trace_id(4)], 9, 3)


def test_every_trace_of_the_whole_is_in_one_bucket(store: PlainStore) -> None:
    answer = store.histogram(Query(), NOW_NS, 48)
    assert sum(answer.ok) + sum(answer.auth) + sum(answer.error) == 314
    assert sum(answer.error) == EXPECTED["flags"]["error"]
    assert answer == histogram_of(store.summaries(), answer.start_ns, answer.width_ns, 48)


def test_adding_lines_moves_the_version_and_completes_traces() -> None:
    store = PlainStore.from_lines([line(span(2, 1))])
    version = store.version()
    store.add_lines([b"", b"nonsense"])
    assert store.version() == version
    store.add_lines([line(span(1, name="root"))])
    [row] = store.summaries()
    assert (row.name, row.flags, store.health().feed.bad_lines) == ("root", 0, 1)
    assert store.version() > version
