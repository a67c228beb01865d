"""However the lines come, the index is the same: any order, any grouping, repeated, their spans regrouped."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import FLAG_NAMES, KIND_SERVER, Flag
from tests.asking import NOW_NS, all_rows, asked, drawn, row_of, span_texts
from tests.index.filling import ROOMY_BYTES, add_lines, filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, event, line, span, trace_id

ODD_TEXTS = ["", " ", "GET", "POST", "n" * 5_000, "Übung 🎬", "a\nb", "\x00", "<script>", "%s", "work", "auth.failed"]
TIMES_NS = [0, 1, 5, A_TIME_NS, A_TIME_NS + 1, A_TIME_NS + 2_000_000_000, 2**63 - 2_000_000_000]
EVENTS = [
    *FLAG_NAMES,
    "auth.failed",
    "auth.credentials.missing",
    "video.buffering",
    "video.resume_position_mismatch",
    "exception",
    "",
]
SERVICES = ["web", "worker", "", None, "Dienst Ü"]

texts = st.sampled_from(ODD_TEXTS)
id_values = st.sampled_from(["usr_1", "usr_2", "", 7, True, "ü"])
attribute_sets = st.fixed_dictionaries(
    {},
    optional={
        "user.id": id_values,
        "userId": id_values,
        "enduser.id": id_values,
        "lesson.id": id_values,
        "lessonId": id_values,
        "http.route": st.sampled_from(["/a/[id]", "/b", ""]),
        "next.route": st.sampled_from(["/c"]),
        "http.target": st.sampled_from(["/a/7?x=1", "/b#top"]),
        "url.full": st.sampled_from(["https://x.example/a?b", "http://x.example/"]),
        "http.status_code": st.sampled_from([200, 401, 500, "404"]),
        "http.response.status_code": st.sampled_from([200, 401]),
        "db.system": st.just("postgresql"),
        "hasCookie": st.booleans(),
    },
)
event_wires = st.builds(
    lambda name, time_ns, attributes: event(name, time_ns, **attributes),
    st.sampled_from(EVENTS),
    st.sampled_from(TIMES_NS),
    st.fixed_dictionaries(
        {},
        optional={
            "user_id": id_values,
            "lesson_id": id_values,
            "hasCookie": st.booleans(),
            "deltaSeconds": st.sampled_from([-240, 3, 2.5]),
        },
    ),
)


@st.composite
def span_wires(draw: st.DrawFn, number: int, trace: int) -> Wire:
    start_ns = draw(st.sampled_from(TIMES_NS))
    return span(
        number,
        draw(st.integers(0, 6)),
        trace=trace,
        name=draw(texts),
        start_ns=start_ns,
        lasts_ns=max(draw(st.sampled_from([0, 1, -5, 100_000_001, 1_000_000_001, -start_ns])), -start_ns),
        kind=draw(st.sampled_from([0, 1, KIND_SERVER, KIND_SERVER, 3])),
        status_code=draw(st.sampled_from([0, 0, 1, 2])),
        attributes=draw(attribute_sets),
        events=draw(st.lists(event_wires, max_size=3)),
    )


@st.composite
def written_spans(draw: st.DrawFn) -> list[tuple[Wire, str | None]]:
    """Spans with the service that wrote each; a (trace, span) comes once."""
    keys = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), min_size=1, max_size=12, unique=True))
    return [(draw(span_wires(number, trace)), draw(st.sampled_from(SERVICES))) for trace, number in keys]


def lines_of(spans: Sequence[tuple[Wire, str | None]]) -> list[bytes]:
    """A line for each run of one service."""
    lines: list[list[Any]] = []
    for wire, service in spans:
        if lines and lines[-1][0] == service:
            lines[-1][1].append(wire)
        else:
            lines.append([service, [wire]])
    return [line(*wires, service=service) for service, wires in lines]


def grouped(lines: Sequence[bytes], sizes: Sequence[int]) -> list[list[bytes]]:
    """Cut into groups of these sizes; what is left is the last one."""
    groups, first = [], 0
    for size in sizes:
        groups.append(list(lines[first : first + size]))
        first += size
    return [*groups, list(lines[first:])]


group_sizes = st.lists(st.integers(0, 4), max_size=12)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(spans=written_spans(), sizes=group_sizes, segment_spans=st.sampled_from([1, 3, 131_072]), data=st.data())
def test_any_order_and_any_grouping_give_the_same_index(
    spans: list[tuple[Wire, str | None]], sizes: list[int], segment_spans: int, data: st.DataObject
) -> None:
    expected = drawn(PlainStore.from_lines(lines_of(spans)))
    shuffled = data.draw(st.permutations(spans))
    assert drawn(filled(grouped(lines_of(shuffled), sizes), segment_spans)) == expected


@quick
@given(spans=written_spans(), segment_spans=st.sampled_from([2, 131_072]), asks_first=st.booleans(), data=st.data())
def test_what_comes_again_changes_nothing_but_the_duplicates(
    spans: list[tuple[Wire, str | None]], segment_spans: int, asks_first: bool, data: st.DataObject
) -> None:
    again = data.draw(
        st.lists(st.sampled_from(spans), max_size=12)
    )  # regrouped: each on its line with other neighbours
    repeated = lines_of(spans) + lines_of(again)
    repeated += data.draw(st.lists(st.sampled_from(repeated), max_size=4))
    groups = grouped(repeated, data.draw(group_sizes))
    memory, plain = filled(groups, segment_spans, asks_first), PlainStore.from_lines(repeated)
    assert drawn(memory) == drawn(plain) == drawn(PlainStore.from_lines(lines_of(spans)))
    assert memory.health().duplicate_spans == plain.health().duplicate_spans


@quick
@given(spans=written_spans(), segment_spans=st.sampled_from([2, 131_072]))
def test_every_filter_and_every_trace_agree_with_plain_loops(
    spans: list[tuple[Wire, str | None]], segment_spans: int
) -> None:
    lines = lines_of(spans)
    memory, plain = filled(one_by_one(lines), segment_spans), PlainStore.from_lines(lines)
    for field in Field:
        values = plain.values(field.value, "", 100)
        assert sorted(memory.values(field.value, "", 100)) == sorted(values)
        for value, count in values:
            if value.strip() == value and len(value) <= 512:
                query = asked(**{field.value: value})
                assert memory.search(query, NOW_NS).total == count
                assert all_rows(memory, query) == all_rows(plain, query)
    for row in plain.summaries():
        trace = memory.trace(row.trace_id)
        assert trace is not None
        assert row_of(trace.summary) == row_of(row)
        assert span_texts(trace) == span_texts(plain.trace(row.trace_id))


@quick
@given(spans=written_spans(), sizes=group_sizes)
def test_after_every_commit_the_answers_are_those_of_what_was_committed(
    spans: list[tuple[Wire, str | None]], sizes: list[int]
) -> None:
    memory, plain = MemoryStore(ROOMY_BYTES, segment_spans=3), PlainStore()
    for group in grouped(lines_of(spans), sizes):
        before, version = drawn(memory), memory.version()
        add_lines(memory, group)
        assert (drawn(memory), memory.version()) == (before, version)
        memory.commit()
        plain.add_lines(group)
        assert drawn(memory) == drawn(plain)
        assert (memory.version() != version) == bool(group)


@quick
@given(numbers=st.permutations(range(1, 8)), segment_spans=st.sampled_from([1, 4, 131_072]))
def test_a_trace_over_many_lines_is_whole_whatever_comes_first(numbers: list[int], segment_spans: int) -> None:
    chain = {n: span(n, n - 1, name=f"step {n}", start_ns=A_TIME_NS + n, kind=n % 4) for n in range(1, 8)}
    memory = filled(one_by_one([line(chain[n], service=f"service {n % 3}") for n in numbers]), segment_spans)
    [row] = all_rows(memory)
    assert (row.name, row.span_count, row.flags, row.start_ns) == ("step 1", 7, 0, A_TIME_NS + 1)
    assert row.services == ("service 0", "service 1", "service 2")


def test_an_orphan_is_incomplete_until_its_parent_comes() -> None:
    memory = MemoryStore(ROOMY_BYTES)
    seen = []
    for wire in (span(3, 2, name="child"), span(1, name="root"), span(2, 1, name="between")):
        add_lines(memory, [line(wire)])
        memory.commit()
        [row] = all_rows(memory)
        seen.append((row.name, bool(row.flags & Flag.INCOMPLETE)))
    assert seen == [("child", True), ("root", True), ("root", False)]


def test_nothing_is_seen_before_it_is_committed() -> None:
    memory = MemoryStore(ROOMY_BYTES)
    assert (drawn(memory), memory.trace(trace_id(1))) == (drawn(PlainStore()), None)
    add_lines(memory, [line(span(1))])
    assert (memory.version(), memory.search(Query(), NOW_NS).total, memory.health().spans) == (0, 0, 0)
    assert memory.trace(trace_id(1)) is None
    memory.commit()
    assert (memory.search(Query(), NOW_NS).total, memory.health().spans) == (1, 1)
    version = memory.version()
    assert version > 0
    memory.commit()
    assert memory.version() == version


def test_the_same_id_with_other_content_is_kept() -> None:
    lines = [line(span(1, name="client", kind=3)), line(span(1, name="server", kind=2, start_ns=A_TIME_NS + 5))]
    for order in (lines, lines[::-1]):
        memory = filled(one_by_one(order))
        assert drawn(memory) == drawn(PlainStore.from_lines(lines))
        assert span_texts(memory.trace(trace_id(1))) == span_texts(PlainStore.from_lines(lines).trace(trace_id(1)))


@pytest.mark.parametrize(
    "change",
    [
        {"attributes": [{"key": "user.id", "value": {"stringValue": "usr_2"}}]},
        {"events": [event("seen")]},
        {"status": {"message": "again"}},
        {"endTimeUnixNano": str(A_TIME_NS + 9)},
        {"parentSpanId": f"{9:016x}"},
        {"links": [{"traceId": trace_id(1), "spanId": f"{1:016x}"}]},
        {"droppedEventsCount": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_span_that_differs_in_anything_is_no_duplicate(change: Wire) -> None:
    lines = [line(span(1)), line(span(1) | change)]
    for groups in ([lines], one_by_one(lines)):
        health = filled(groups).health()
        assert (health.spans, health.duplicate_spans) == (2, 0)


@pytest.mark.parametrize("start_ns", [0, 1, 2**63 - 1, 2**63, 18_429_984_000_000_000_000, 2**64 - 1])
def test_a_time_at_the_end_of_time_is_a_time_and_one_behind_it_is_none(start_ns: int) -> None:
    lines = [line(span(1, start_ns=start_ns, lasts_ns=0), span(2, 1, start_ns=start_ns, lasts_ns=0))]
    memory, plain = filled([lines]), PlainStore.from_lines(lines)
    assert drawn(memory) == drawn(plain)
    assert span_texts(memory.trace(trace_id(1))) == span_texts(plain.trace(trace_id(1)))


@pytest.mark.parametrize("news", [[], [span(1, trace=2)]], ids=["nothing else", "another trace"])
def test_a_span_of_a_full_segment_may_come_again_beside(news: list[Wire]) -> None:
    lines = [line(span(1), span(2, 1)), line(span(1), *news)]
    memory = filled(one_by_one(lines), segment_spans=2)
    assert drawn(memory) == drawn(PlainStore.from_lines(lines))
    assert memory.health().duplicate_spans == 1


@pytest.mark.parametrize("depth", [5, 200])
def test_a_deeply_nested_value_may_come_again(depth: int) -> None:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    wire = span(1, attributes={"deep": value})
    memory = filled(one_by_one([line(wire), line(wire, span(2, 1))]))
    assert (memory.health().spans, memory.health().duplicate_spans) == (2, 1)
    trace = memory.trace(trace_id(1))
    assert trace is not None
    assert len(trace.spans) == 2


def test_a_span_without_any_time_is_nowhere_the_earliest() -> None:
    timeless: Wire = {"start_ns": 0, "lasts_ns": 0}
    route, other = (
        {"http.route": "/late", "http.status_code": 401},
        {"http.route": "/timeless", "http.status_code": 200},
    )
    servers = [span(2, 1, kind=2, attributes=other, **timeless), span(3, 1, kind=2, attributes=route)]
    deeper = [span(4, 1), *({**server, "parentSpanId": f"{4:016x}"} for server in servers)]
    for wires in (servers, deeper):
        [row] = all_rows(filled([[line(span(1, name="GET"), span(7, name="POST", **timeless), *wires)]]))
        assert (row.name, row.http_status) == ("GET /late", 401)


def test_the_same_span_id_in_two_traces_is_two_spans() -> None:
    lines = [line(span(1, trace=1, name="one"), span(1, trace=2, name="two"), span(2, 1, trace=2))]
    assert drawn(filled([lines])) == drawn(PlainStore.from_lines(lines))


def test_a_large_trace_over_many_lines_is_whole() -> None:
    shuffled = random.Random(1).sample(range(1, 20_001), 20_000)
    wires = [span(n, n // 3, name=f"op {n % 50}", start_ns=A_TIME_NS + n, lasts_ns=n) for n in shuffled]
    lines = [line(*wires[at : at + 500], service=f"s{at % 7}") for at in range(0, 20_000, 500)]
    memory, plain = filled(grouped(lines, [7] * 5), segment_spans=6_000), PlainStore.from_lines(lines)
    assert drawn(memory) == drawn(plain)
    assert span_texts(memory.trace(trace_id(1))) == span_texts(plain.trace(trace_id(1)))


@pytest.mark.parametrize("closes", [False, True], ids=["a chain", "a circle"])
def test_deep_chains_and_circles_are_one_trace(closes: bool) -> None:
    last = 5_000
    wires = [
        span(n, n - 1 or (last if closes else 0), name="GET" if n == 1 else "step", start_ns=A_TIME_NS + n)
        for n in range(1, last + 1)
    ]
    wires[-1] |= {"kind": KIND_SERVER, "attributes": [{"key": "http.route", "value": {"stringValue": "/deep"}}]}
    lines = [line(*wires[at : at + 1_000]) for at in range(0, last, 1_000)]
    memory = filled(one_by_one(lines[::-1]), segment_spans=2_000)
    assert drawn(memory) == drawn(PlainStore.from_lines(lines))
    [row] = all_rows(memory)
    assert (row.name, bool(row.flags & Flag.INCOMPLETE)) == ("GET /deep", closes)


def test_many_small_traces_are_all_found() -> None:
    wires = [
        span(1, trace=n, start_ns=A_TIME_NS + n % 97, attributes={"user.id": f"usr_{n % 40}"}) for n in range(1, 5_001)
    ]
    lines = [line(*wires[at : at + 100]) for at in range(0, 5_000, 100)]
    memory, plain = filled(grouped(lines, [3] * 10), segment_spans=900), PlainStore.from_lines(lines)
    assert drawn(memory) == drawn(plain)
    for user in ("usr_0", "usr_39"):
        assert all_rows(memory, asked(user=user)) == all_rows(plain, asked(user=user))


def test_thousands_of_events_on_a_span_are_counted() -> None:
    wires = [span(1, events=[event("tick", i=n) for n in range(5_000)]), span(2, 1, events=[event("tock")] * 3)]
    [row] = all_rows(filled([[line(*wires)]]))
    assert (row.event_count, {(fact.name, fact.count) for fact in row.event_facts}) == (
        5_003,
        {("tick", 5_000), ("tock", 3)},
    )
