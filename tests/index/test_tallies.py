"""Groups of errors and figures of operations are what plain loops count, however traces are spread over segments."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.index import held
from diamond_viewer.index.examiner import Examiner
from diamond_viewer.index.faults import MAX_FAULT_TEXTS
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.tallies import OTHERS, OperationTally
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS, asked
from tests.district import LINES
from tests.feed.waiting import until
from tests.index.filling import add_lines, filled, one_by_one, parted_district, whole_district
from tests.index.test_truth import PLAIN
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, event, line, span

District = Callable[[], MemoryStore]
DISTRICTS: dict[str, District] = {"many segments": parted_district, "one segment": whole_district}
FILTERS: list[dict[str, str]] = [
    {},
    {"status": "error"},
    {"user": "usr_0007"},
    {"lesson": "lesson-011"},
    {"q": "http.status>=400 OR event:auth.failed"},
    {"since": "2026-11-22T14:00:00Z", "until": "2026-11-22T14:40:00Z"},
    {"since": "2026-11-22T14:30:00Z"},
    {"user": "nobody"},
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("district", DISTRICTS.values(), ids=DISTRICTS)
def test_errors_of_real_telemetry_are_as_counted(district: District, filters: dict[str, str], limit: int) -> None:
    query = asked(**filters)
    assert district().errors(query, NOW_NS, limit) == PLAIN.errors(query, NOW_NS, limit)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("district", DISTRICTS.values(), ids=DISTRICTS)
def test_operations_of_real_telemetry_are_as_counted(district: District, filters: dict[str, str]) -> None:
    query = asked(**filters)
    found, expected = district().operations(query, NOW_NS, 200), PLAIN.operations(query, NOW_NS, 200)
    assert found.operations == expected.operations
    assert found.statements == expected.statements
    assert found == expected


def test_durations_that_no_64_bits_hold_together_are_added_exactly() -> None:
    """A producer that says 0 and 2**63 - 1 of each span; as many as make every sum of signed 64 bits turn negative."""
    longest_ns = 2**63 - 1
    lines = [
        line(
            span(1, trace=number, kind=2, name="GET /x", start_ns=1, lasts_ns=longest_ns - 1),
            span(2, 1, trace=number, kind=3, start_ns=1, lasts_ns=longest_ns - 1, attributes=SAYS_SQL),
        )
        for number in range(1, 4)
    ]
    for store in (filled([lines]), PlainStore.from_lines(lines)):
        found = store.operations(asked(), NOW_NS, 10)
        assert [one.total_ns for one in found.operations] == [3 * (longest_ns - 1)]
        assert [one.total_ns for one in found.statements] == [3 * (longest_ns - 1)]
        client = create_app(store, clock=lambda: NOW_NS).test_client()
        assert client.get("/operations").status_code == 200
        assert client.get("/api/operations").get_json()["operations"][0]["total_ms"] == 3 * (longest_ns - 1) / 1e6
        for path in ("/api/stats", "/api/traces", "/trace-viewer.html", "/map", "/api/map", "/journeys", "/metrics"):
            assert client.get(path).status_code == 200, path


SAYS_SQL = {"db.system": "postgresql", "db.query.text": "SELECT 1 FROM a"}
STATEMENTS = ["SELECT 1 FROM a WHERE b = 'x'", "SELECT 1 FROM a WHERE b = 'y'", "COMMIT", "get k:1", ""]
wires = st.lists(
    st.builds(
        lambda number, parent, trace, name, kind, failed, text, type_, asked_ns, lasts_ns, attributes: span(
            number,
            parent,
            trace=trace,
            name=name,
            kind=kind,
            status_code=2 if failed else 0,
            start_ns=A_TIME_NS + asked_ns,
            lasts_ns=lasts_ns,
            attributes=attributes,
            events=[event("exception", **{"exception.type": type_, "exception.message": "m 7"})]
            if type_ is not None
            else [],
            **({"status": {"code": 2, "message": text}} if failed and text else {}),
        ),
        st.integers(1, 12),
        st.integers(0, 13),
        st.integers(1, 4),
        st.sampled_from(["GET", "work", "prisma:client:operation", "ü"]),
        st.integers(1, 5),
        st.booleans(),
        st.sampled_from(["", "lesson 7 not found", "lesson 8 not found", "other"]),
        st.sampled_from([None, None, "", "P2002"]),
        st.integers(0, 3 * 10**9),
        st.sampled_from([0, 10**6, 2 * 10**7, 2 * 10**8]),
        st.builds(
            lambda user, lesson, route, path, statement: {
                **({"user.id": user} if user else {}),
                **({"lessonId": lesson} if lesson else {}),
                **({"http.route": route} if route else {}),
                **({"http.target": path} if path else {}),
                **(
                    {"db.system": "redis" if statement.startswith("get") else "pg", "db.statement": statement}
                    if statement
                    else {}
                ),
            },
            st.sampled_from(["", "u1", "u2"]),
            st.sampled_from(["", "l1"]),
            st.sampled_from(["", "/a/[b]", "/c"]),
            st.sampled_from(["", "/a/1?x"]),
            st.sampled_from(STATEMENTS),
        ),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda wire: (wire["traceId"], wire["spanId"]),
)


@given(wires=wires, segment_spans=st.sampled_from([1, 3, 100]), one_line=st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_spans_are_tallied_as_plain_loops_do(wires: list[Wire], segment_spans: int, one_line: bool) -> None:
    lines = [line(*wires)] if one_line else [line(wire) for wire in wires]
    plain, memory = PlainStore.from_lines(lines), filled(one_by_one(lines), segment_spans)
    assert memory.errors(asked(), NOW_NS, 100) == plain.errors(asked(), NOW_NS, 100)
    found, expected = memory.operations(asked(), NOW_NS, 100), plain.operations(asked(), NOW_NS, 100)
    assert [_without_again(tally) for tally in found.operations] == [
        _without_again(tally) for tally in expected.operations
    ]
    assert found.statements == expected.statements


def _without_again(tally: OperationTally) -> OperationTally:
    """Which of several users of one request is taken depends on the order of rows."""
    return replace(tally, repeated_calls=0)


def test_a_run_of_the_same_statement_counts_once_as_n_plus_one() -> None:
    query = {"db.system": "postgresql", "db.statement": "SELECT * FROM a WHERE id = 7"}
    outer = [span(10 + n, 1, name="prisma:client:db_query", attributes=query, lasts_ns=3_000_000) for n in range(8)]
    inner = [span(30 + n, 10 + n, name="pg.query", attributes=query, lasts_ns=2_000_000) for n in range(8)]
    store = filled([[line(span(1, name="GET /", kind=2), *outer, *inner)]])
    [tally] = store.operations(asked(), NOW_NS, 10).statements
    assert (tally.statement, tally.count, tally.n_plus_one, tally.most_repeats) == (
        "SELECT * FROM a WHERE id = ?",
        8,
        1,
        8,
    )
    assert (tally.p50_ns, tally.total_ns) == (2_000_000, 16_000_000)


def test_the_same_call_of_the_same_user_within_a_second_is_counted_also_over_traces() -> None:
    def call(trace: int, after_ms: int, user: str, name: str = "GET /api/me") -> Wire:
        attributes = {"user.id": user}
        return span(1, trace=trace, kind=2, name=name, start_ns=A_TIME_NS + after_ms * 10**6, attributes=attributes)

    calls = [call(1, 0, "a"), call(2, 900, "a"), call(3, 950, "b"), call(4, 2500, "a"), call(5, 10, "a", "GET /l/[id]")]
    calls += [call(7, 0, "a", "POST /api/telemetry/video"), call(8, 5, "a", "POST /api/telemetry/video")]  # two reports
    calls += [call(6, 20, "a", "GET /l/[id]")]  # of which nobody can say whether it is the same lesson
    found = filled(one_by_one([line(wire) for wire in calls])).operations(asked(), NOW_NS, 10).operations
    again = {tally.key.operation: tally.repeated_calls for tally in found}
    assert again == {"GET /api/me": 1, "GET /l/[id]": 0, "POST /api/telemetry/video": 0}


def test_twenty_thousand_different_messages_stay_bounded() -> None:
    words = [f"cannot {''.join(chr(97 + int(digit)) for digit in str(number))}" for number in range(20_000)]
    lines = [
        line(*(span(n + 1, trace=start + n + 1, status={"code": 2, "message": words[start + n]}) for n in range(5_000)))
        for start in range(0, 20_000, 5_000)
    ]
    store = filled(one_by_one(lines))
    found = store.errors(asked(limit="1000"), NOW_NS, 1000)
    assert found.count == 20_000
    assert found.groups[0].key.what == OTHERS
    assert found.groups[0].count == 20_000 - MAX_FAULT_TEXTS
    assert found.group_count == MAX_FAULT_TEXTS + 1
    segment = store._segments[max(store._segments)]
    assert len(segment.dictionary.texts) < MAX_FAULT_TEXTS + 10


def test_secrets_in_messages_are_not_held() -> None:
    address = "https://b.s3.amazonaws.com/v.mp4?X-Amz-Signature=deadbeefsignature&X-Amz-Credential=AKIAFAKEKEY00000"
    store = filled([[line(span(status={"code": 2, "message": f"fetch failed: {address}"}))]])
    [group] = store.errors(asked(), NOW_NS, 10).groups
    assert group.key.what.startswith("fetch failed")
    assert "deadbeef" not in group.key.what
    assert not any("deadbeef" in text for text in store._open.dictionary.texts)


def test_what_there_was_no_time_for_is_said_and_done_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "WORK_NS", -1)  # one segment at a time
    lines = [line(span(n, trace=n, status_code=2, start_ns=A_TIME_NS + n)) for n in range(1, 5)]
    store = filled(one_by_one(lines), segment_spans=1)
    seen = []
    while not (found := store.errors(asked(), NOW_NS, 10)).is_complete:
        seen.append((found.count, found.scanned_to_ns - A_TIME_NS))
    assert seen == [(0, 4), (1, 3), (2, 2), (3, 1)]
    assert found.count == 4
    while not (done := store.operations(asked(), NOW_NS, 10)).is_complete:
        assert done.scanned_to_ns
    assert done.operations[0].count == 4


def test_errors_that_come_in_are_counted_with_those_that_were() -> None:
    store = filled([[line(span(1, status_code=2))]])
    assert store.errors(asked(), NOW_NS, 10).count == 1
    add_lines(store, [line(span(2, 1, name="deeper", status_code=2)), line(span(3, trace=2, status_code=2))])
    store.commit()
    found = store.errors(asked(), NOW_NS, 10)
    assert [(group.key.cause, group.count) for group in found.groups] == [("deeper", 1), ("work", 1)]


def test_traces_that_are_evicted_are_no_longer_counted() -> None:
    store = MemoryStore(3 << 20, segment_spans=500)
    for start in range(1, 40_001, 500):
        add_lines(store, [line(*(span(1, trace=n, name=f"n{n}", status_code=2) for n in range(start, start + 500)))])
        store.commit()
    held_traces = store.health().traces
    assert held_traces < 40_000
    assert store.errors(asked(), NOW_NS, 10).count == held_traces


def test_one_group_is_asked_for_by_its_fingerprint() -> None:
    [first, *_] = whole_district().errors(asked(), NOW_NS, 100).groups
    found = whole_district().errors(asked(), NOW_NS, 100, fingerprint=first.key.fingerprint, examples=5)
    assert [group.key for group in found.groups] == [first.key]
    assert len(found.groups[0].examples) == 5
    assert whole_district().errors(asked(), NOW_NS, 100, fingerprint="nonsense").groups == ()


def test_packed_segments_are_worked_out_ahead_and_only_once() -> None:
    store = filled(one_by_one(LINES[:120]), segment_spans=300)
    rounds = 0
    while store.work_ahead():
        rounds += 1
    packed = [segment for segment in store._segments.values() if not segment.is_open]
    assert rounds == len(packed) > 2
    assert all(segment.causes and segment.requests for segment in packed)
    store._drop_spare()  # for want of room: who asks has it worked out, and nobody in a circle
    assert not store.work_ahead()
    assert store.operations(asked(), NOW_NS, 200) == PlainStore.from_lines(LINES[:120]).operations(asked(), NOW_NS, 200)


def test_the_examiner_works_ahead_when_nothing_waits() -> None:
    store = filled(one_by_one(LINES[:60]), segment_spans=300)
    store.report(FeedState(ready=True))
    with Examiner(store):
        packed = [segment for segment in store._segments.values() if not segment.is_open]
        assert packed
        until(lambda: all(segment.requests is not None for segment in packed))
