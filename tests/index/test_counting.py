"""What is counted is counted once, never taken back, and the same wherever it was read."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.request_table import MAX_FOLDED, MAX_NAMED, MAX_SERVICES, MAX_TEXT, Arrived, RequestTable
from diamond_viewer.query.query import Query
from diamond_viewer.store import Adoption
from diamond_viewer.telemetry.counts import BACKLOG, BUCKETS, LIVE, OTHER, Counts, RequestCounts
from diamond_viewer.telemetry.model import KIND_SERVER, FeedState
from diamond_viewer.telemetry.tallies import OperationKey
from tests.asking import NOW_NS, UNDECIDED
from tests.district import LINES
from tests.index.filling import ROOMY_BYTES, add_lines, filled, one_by_one
from tests.index.test_adoption import packed
from tests.index.test_eviction import TINY_BYTES, wire_of
from tests.index.test_properties import quick
from tests.writing import A_TIME_NS, Wire, event, line, span, trace_id

LIVE_FEED = FeedState(ready=True)


def request(trace: int, name: str = "GET /", lasts_ms: int = 3, **more: object) -> Wire:
    return span(1, trace=trace, name=name, kind=KIND_SERVER, lasts_ns=lasts_ms * 1_000_000, **more)  # type: ignore[arg-type]


def figures(counts: Counts) -> dict[tuple[str, OperationKey], tuple[int, int, int]]:
    return {(row.phase, row.key): (row.count, row.error_count, row.total_ns) for row in counts.requests}


def totals(counts: Counts) -> list[int]:
    """Everything that may only grow, as sums."""
    columns = [sum(column) for column in zip(*(row.buckets for row in counts.requests), strict=True)] or [0] * BUCKETS
    errors, total_ns = (sum(row.error_count for row in counts.requests), sum(row.total_ns for row in counts.requests))
    return [*columns, errors, total_ns, *counts.spans.values(), sum(counts.occurrences.values())]


def test_requests_of_real_telemetry_are_those_of_the_operations_page() -> None:
    for store in (filled([LINES]), filled(one_by_one(LINES), segment_spans=300)):
        shown = store.operations(Query(), NOW_NS, 1000).operations
        assert figures(store.counts()) == {
            (BACKLOG, row.key): (row.count, row.error_count, row.total_ns) for row in shown
        }


def test_a_sealed_file_is_counted_as_if_it_were_read_line_by_line() -> None:
    memory = MemoryStore(ROOMY_BYTES)
    segment = packed(LINES[:12])
    assert memory.adopt(segment) is Adoption.TAKEN
    add_lines(memory, LINES[12:])
    memory.commit()
    plain = filled([LINES[:12], LINES[12:]]).counts()
    found = memory.counts()
    assert figures(found) == figures(plain)
    assert found.spans == plain.spans
    assert found.occurrences == plain.occurrences
    assert {row.key: row.exemplars for row in found.requests} == {row.key: row.exemplars for row in plain.requests}


def test_a_file_that_is_not_taken_over_is_not_counted() -> None:
    memory = filled([LINES[:12]])
    before = memory.counts()
    assert memory.adopt(packed(LINES[:12])) is Adoption.HAS_REPEATS
    assert memory.counts() == before


@quick
@given(
    groups=st.lists(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), max_size=4), max_size=10),
    segment_spans=st.sampled_from([1, 2, 5]),
)
def test_nothing_ever_goes_down_whatever_leaves_and_comes_again(
    groups: Sequence[Sequence[tuple[int, int]]], segment_spans: int
) -> None:
    memory = MemoryStore(TINY_BYTES, segment_spans)
    seen: dict[tuple[str, OperationKey], RequestCounts] = {}
    before = totals(memory.counts())
    for group in groups:
        add_lines(memory, [line(wire_of(trace, number)) for trace, number in group])
        memory.commit()
        counts = memory.counts()
        assert all(now >= then for now, then in zip(totals(counts), before, strict=True))
        before = totals(counts)
        now = {(row.phase, row.key): row for row in counts.requests}
        assert seen.keys() <= now.keys()
        seen = now


def test_a_span_that_comes_again_is_not_counted_again() -> None:
    memory = filled([[line(request(1))]])
    add_lines(memory, [line(request(1)), line(request(1), request(2))])
    memory.commit()
    assert memory.counts().spans == {BACKLOG: 2, LIVE: 0}
    assert [row.count for row in memory.counts().requests] == [2]


def test_what_comes_after_the_backlog_is_live() -> None:
    memory = filled([[line(request(1))]])
    memory.report(LIVE_FEED)
    add_lines(memory, [line(request(2, events=[event("auth.failed")]))])
    memory.commit()
    memory.report(LIVE_FEED)
    counts = memory.counts()
    assert counts.spans == {BACKLOG: 1, LIVE: 1}
    assert {(row.phase, row.count) for row in counts.requests} == {(BACKLOG, 1), (LIVE, 1)}
    assert counts.occurrences == {(LIVE, "auth.failed", "web"): 1}


def test_a_late_span_counts_when_it_comes_and_changes_nothing_that_was_counted() -> None:
    memory = filled([[line(span(2, 1, name="inner", kind=KIND_SERVER))]])
    assert [(row.key.operation, row.count) for row in memory.counts().requests] == [("inner", 1)]
    add_lines(memory, [line(request(1))])
    memory.commit()
    assert {(row.key.operation, row.count) for row in memory.counts().requests} == {("inner", 1), ("GET /", 1)}


def test_server_spans_inside_one_another_are_one_request_and_its_failure() -> None:
    memory = filled([[line(request(1), span(2, 1, name="inner", kind=KIND_SERVER, status_code=2))]])
    assert [(row.key.operation, row.count, row.error_count) for row in memory.counts().requests] == [("GET /", 1, 1)]


def test_each_bucket_has_its_latest_request_as_an_example() -> None:
    slow = request(2, lasts_ms=400, status_code=2)
    memory = filled([[line(request(3, lasts_ms=4), slow, request(1, lasts_ms=3))], [line(request(4, lasts_ms=1))]])
    row = memory.counts().requests[0]
    assert row.buckets[0] == 3
    assert row.buckets[6] == 1
    assert [(example.trace_id, example.duration_ns) for example in row.exemplars if example] == [
        (trace_id(3), 4_000_000),
        (trace_id(2), 400_000_000),
    ]
    assert row.error_exemplar is not None
    assert (row.error_exemplar.trace_id, row.error_exemplar.end_ns) == (trace_id(2), A_TIME_NS + 400_000_000)


def test_a_duration_on_a_bound_belongs_to_the_bucket_that_ends_there() -> None:
    row = filled([[line(request(1, lasts_ms=5), request(2, lasts_ms=30_000), request(3, lasts_ms=31_000))]])
    assert row.counts().requests[0].buckets == (1, *[0] * 10, 1, 1)


def test_a_finding_counts_once_for_its_trace_however_often_that_grows() -> None:
    failing = span(1, events=[event("exception", A_TIME_NS, **{"exception.type": "E"})], status_code=2)
    memory = filled([[line(failing)]])
    assert memory.counts().findings[BACKLOG, "exception"] == 1
    memory.report(LIVE_FEED)
    add_lines(memory, [line(span(2, 1))])
    memory.commit()
    memory.examine(query=UNDECIDED)
    assert memory.counts().findings == {(BACKLOG, "exception"): 1}
    add_lines(memory, [line({**failing, "traceId": trace_id(9)})])
    memory.commit()
    memory.examine(query=UNDECIDED)
    assert memory.counts().findings == {(BACKLOG, "exception"): 1, (LIVE, "exception"): 1}


def arrived(*requests: tuple[str, str]) -> Arrived:
    """Requests of operation and service, 1 ms each."""
    keys = [OperationKey("request", *of) for of in dict.fromkeys(requests)]
    key = np.array([keys.index(OperationKey("request", *of)) for of in requests], np.int64)
    ones = np.ones(len(requests), np.int64)
    return Arrived(keys, key, ones * 1_000_000, ones, ones == 0, ones.astype(np.uint64), ones.astype(np.uint64))


def named(table: RequestTable) -> dict[tuple[str, str], int]:
    return {(row.key.operation, row.key.service): row.count for row in table.counts(LIVE)}


def test_operations_beyond_the_bound_are_folded_into_other_of_their_service() -> None:
    table = RequestTable()
    table.add(arrived(*[(f"op {number}", "web") for number in range(MAX_NAMED + 7)]))
    found = named(table)
    assert len(found) == MAX_NAMED + 1
    assert found[OTHER, "web"] == 7
    assert table.folded_count == 7


def test_what_comes_often_is_told_apart_even_when_it_comes_last() -> None:
    table = RequestTable()
    table.add(arrived(*[(f"random {number}", "web") for number in range(MAX_NAMED)]))
    before = named(table)
    for _ in range(5):
        table.add(arrived(("POST /api/progress", "web"), ("POST /api/progress", "web")))
    found = named(table)
    assert found["POST /api/progress", "web"] == 8  # two were folded before it was known how often it comes
    assert found[OTHER, "web"] == 3
    assert sum(found.values()) == sum(before.values()) + 10
    assert table.folded_count == 1


def test_services_beyond_the_bound_share_one_other() -> None:
    table = RequestTable()
    table.add(arrived(*[("op", f"service {number}") for number in range(MAX_NAMED + MAX_SERVICES + 5)]))
    found = named(table)
    assert found[OTHER, OTHER] == 5
    assert len(found) == MAX_NAMED + MAX_SERVICES + 1


def test_names_are_cut_and_a_flood_of_them_is_bounded() -> None:
    table = RequestTable()
    flood = [("x" * 1_000_000 + str(number % 2), "y" * 500) for number in range(2)]
    flood += [(f"op {number}", f"service {number % 300}") for number in range(MAX_FOLDED + 500)]
    table.add(arrived(*flood))
    found = named(table)
    assert max(len(text) for key in found for text in key) == MAX_TEXT
    assert len(found) <= MAX_NAMED + MAX_SERVICES + 1
    assert sum(found.values()) == len(flood)
    assert table.folded_count == MAX_FOLDED


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", OTHER]), st.sampled_from(["web", OTHER])), max_size=20),
    st.lists(st.tuples(st.sampled_from(["a", "c"]), st.sampled_from(["web", "shop"])), max_size=20),
)
def test_tables_of_two_processes_add_up(here: list[tuple[str, str]], there: list[tuple[str, str]]) -> None:
    one, two, both = RequestTable(), RequestTable(), RequestTable()
    one.add(arrived(*here))
    two.add(arrived(*there))
    both.add(arrived(*here, *there))
    one.add_all(two)
    assert named(one) == named(both)


SINCE_1970_NS = A_TIME_NS  # what a request takes by a clock that stood at 1970 when it began


def test_durations_add_up_beyond_64_bits() -> None:
    requests = arrived(*[("op", "web")] * 6)
    six = replace(requests, duration_ns=requests.key * 0 + SINCE_1970_NS)
    one, two = RequestTable(), RequestTable()
    one.add(six)
    assert [row.total_ns for row in one.counts(LIVE)] == [6 * SINCE_1970_NS]
    two.add(six)
    two.add(six)
    one.add_all(two)
    assert [row.total_ns for row in one.counts(LIVE)] == [18 * SINCE_1970_NS]


def test_an_operation_that_takes_the_row_of_another_begins_at_nothing() -> None:
    table = RequestTable()
    table.add(arrived(*[(f"random {number}", "web") for number in range(MAX_NAMED)]))
    table.add(arrived(*[("often", "web")] * 3))
    took = {row.key.operation: row.total_ns for row in table.counts(LIVE)}
    assert (took["often"], took[OTHER], len(took)) == (3_000_000, 1_000_000, MAX_NAMED + 1)


def test_of_very_many_names_at_once_the_frequent_are_told_apart_and_the_rest_counted_by_service() -> None:
    often = [request(1_000 + number, name="POST /api/progress") for number in range(50)]
    floods = {"web": 600, "api": 300}
    lines = [
        line(*(request(at, name=f"op {at}") for at in range(first, first + count)), service=service)
        for first, (service, count) in zip((1, 5_001), floods.items(), strict=True)
    ]
    rows = filled([[*lines, line(*often, service="web")]]).counts().requests
    found = {(row.key.operation, row.key.service): row.count for row in rows}
    assert sum(found.values()) == 950
    assert found["POST /api/progress", "web"] == 50
    for service, count in floods.items():
        told_apart = [name for name, of in found if of == service and name.startswith("op ")]
        assert found[OTHER, service] == count - len(told_apart)
    assert len(found) == MAX_NAMED + 2
