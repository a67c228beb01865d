"""Questions about log records: every answer is the one that plain loops give, whatever comes in which order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.index import log_answers
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.sketch import log_title
from tests.index.filling import add_lines, filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, document, line, log, logs_line, span, trace_id, written

DATA = Path(__file__).parents[1] / "data" / "diamond-district"
NOW_NS = A_TIME_NS + 3_600 * 10**9
BUCKETS = 7
USER, LESSON = "usr_0007", "lesson-011"


def rows_of(found: FoundLogs) -> list[tuple[object, ...]]:
    return sorted(
        (one.time_ns, one.trace_id, one.service, one.severity, repr(one.body), repr(one.attributes))
        for one in found.logs
    )


def assert_same(store: MemoryStore, plain: PlainStore, query: LogQuery) -> FoundLogs:
    """Figures are equal, and so are the records, those of one time in any order."""
    found, expected = store.logs(query, NOW_NS, BUCKETS), plain.logs(query, NOW_NS, BUCKETS)
    assert found.is_complete
    assert replace(found, logs=(), version=0) == replace(expected, logs=(), version=0), query
    assert [one.time_ns for one in found.logs] == [one.time_ns for one in expected.logs]
    if len(expected.logs) == expected.total:
        assert rows_of(found) == rows_of(expected)
    return found


@pytest.mark.parametrize("segment_spans", [50, 131_072], ids=["many segments", "one segment"])
def test_the_real_logs_are_found_as_plain_loops_find_them(segment_spans: int) -> None:
    lines = [one for name in ("traces.json", "logs.json") for one in (DATA / name).read_bytes().splitlines()]
    store, plain = filled(one_by_one(lines), segment_spans), PlainStore.from_lines(lines)
    assert assert_same(store, plain, LogQuery()).total == 138
    a_trace = store.logs(LogQuery(severity="error"), NOW_NS, 1).logs[0].trace_id
    questions: tuple[dict[str, Any], ...] = (
        {"severity": "warn"},
        {"limit": 1000},
        {"severity": "error"},
        {"text": "AUTH failed"},
        {"text": '"auth failed" -hasCookie=true'},
        {"text": "hasCookie=false", "severity": "warn"},
        {"text": "usr_0007"},
        {"trace": a_trace},
        {"service": "diamond-district-web", "limit": 7, "page": 3},
        {"service": "nobody"},
        {"user": USER},
        {"user": USER, "severity": "warn"},
        {"lesson": LESSON, "user": USER},
        {"since": "30m", "until": "5m"},
        {"text": "nothing says this"},
    )
    for asked in questions:
        assert_same(store, plain, LogQuery(**asked))
    assert store.logs(LogQuery(user=USER), NOW_NS, 1).total > 0


bodies = st.sampled_from(["saved", "Auth FAILED", "", None, 7, {"msg": "saved", "code": 500}, 'Übung 🎬 " \\ /', "a=b"])
severities: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "severityNumber": st.sampled_from([0, 1, 9, 13, 17, 24, 99]),
        "severityText": st.sampled_from(["WARN", "warning", "odd", ""]),
    },
)
named = st.fixed_dictionaries(
    {},
    optional={
        "user.id": st.sampled_from(["u1", "u2", ""]),
        "lessonId": st.sampled_from(["l1"]),
        "n": st.sampled_from([0.5, 12, True]),
    },
)
times = st.sampled_from([0, 1, A_TIME_NS, A_TIME_NS + 5, NOW_NS - 60 * 10**9, 2**63 - 1, 2**64 - 1])


@st.composite
def log_wires(draw: st.DrawFn) -> dict[str, Any]:
    return log(
        draw(bodies),
        trace=draw(st.integers(0, 3)),
        time_ns=draw(times),
        **draw(severities),
        attributes=draw(named),
        eventName=draw(st.sampled_from(["", "video.loaded"])),
    )


queries = st.builds(
    LogQuery,
    text=st.sampled_from(["", "saved", "SAVED -code", "übung", "n=0.5", "true", "500", '"auth f"', "\\", "/", "0.5"]),
    severity=st.sampled_from(["", "info", "warn", "fatal"]),
    service=st.sampled_from(["", "web", "worker"]),
    trace=st.sampled_from(["", trace_id(1), trace_id(9)]),
    user=st.sampled_from(["", "u1"]),
    lesson=st.sampled_from(["", "l1"]),
    since=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
    until=st.sampled_from(["", "90s"]),
    limit=st.sampled_from([3, 100]),
    page=st.sampled_from([1, 2]),
    anchor=st.sampled_from([0, A_TIME_NS]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    groups=st.lists(st.lists(st.tuples(log_wires(), st.sampled_from(["web", "worker"])), max_size=5), max_size=4),
    segment_spans=st.sampled_from([1, 131_072]),
    asked=st.lists(queries, min_size=1, max_size=4),
)
def test_any_records_are_found_as_plain_loops_find_them(
    groups: list[list[tuple[dict[str, Any], str]]], segment_spans: int, asked: list[LogQuery]
) -> None:
    spans = [
        line(span(1, trace=1, attributes={"user.id": "u1"})),
        line(span(1, trace=2, attributes={"lesson.id": "l1"})),
    ]
    lines = [[logs_line(wire, service=service) for wire, service in group] for group in groups]
    store = filled([spans[:1], *lines, spans[1:], *lines], segment_spans)
    plain = PlainStore.from_lines([*spans, *(one for group in lines for one in group)])
    for query in asked:
        assert_same(store, plain, query)
        assert_same(store, plain, query)  # what was remembered changes nothing


def bodies_of(logs: tuple[Log, ...]) -> list[str]:
    return [log_title(one) for one in logs]


def test_a_record_without_a_trace_is_held_and_found() -> None:
    store = filled([[logs_line(log("alone", trace=0)), logs_line(log("zeros") | {"traceId": "0" * 32})]])
    assert bodies_of(store.logs(LogQuery(), NOW_NS, 1).logs) == ["zeros", "alone"]
    assert store.trace("0" * 32) is None
    assert store.logs(LogQuery(trace=trace_id(1)), NOW_NS, 1).total == 0


def test_a_record_on_a_line_with_spans_is_found_and_its_original_has_no_spans() -> None:
    both = document(span(1)) | {"resourceLogs": [{"scopeLogs": [{"logRecords": [log("here", of=1)]}]}]}
    store = filled([[written(both)]])
    assert bodies_of(store.logs(LogQuery(text="here"), NOW_NS, 1).logs) == ["here"]
    assert store.logs(LogQuery(text="resourceSpans"), NOW_NS, 1).total == 0


def test_what_redaction_takes_out_is_not_found() -> None:
    store = filled(
        [[logs_line(log("login", attributes={"password": "hunter2"}), log("Bearer abcdefghijklmnop0123456789"))]]
    )
    assert store.logs(LogQuery(text="login"), NOW_NS, 1).total == 1
    assert store.logs(LogQuery(text="hunter2"), NOW_NS, 1).total == 0
    assert store.logs(LogQuery(text="abcdefghijklmnop0123456789"), NOW_NS, 1).total == 0


def test_a_search_that_runs_out_of_time_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.index.held.SEARCH_NS", 0)
    read: list[int] = []
    places_saying = log_answers._places_saying

    def counted(text: bytes, places: set[int], *more: Any) -> set[int]:
        read.append(len(places))
        return places_saying(text, places, *more)

    monkeypatch.setattr(log_answers, "_places_saying", counted)
    lines = [logs_line(*(log(f"needle {n} {at}", time_ns=A_TIME_NS + n) for at in range(3))) for n in range(100)]
    store = filled([lines])
    query = LogQuery(text="needle", limit=1000)
    first = store.logs(query, NOW_NS, 1)
    assert not first.is_complete
    assert 0 < first.total < 300
    assert min(one.time_ns for one in first.logs) > first.scanned_to_ns, "the newest come first"
    for _ in range(200):
        if (found := store.logs(query, NOW_NS, 1)).is_complete:
            break
    assert (found.total, found.is_complete, sum(read)) == (300, True, 300)
    store.logs(query, NOW_NS, 1)
    assert sum(read) == 300, "nothing is read twice"


def test_what_comes_while_a_search_is_remembered_is_found_too() -> None:
    store = filled([[logs_line(log("needle 1"))]])
    assert store.logs(LogQuery(text="needle"), NOW_NS, 1).total == 1
    add_lines(store, [logs_line(log("needle 2", time_ns=A_TIME_NS + 1))])
    store.commit()
    found = store.logs(LogQuery(text="needle", anchor=A_TIME_NS), NOW_NS, 1)
    assert (found.total, found.newer, bodies_of(found.logs)) == (2, 1, ["needle 1"])


def flood(number: int, records: int = 500) -> bytes:
    said = (log(f"{number} {at} {'x' * 40}", trace=0, time_ns=A_TIME_NS + number) for at in range(records))
    return logs_line(*said)


def test_a_flood_of_logs_leaves_the_traces_in_memory() -> None:
    budget_bytes = 8 * 1024**2
    store = MemoryStore(budget_bytes)
    add_lines(store, [line(*(span(at, trace=trace) for at in range(1, 4))) for trace in range(1, 1_001)])
    store.commit()
    largest = 0
    for number in range(600):
        add_lines(store, [flood(number)])
        store.commit()
        largest = max(largest, store.health().memory_bytes)
    health = store.health()
    assert largest < 1.2 * budget_bytes
    assert health.counters["evicted_logs"] > 0
    assert health.counters["evicted_logs"] + health.counters["logs"] == 300_000
    assert (health.counters["evicted_traces"], store.search(Query(), NOW_NS).total) == (0, 1_000)
    found = store.logs(LogQuery(), NOW_NS, 1)
    assert found.total == health.counters["logs"] > 50_000, "while there is room they may take more than their share"
    assert bodies_of(found.logs)[0].startswith("599 ")
    oldest_held_ns = min(
        one.time_ns for one in store.logs(LogQuery(limit=1000, page=-(-found.total // 1000)), NOW_NS, 1).logs
    )
    assert found.held_since_ns <= oldest_held_ns <= found.held_since_ns + 2


def test_where_both_come_in_logs_keep_to_their_share() -> None:
    budget_bytes = 8 * 1024**2
    store = MemoryStore(budget_bytes)
    for number in range(400):
        add_lines(store, [flood(number)])
        traces = range(20 * number + 1, 20 * number + 21)
        add_lines(
            store, [line(*(span(at, trace=trace, name=f"work {trace}") for at in range(1, 5))) for trace in traces]
        )
        store.commit()
    health = store.health()
    assert health.memory_bytes < 1.2 * budget_bytes
    assert health.counters["evicted_logs"] > 0
    assert 0 < health.counters["logs"] < 0.5 * 200_000
    assert health.traces > 0.5 * 8_000
    assert bodies_of(store.logs(LogQuery(limit=1), NOW_NS, 1).logs)[0].startswith("399 ")


def test_an_older_file_of_logs_alone_does_not_push_out_the_traces() -> None:
    store = MemoryStore(4 * 1024**2)
    add_lines(store, [line(*(span(at, trace=trace) for at in range(1, 4))) for trace in range(1, 1_001)])
    store.commit()
    for number in range(8):
        packer = MemoryStore.packer()
        add_lines(packer, [flood(10_000 * number + at) for at in range(60)])
        assert store.adopt(packer.handed_over()).name in ("TAKEN", "NO_ROOM")
    health = store.health()
    assert health.memory_bytes < 1.2 * 4 * 1024**2
    assert (health.traces, health.counters["evicted_traces"]) == (1_000, 0)
    assert health.counters["logs"] >= 30_000
    assert store.logs(LogQuery(), NOW_NS, 1).total == health.counters["logs"]
    assert health.counters["evicted_logs"] > 0


def test_memory_that_searches_take_is_counted_and_given_back() -> None:
    store = filled([[flood(number) for number in range(40)]])
    before = store.health().memory_bytes
    for word in ("x", "xx", "xxx", "xxxx", "xxxxx", "xxxxxx"):
        store.logs(LogQuery(text=word), NOW_NS, 1)
    after = store.health().memory_bytes
    assert before < after <= before + 20_000 * 2 * 5
