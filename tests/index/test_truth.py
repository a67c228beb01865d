"""Every answer of MemoryStore on the real telemetry equals what plain loops say."""

import json
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import FLAG_NAMES, FeedState
from tests.asking import NOW_NS, all_rows, asked, drawn, figures_of, row_of, span_texts
from tests.district import LINES, plain_district
from tests.index.filling import filled, one_by_one
from tests.plain_histogram import histogram_of
from tests.plain_store import PlainStore

DATA = Path(__file__).parents[1] / "data"
DISTRICT = DATA / "diamond-district"
EXPECTED: dict[str, Any] = json.loads((DISTRICT / "expected-api.json").read_text())
RULE_FLAGS = ("duplicate-calls", "n-plus-one")  # told by rules, and counted with them

PLAIN = plain_district()
STARTS_NS = sorted(row.start_ns for row in PLAIN.summaries())
DURATIONS_NS = sorted(row.duration_ns for row in PLAIN.summaries())


def at(numbers: list[int], share: float) -> int:
    return numbers[int(share * (len(numbers) - 1))]


def moment(time_ns: int) -> str:
    """RFC 3339 to the ns."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    days, seconds = divmod(seconds, 86_400)
    day = f"2026-11-{22 + days - 20_779:02d}"  # day 20,779 is 2026-11-22
    return f"{day}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ns:09d}Z"


def carried(field: Field) -> list[str]:
    return [value for value, _ in PLAIN.values(field.value, "", 1000)]


VALUES: dict[str, list[str]] = {
    "user": [*carried(Field.USER), "usr_0000", "USR_0007"],
    "lesson": [*carried(Field.LESSON), "lesson"],
    "status": ["ok", "error"],
    "service": [*carried(Field.SERVICE), "nobody"],
    "operation": [*carried(Field.OPERATION), "get"],
    "event": [*carried(Field.EVENT), "auth"],
    "flag": list(FLAG_NAMES),
    "min_ms": [
        "0",
        "10",
        "100",
        "1000",
        "5000",
        "7.087218",
        *(f"{at(DURATIONS_NS, n / 7) / 1e6:.6f}" for n in range(8)),
    ],
    "max_ms": [
        "0",
        "10",
        "100",
        "1000",
        "5000",
        "7.087218",
        *(f"{at(DURATIONS_NS, n / 7) / 1e6:.6f}" for n in range(8)),
    ],
    "since": ["1d", "1h", *(moment(at(STARTS_NS, n / 7)) for n in range(8)), moment(STARTS_NS[-1] + 1)],
    "until": ["1d", "1h", *(moment(at(STARTS_NS, n / 7)) for n in range(8)), moment(STARTS_NS[0] - 1)],
}


@pytest.fixture(scope="module", params=["one commit", "a commit a line", "small segments"])
def memory(request: pytest.FixtureRequest) -> MemoryStore:
    if request.param == "one commit":
        return filled([LINES])
    return filled(one_by_one(LINES), segment_spans=400 if request.param == "small segments" else 131_072)


@cache
def counted(query: Query) -> tuple[list[object], int, int, object]:
    """What plain loops say: once for all stores that are held against it."""
    page = PLAIN.search(query, NOW_NS)
    return [row_of(row) for row in page.traces], page.total, page.newer, figures_of(PLAIN.stats(query, NOW_NS))


def assert_same_answers(memory: MemoryStore, query: Query) -> None:
    rows, total, newer, figures = counted(query)
    page = memory.search(query, NOW_NS)
    assert [row_of(row) for row in page.traces] == rows, query
    assert (page.total, page.newer) == (total, newer), query
    assert figures_of(memory.stats(query, NOW_NS)) == figures, query


def test_the_moments_of_this_file_are_the_moments_they_name() -> None:
    for time_ns in (STARTS_NS[0], STARTS_NS[-1], STARTS_NS[-1] + 1):
        assert asked(since=moment(time_ns)).window(NOW_NS).since_ns == time_ns


def test_the_answers_of_the_api_are_those_counted(memory: MemoryStore) -> None:
    def total(**filters: object) -> int:
        return memory.search(asked(limit=1, **filters), NOW_NS).total

    memory.report(FeedState(lines=len(LINES)))
    health, stats = memory.health(), memory.stats(Query(), NOW_NS)
    found: dict[str, Any] = {
        "traces": health.traces,
        "spans": health.spans,
        "lines": health.lines,
        "error_spans": stats.error_spans,
        "p50_ms": stats.p50_ns / 1e6,
        "p95_ms": stats.p95_ns / 1e6,
        "p99_ms": stats.p99_ns / 1e6,
        "events": {name: count for name, count in stats.events.items() if count},
        "flags": {name: total(flag=name) for name in FLAG_NAMES if name not in RULE_FLAGS},
        "users": {name: total(user=name) for name in EXPECTED["users"]},
        "lessons": {name: total(lesson=name) for name in EXPECTED["lessons"]},
        "services": {name: total(service=name) for name in EXPECTED["services"]},
        "event_traces": {name: total(event=name) for name in EXPECTED["event_traces"]},
        "lesson_errors": {name: total(lesson=name, status="error") for name in EXPECTED["lesson_errors"]},
        "user_and_lesson": {
            pair: total(user=pair.split(" ")[0], lesson=pair.split(" ")[1]) for pair in EXPECTED["user_and_lesson"]
        },
        "min_ms": {ms: total(min_ms=ms) for ms in EXPECTED["min_ms"]},
        "newest": [row.trace_id for row in memory.search(Query(limit=20), NOW_NS).traces],
    }
    assert found == EXPECTED
    assert (health.duplicate_spans, stats.error_traces, stats.slow_traces) == (0, 33, 10)


def test_every_row_says_the_same(memory: MemoryStore) -> None:
    assert drawn(memory) == drawn(PLAIN)


@pytest.mark.parametrize("parameter", VALUES)
def test_every_filter_alone_gives_the_same_answer(memory: MemoryStore, parameter: str) -> None:
    for value in VALUES[parameter]:
        assert_same_answers(memory, asked(limit=1000, **{parameter: value}))


@pytest.mark.parametrize(("one", "other"), list(combinations(VALUES, 2)))
def test_pairs_of_filters_give_the_same_answer(memory: MemoryStore, one: str, other: str) -> None:
    for first, second in product(VALUES[one][1:6:2], VALUES[other][0:5:2]):
        assert_same_answers(memory, asked(limit=1000, **{one: first, other: second}))


def test_flags_may_be_asked_for_together(memory: MemoryStore) -> None:
    for names in combinations(FLAG_NAMES, 2):
        assert_same_answers(memory, asked(limit=1000, flag=list(names)))


@pytest.mark.parametrize("filters", [{}, {"user": "usr_0007"}, {"status": "ok", "service": "diamond-district-web"}])
@pytest.mark.parametrize("limit", [1, 7, 50, 314, 1000])
def test_every_page_is_the_same(memory: MemoryStore, filters: dict[str, str], limit: int) -> None:
    total = PLAIN.search(asked(**filters), NOW_NS).total
    last = total // limit + 2 if limit > 1 else 12
    for page in [*range(1, last + 1), 1_000_000]:
        assert_same_answers(memory, asked(limit=limit, page=page, **filters))


@pytest.mark.parametrize("filters", [{}, {"user": "usr_0007"}, {"flag": "error"}])
def test_an_anchor_keeps_the_page_where_the_reader_is(memory: MemoryStore, filters: dict[str, str]) -> None:
    query = asked(limit=5, **filters)
    anchors = [Anchor(row.start_ns, row.trace_id) for row in PLAIN.summaries()[::23]]
    between = [
        Anchor(STARTS_NS[100], "0" * 32),
        Anchor(STARTS_NS[100], "f" * 32),
        Anchor(0, "0" * 32),
        Anchor(2**63 - 1, "f" * 32),
    ]
    for anchor in anchors + between:
        assert_same_answers(memory, replace(query, anchor=anchor))
        assert_same_answers(memory, replace(query, anchor=anchor, page=2))


def test_stats_do_not_depend_on_paging(memory: MemoryStore) -> None:
    assert memory.stats(asked(limit=1, page=9), NOW_NS) == memory.stats(Query(), NOW_NS)


@pytest.mark.parametrize("buckets", [1, 2, 48, 1000])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"user": "usr_0007"},
        {"user": "nobody"},
        {"since": moment(at(STARTS_NS, 0.3))},
        {"until": moment(at(STARTS_NS, 0.6))},
        {"since": moment(at(STARTS_NS, 0.3)), "until": moment(at(STARTS_NS, 0.6))},
        {"since": moment(STARTS_NS[5]), "until": moment(STARTS_NS[5])},
        {"flag": "auth-failure"},
    ],
)
def test_buckets_hold_the_traces_that_start_in_them(memory: MemoryStore, filters: dict[str, str], buckets: int) -> None:
    query = asked(**filters)
    answer = memory.histogram(query, NOW_NS, buckets)
    rows = all_rows(PLAIN, query)
    assert len(answer.ok) == len(answer.auth) == len(answer.error) == buckets
    assert answer.width_ns >= 1
    assert answer == histogram_of(rows, answer.start_ns, answer.width_ns, buckets)
    assert sum(answer.ok + answer.auth + answer.error) == len(rows)
    if rows:
        expected = PLAIN.histogram(query, NOW_NS, buckets)
        assert (answer.start_ns, answer.width_ns) == (expected.start_ns, expected.width_ns)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"status": "error"},
        {"user": "nobody"},
        {"since": moment(at(STARTS_NS, 0.3)), "until": moment(at(STARTS_NS, 0.6))},
        {"since": moment(STARTS_NS[5])},
        {"q": "duration<2ms OR flag:slow"},
    ],
    ids=str,
)
def test_cells_hold_the_traces_that_start_and_last_so(memory: MemoryStore, filters: dict[str, str]) -> None:
    query = asked(**filters)
    answer = memory.scatter(query, NOW_NS, 60, 12)
    assert answer == PLAIN.scatter(query, NOW_NS, 60, 12)
    assert sum(cell.ok + cell.auth + cell.error for cell in answer.cells) == len(all_rows(PLAIN, query))


def test_a_window_that_ends_before_it_begins_holds_nothing(memory: MemoryStore) -> None:
    query = asked(since=moment(at(STARTS_NS, 0.6)), until=moment(at(STARTS_NS, 0.3)))
    assert memory.scatter(query, NOW_NS, 60, 12).cells == ()
    assert sum(memory.histogram(query, NOW_NS, 60).ok) == 0


@pytest.mark.parametrize("field", list(Field))
def test_values_are_counted_in_traces_most_frequent_first(memory: MemoryStore, field: Field) -> None:
    for text in ("", "00", "lesson-0", "usr_", "GET", "diamond", "auth.", "zzz", "%", "_"):
        found = memory.values(field.value, text, 1000)
        assert sorted(found) == sorted(PLAIN.values(field.value, text, 1000)), text
        counts = [count for _, count in found]
        assert counts == sorted(counts, reverse=True)
        assert memory.values(field.value, text, 3) == found[:3]
        assert memory.values(field.value, text, 0) == []


def test_a_trace_is_handed_out_with_every_span_in_full(memory: MemoryStore) -> None:
    for row in PLAIN.summaries():
        trace = memory.trace(row.trace_id)
        assert trace is not None
        assert row_of(trace.summary) == row_of(row)
        assert span_texts(trace) == span_texts(PLAIN.trace(row.trace_id))


@pytest.mark.parametrize("trace_id", ["", "0" * 32, "f" * 32, "not an id", "é" * 32, "0" * 31, "0" * 64, "\ud800"])
def test_a_trace_that_is_not_held_is_none(memory: MemoryStore, trace_id: str) -> None:
    assert memory.trace(trace_id) is None


def test_a_duplicated_file_changes_nothing_but_the_duplicates() -> None:
    lines = (DATA / "variants" / "duplicated-lines" / "traces.json").read_bytes().splitlines()
    for asks_first in (True, False):
        memory = filled(one_by_one(lines), asks_first=asks_first)
        assert drawn(memory) == drawn(PlainStore.from_lines(lines))
        assert memory.health().duplicate_spans == 213


@pytest.mark.parametrize(
    "file",
    [
        "js-special-values/traces.from-json.json",
        "js-special-values/traces.from-proto.json",
        "js-special-values/body-js-json.json",
        "js-special-values/body-js-json-with-NaN-null.json",
        "old-collector-style/traces.json",
        "one-file-three-signals/telemetry.json",
        "python-json-file/traces.jsonl",
        "vercel-otel/traces.json",
        "cut-off/traces-invalid-utf8.json",
        "cut-off/traces-two-objects-on-one-line.json",
    ],
)
def test_variants_are_indexed_and_handed_out_as_plain_loops_read_them(file: str) -> None:
    lines = [line for line in (DATA / "variants" / file).read_bytes().split(b"\n") if line]
    memory, plain = filled([lines]), PlainStore.from_lines(lines)
    assert drawn(memory) == drawn(plain)
    for row in plain.summaries():
        expected = span_texts(plain.trace(row.trace_id))
        # the one secret in these files: a signature that the tests of the SDK made up
        shown = [text.replace("X-Amz-Signature=abc", "X-Amz-Signature=REDACTED") for text in expected]
        assert span_texts(memory.trace(row.trace_id)) == shown
