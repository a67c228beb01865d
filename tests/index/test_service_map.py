"""The service map from columns is that of plain loops, however traces are spread over segments; what is partial says so."""

from pathlib import Path

import pytest

from diamond_viewer.index import held
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.service_map import Node
from tests.asking import NOW_NS, asked
from tests.index.filling import add_lines, filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import line, span

DATA = Path(__file__).parent.parent / "data"
LINES = (DATA / "diamond-district" / "traces.json").read_bytes().splitlines()


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
    store, plain = filled(one_by_one(LINES), segment_spans), PlainStore.from_lines(LINES)
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
