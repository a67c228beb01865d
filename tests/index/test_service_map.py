"""The service map from columns is that of plain loops, however traces are spread over segments; what is partial says so."""

from pathlib import Path

import pytest

from diamond_viewer.index import held
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.service_map import Node
from tests.asking import NOW_NS, asked
from tests.district import LINES, plain_district
from tests.index.filling import add_lines, filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import line, span, span_id, trace_id

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize("segment_spans", [131_072, 500, 60])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"lesson": "lesson-012"},
        {"status": "error"},
        {"service": "diamond-district-worker"},
        {"q": "http.status:500"},
    ],
    ids=str,
)
def test_calls_are_those_of_plain_loops(segment_spans: int, query: dict[str, object]) -> None:
    store, plain = filled(one_by_one(LINES), segment_spans), plain_district()
    found, expected = store.service_map(asked(**query), NOW_NS), plain.service_map(asked(**query), NOW_NS)
    assert found.calls == expected.calls
    assert found.calls
    assert (found.trace_count, found.first_ns, found.last_ns) == (
        expected.trace_count,
        expected.first_ns,
        expected.last_ns,
    )
    assert found.is_complete


@pytest.mark.parametrize(
    "name", ["old-collector-style/traces.json", "vercel-otel/traces.json", "python-json-file/traces.jsonl"]
)
def test_other_spellings_are_understood(name: str) -> None:
    lines = (DATA / "variants" / name).read_bytes().splitlines()
    found = filled([lines]).service_map(Query(), NOW_NS)
    assert found.calls == PlainStore.from_lines(lines).service_map(Query(), NOW_NS).calls
    assert found.calls


def test_asking_again_gives_the_same_and_new_traces_are_added() -> None:
    store = filled([LINES[:10], LINES[10:20]], segment_spans=300)
    first = store.service_map(Query(), NOW_NS)
    assert store.service_map(Query(), NOW_NS) == first
    assert first.calls == PlainStore.from_lines(LINES[:20]).service_map(Query(), NOW_NS).calls


def test_when_the_time_is_used_up_the_map_is_partial_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MAP_NS", 0)
    store = filled(one_by_one(LINES), segment_spans=300)
    found = store.service_map(Query(), NOW_NS)
    assert not found.is_complete
    assert 0 < found.trace_count < 314
    assert any(call.target == Node("service", "diamond-district-web") for call in found.calls)


def test_nothing_matches_nothing_calls() -> None:
    found = filled([LINES]).service_map(asked(user="nobody"), NOW_NS)
    assert (found.calls, found.trace_count, found.is_complete) == ((), 0, True)


def test_a_packed_segment_that_was_asked_already_learns_that_its_traces_grow() -> None:
    """The caller's span comes last, into another segment: what seemed to come from outside was called."""
    called = line(span(2, 1, name="GET /api", kind=2), service="api")
    others = [line(*(span(at + 1, trace=number, kind=2) for at in range(20))) for number in range(2, 8)]
    lines = [called, *others]
    store = filled(one_by_one(lines), segment_spans=100)
    before = store.service_map(Query(), NOW_NS)
    assert before.calls == PlainStore.from_lines(lines).service_map(Query(), NOW_NS).calls
    late = line(span(1, name="fetch", kind=3), service="web")
    add_lines(store, [late])
    store.commit()
    after = store.service_map(Query(), NOW_NS)
    assert after.calls == PlainStore.from_lines([*lines, late]).service_map(Query(), NOW_NS).calls
    assert any(call.source == Node("service", "web") and call.target == Node("service", "api") for call in after.calls)


@pytest.mark.parametrize("segment_spans", [1, 131_072], ids=["a segment each", "one segment"])
@pytest.mark.parametrize("order", [1, -1], ids=["the linked one first", "the linking one first"])
def test_a_link_is_a_call_where_nothing_else_tells_where_a_span_came_from(segment_spans: int, order: int) -> None:
    def to(trace: int, number: int) -> dict[str, str]:
        return {"traceId": trace_id(trace), "spanId": span_id(number)}

    queue = {"messaging.destination.name": "mail"}
    lines = [
        line(span(1, trace=1, kind=2), span(2, 1, trace=1, kind=4), service="web"),
        line(span(3, trace=2, kind=5, links=[to(1, 2), to(1, 1)], status_code=2), service="worker"),
        line(span(4, trace=3, kind=5, links=[to(1, 2)], attributes=queue), service="mailer"),  # its queue says it
        line(span(5, trace=4, kind=2, links=[to(9, 9), to(1, 7)]), service="batch"),  # to nothing that is held
        line(span(6, trace=5, kind=2, links=[to(1, 2)]), service="web"),  # to its own service
        line(span(7, trace=6, links=[to(1, 1)]), service="cron"),
    ][::order]
    store, plain = filled(one_by_one(lines), segment_spans), PlainStore.from_lines(lines)
    found = store.service_map(Query(), NOW_NS)
    assert found.calls == plain.service_map(Query(), NOW_NS).calls
    said = {(call.source.name if call.source else "", call.target.name): call for call in found.calls}
    assert said.keys() == {("", "web"), ("", "batch"), ("web", "worker"), ("web", "cron"), ("mail", "mailer")}
    assert (said["web", "worker"].count, said["web", "worker"].error_count) == (1, 1)
    only = store.service_map(asked(service="worker"), NOW_NS)
    assert [(call.source, call.target.name) for call in only.calls] == [(Node("service", "web"), "worker")]


def test_ten_thousand_links_make_the_map_partial_not_slow() -> None:
    links = [{"traceId": trace_id(1), "spanId": span_id(1)}]
    lines = [line(span(1, trace=1), service="web")]
    lines += [
        line(*(span(2, trace=trace, links=links) for trace in range(first, first + 100)), service="worker")
        for first in range(2, 10_002, 100)
    ]
    store = filled([lines])
    found = store.service_map(Query(), NOW_NS)
    assert not found.is_complete
    (call,) = found.calls
    assert 1_000 <= call.count <= 10_000


def test_links_of_a_backfilled_file_are_calls_too_and_are_counted_in_memory() -> None:
    links = [{"traceId": trace_id(1), "spanId": span_id(1)}]
    packer = MemoryStore.packer()
    add_lines(packer, [line(*(span(2, trace=trace, links=links) for trace in range(2, 102)), service="worker")])
    segment = packer.handed_over()
    assert segment.links.size_bytes >= 100 * 17
    store = filled([[line(span(1, trace=1), service="web")]])
    assert store.adopt(segment).name == "TAKEN"
    (call,) = store.service_map(Query(), NOW_NS).calls
    assert (call.source, call.target, call.count) == (Node("service", "web"), Node("service", "worker"), 100)
