"""A table that is too large for one answer: what a part says is true of that part, and whoever asks again is told the rest."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.clickhouse import marked
from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.selection import Selection
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.showing import new_bench
from diamond_viewer.telemetry.model import Span
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS, all_rows, asked, figures_of
from tests.clickhouse.plain_rows import rows_of
from tests.clickhouse.schema import Layout, Schema
from tests.clickhouse.server import Node
from tests.cluster.questions import answered
from tests.cluster.test_parity import load, make_tables, materialise, real_lines
from tests.index.filling import filled

DATABASE = "slices"
LATER = Query(limit=1000)


@pytest.fixture(scope="module")
def in_memory() -> MemoryStore:
    return filled([real_lines()], follows_people=False)


@pytest.fixture(scope="module", params=["ids as texts", "ids as numbers"])
def address(shared_node: Node, request: pytest.FixtureRequest) -> str:
    make_tables(shared_node, DATABASE, Schema(Layout.MAP))
    address = f"clickhouse://127.0.0.1:{shared_node.http_port}/{DATABASE}?longest=10m"
    if request.param == "ids as numbers":
        materialise(shared_node, DATABASE)
    load(shared_node, DATABASE, list(rows_of(real_lines(), Layout.MAP)))
    return address


@pytest.fixture
def store(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClickHouseStore]:
    """Which cannot name more than a few traces, and answers after each slice, however long that took."""
    for name, value in (
        ("FIRST_SPANS", 4),
        ("SPANS_AT_ONCE", 1),
        ("GO_ON_NS", 1),
        ("SLICE_NS", 10**15),
        ("PAGE_TRACES", 1),
    ):
        monkeypatch.setattr(f"diamond_viewer.clickhouse.selections.{name}", value)
    monkeypatch.setattr("diamond_viewer.clickhouse.selection.MAX_NAMED", 3)
    store = ClickHouseStore(Address.parse(address), new_bench)
    yield store
    store.close()


def test_what_a_part_says_is_what_its_traces_say(store: ClickHouseStore, in_memory: MemoryStore) -> None:
    sizes = []
    for _ in range(3):
        page = store.search(LATER, NOW_NS)
        assert not page.is_complete
        rows = [row for row in all_rows(in_memory) if row.start_ns >= page.scanned_to_ns]
        assert [row.trace_id for row in page.traces] == [row.trace_id for row in rows]
        stats = store.stats(LATER, NOW_NS)
        assert (stats.traces, stats.spans) == (len(rows), sum(row.span_count for row in rows))
        events = Counter(
            event.name for row in rows for span in spans_of(in_memory, row.trace_id) for event in span.events
        )
        assert dict(stats.events) == dict(events)
        users = Counter(user for row in rows for user in row.user_ids)
        facets = store.facets(LATER, NOW_NS, 1000)
        assert dict(facets.user) == dict(users)
        histogram = store.histogram(LATER, NOW_NS, 10)
        assert sum(histogram.ok) + sum(histogram.auth) + sum(histogram.error) == len(rows)
        sizes.append(len(rows))
    assert 0 < sizes[0] < sizes[1] <= sizes[2] < 314


def spans_of(store: MemoryStore, trace_id: str) -> tuple[Span, ...]:
    trace = store.trace(trace_id)
    assert trace is not None
    return trace.spans


def test_in_the_end_everything_was_looked_at(store: ClickHouseStore, in_memory: MemoryStore) -> None:
    answered(lambda store: store.findings(LATER, NOW_NS), store)  # figures do not wait for what rules find
    found = answered(lambda store: store.stats(Query(), NOW_NS), store, figures_of)
    assert found == answered(lambda store: store.stats(Query(), NOW_NS), in_memory, figures_of)


def test_what_was_asked_of_a_slice_is_not_asked_again_of_more(
    store: ClickHouseStore, in_memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_about = {"around": 0, "events_written": 0}  # how many traces questions were about

    def counting(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asks(of: ClickHouseStore, selection: Selection, *more: Any) -> Any:
            asked_about[name] += len(selection)
            return ask(of, selection, *more)

        return asks

    for name in asked_about:
        monkeypatch.setattr(marked, name, counting(name, getattr(marked, name)))
    calls = 1
    while not (found := store.stats(LATER, NOW_NS)).is_complete:
        calls += 1
    assert calls >= 3
    assert found.traces == len(all_rows(in_memory))
    store.facets(LATER, NOW_NS, 10)
    assert asked_about == {"around": len(marked.MARKS) * found.traces, "events_written": found.traces}


@pytest.mark.parametrize("ends", ["since", "until", "both"])
def test_a_window_counts_the_rows_of_its_traces_and_no_others(
    store: ClickHouseStore, in_memory: MemoryStore, ends: str
) -> None:
    starts = sorted(row.start_ns for row in all_rows(in_memory))
    window = {"since": iso(starts[100]), "until": iso(starts[220])}
    since_ns, until_ns = starts[100] if ends != "until" else 0, starts[220] if ends != "since" else NOW_NS
    query = asked(**{name: value for name, value in window.items() if ends in (name, "both")})
    answered(lambda store: store.findings(query, NOW_NS), store)  # figures do not wait for what rules find
    for ask in (
        lambda store: figures_of(answered(lambda store: store.stats(query, NOW_NS), store)),
        lambda store: answered(lambda store: store.facets(query, NOW_NS, 1000), store).service,
        lambda store: answered(lambda store: store.facets(query, NOW_NS, 1000), store).event,
        lambda store: answered(lambda store: store.facets(query, NOW_NS, 1000), store).user,
        lambda store: store.troubles("user", "", since_ns, until_ns, 1000),
        lambda store: store.troubles("lesson", "0", since_ns, until_ns, 1000),
        lambda store: store.watching(since_ns, until_ns),
    ):
        assert ask(store) == ask(in_memory)


def iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_without_a_time_only_so_much_is_looked_at_and_the_page_says_so(
    store: ClickHouseStore, in_memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diamond_viewer.clickhouse.selections.UNASKED_SPANS", 1_500)
    page = answered(lambda store: store.search(LATER, NOW_NS), store)
    assert 0 < page.total < 314
    assert page.scanned_to_ns > 0
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    text = client.get("/trace-viewer.html").text
    assert "as far as is looked at once; for older traces choose a time." in text
    for question in ("traces", "stats", "errors", "operations", "findings", "map"):
        answer = answered_by_program(client, f"/api/{question}")
        assert not answer["is_complete"], question
        assert "asking again adds nothing" in answer["cut_off"], question
        everything = answered_by_program(client, f"/api/{question}?since=2020-01-01T00:00:00Z")
        assert (everything["is_complete"], "cut_off" in everything) == (True, False), question
    for name, told in people_told(client).items():
        assert not told["is_complete"], name
        assert "asking again adds nothing" in told["cut_off"], name
    for name, told in people_told(client, "?since=2020-01-01T00:00:00Z").items():
        assert (told["is_complete"], "cut_off" in told) == (True, False), name
    for path in ("/journeys", "/lessons/lesson-011", "/map"):
        assert "as far as is looked at once; for older" in client.get(path).text, path
        assert "as far as is looked at once" not in client.get(f"{path}?since=2020-01-01T00:00:00Z").text, path
    errors = client.get("/errors").text
    assert "as far as is counted at once; for older traces choose a time." in errors
    whole = answered(lambda store: store.search(asked(since="2020-01-01T00:00:00Z"), NOW_NS), store)
    assert (whole.total, whole.scanned_to_ns) == (len(all_rows(in_memory)), 0)


def people_told(client: FlaskClient, window: str = "") -> dict[str, dict[str, Any]]:
    """What is said of all users and all lessons."""
    journeys: dict[str, dict[str, Any]] = client.get(f"/api/journeys{window}").get_json()
    average = answered_by_program(client, f"/api/lessons/lesson-011{window}")["average"]
    return {"users": journeys["users"], "lessons": journeys["lessons"], "average": average}


def answered_by_program(client: FlaskClient, path: str) -> dict[str, Any]:
    """As docs/clickhouse.md tells programs to ask: until all is there, or no more comes."""
    for _ in range(200):
        answer: dict[str, Any] = client.get(path).get_json()
        if answer["is_complete"] or "cut_off" in answer:
            return answer
    raise AssertionError(f"{path} never ends.")


def test_of_very_many_traces_the_newest_are_kept(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.clickhouse.selections.MAX_TRACES", 50)
    page = answered(lambda store: store.search(asked(since="2020-01-01T00:00:00Z"), NOW_NS), store)
    assert 50 <= page.total < 314
    assert page.scanned_to_ns > 0


@pytest.mark.parametrize("path", ["users/usr_0007", "lessons/lesson-020"])
def test_a_journey_of_very_many_traces_says_where_it_ends(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    whole = answered_by_program(client, f"/api/{path}")
    assert (whole["is_complete"], "cut_off" in whole) == (True, False)
    assert "as far as is looked at once" not in client.get(f"/{path}").text
    monkeypatch.setattr("diamond_viewer.clickhouse.selections.MAX_TRACES", 3)
    monkeypatch.setattr("diamond_viewer.clickhouse.selections.MOST_AT_ONCE", 1)
    since = "since=2020-01-01T00:00:00Z"  # asked for the first time
    part = answered_by_program(client, f"/api/{path}?{since}")
    assert 0 < part["traces"] < whole["traces"]
    assert "asking again adds nothing" in part["cut_off"]
    assert "as far as is looked at once; for older traces choose a time." in client.get(f"/{path}?{since}").text
