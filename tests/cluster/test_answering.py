"""What becomes of a question when the tables, the server or the reader are not as they should be."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.showing import new_bench
from diamond_viewer.store import StoreError, reader_has_left
from diamond_viewer.telemetry.model import Flag, Link, Span
from diamond_viewer.telemetry.own_secrets import BUILT_IN, Redaction
from diamond_viewer.telemetry.redact import enforce
from tests.asking import NOW_NS, asked
from tests.builders import TRACE_ID, at_ms, event, span
from tests.clickhouse.plain_rows import span_row
from tests.clickhouse.schema import TRACES, Layout, Schema
from tests.clickhouse.server import Node
from tests.cluster.questions import answered

WAIT_S = 30
MAPS = Schema()


@contextmanager
def showing(node: Node, *spans: Span, more: str = "", schema: Schema | None = MAPS) -> Iterator[ClickHouseStore]:
    if schema is not None:
        schema.create(node)
    if spans:
        rows = "\n".join(json.dumps(span_row(one)) for one in spans)
        node.execute(f"INSERT INTO {TRACES} FORMAT JSONEachRow", rows.encode())
    store = ClickHouseStore(Address.parse(f"{node.address}{more}"), new_bench)
    try:
        yield store
    finally:
        store.close()


def made(number: int, parent: int = 0, **more: object) -> Span:
    """With ids of hex digits, as a cluster takes nothing else."""
    return span(f"{number:016x}", f"{parent:016x}" if parent else "", **more)  # type: ignore[arg-type]  # of the builder


def eventually(holds: Callable[[], bool]) -> bool:
    give_up_s = time.monotonic() + WAIT_S
    while not holds() and time.monotonic() < give_up_s:
        time.sleep(0.05)  # between two looks
    return holds()


def ids(store: ClickHouseStore, **filters: object) -> list[str]:
    query = asked(**filters)
    return [row.trace_id for row in answered(lambda store: store.search(query, NOW_NS), store).traces]


def test_what_was_taken_out_of_a_trace_finds_nothing(node: Node) -> None:
    secret = {"password": "hunter2horse", "url.full": "https://a.test/?token=hunter2horse", "note": "plain words"}
    with showing(node, made(1, attributes=secret)) as store:
        assert (
            ids(store, q="hunter2")
            == ids(store, q="password:hunter2horse")
            == ids(store, q="url.full~token=hunter2")
            == []
        )
        assert ids(store, q='"plain words"') == ids(store, q="note:plain*") == [TRACE_ID]
        trace = store.trace(TRACE_ID)
        assert trace is not None
        assert "hunter2" not in repr(trace)


def test_a_name_is_shown_and_found_without_its_secret(node: Node) -> None:
    names = ["GET /reset?token=abcdef", "GET /reset?token=ghijkl"]
    spans = [made(1, name=name, trace_id=f"{at + 1:032x}") for at, name in enumerate(names)]
    shown = "GET /reset?token=REDACTED"
    with showing(node, *spans) as store:
        assert ids(store, q="name~token=abc") == ids(store, q="name:GET*f") == []
        assert ids(store, operation=names[0]) == []
        both = [f"{2:032x}", f"{1:032x}"]
        assert sorted(ids(store, operation=shown), reverse=True) == both
        assert sorted(ids(store, q="name:GET*reset*"), reverse=True) == both
        assert store.facets(Query(), NOW_NS, 10).operation == ((shown, 2),)
        assert store.values("operation", "token=", 10) == store.values("operation", "redacted", 10) == [(shown, 2)]
        assert store.values("operation", "token=a", 10) == []


def test_refused_users_are_counted_in_the_cluster_as_they_are_here(node: Node) -> None:
    said = [("ada", 1), ("?token=abcdef", 2), ("?token=ghijkl", 3), ("ada", 4)]
    spans = [
        made(1, trace_id=f"{number:032x}", attributes={"user.id": user}, events=[event("auth.failed", 1)])
        for user, number in said
    ]
    with showing(node, *spans) as store:
        assert store.stats(Query(), NOW_NS).auth_failure_users == 2
        enforce(Redaction(is_on=False))
        try:
            assert store.stats(Query(), NOW_NS).auth_failure_users == 3
        finally:
            enforce(BUILT_IN)


def test_an_error_older_than_the_newest_records_is_found(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.clickhouse.logs.MAX_SEARCHED", 3)
    rows: list[dict[str, Any]] = [
        {"Timestamp": f"2026-11-22 12:00:{at:02}", "SeverityNumber": 9, "Body": "fine"} for at in range(10, 20)
    ]
    rows.append({"Timestamp": "2026-11-22 12:00:01", "SeverityNumber": 17, "Body": "by its number"})
    rows.append({"Timestamp": "2026-11-22 12:00:02", "SeverityText": "ERROR", "Body": "by its text"})
    with showing(node) as store:
        node.execute("INSERT INTO otel_logs FORMAT JSONEachRow", "\n".join(map(json.dumps, rows)).encode())
        found = store.logs(LogQuery(severity="error"), NOW_NS, 1)
        assert ([log.body for log in found.logs], found.is_complete) == (["by its text", "by its number"], True)
        found = store.logs(LogQuery(), NOW_NS, 1)
        assert found.is_complete  # asking again would bring no more
        assert _iso(found.scanned_to_ns) == "2026-11-22T12:00:16Z"


@pytest.mark.parametrize("has_lookup", [True, False])
@pytest.mark.parametrize("lasts_s", [1, 120])  # the lookup knows when spans begin, not when they end
def test_records_and_links_of_a_trace_are_found_however_long_it_lasts(
    node: Node, lasts_s: int, has_lookup: bool
) -> None:
    ends_ms = 1_000 * lasts_s
    links = [Link(TRACE_ID, f"{1:016x}", "", {})]
    elsewhere = made(2, trace_id="8" * 32, start_ms=ends_ms + 3_590_000, links=links)
    record = {"TraceId": TRACE_ID, "Timestamp": _iso(at_ms(ends_ms + 50_000))[:-1], "Body": "late"}
    schema = Schema(has_lookup=has_lookup)
    with showing(node, made(1, ms=ends_ms), elsewhere, schema=schema) as store:
        node.execute("INSERT INTO otel_logs FORMAT JSONEachRow", json.dumps(record).encode())
        trace, sketch = store.trace(TRACE_ID), store.sketch(TRACE_ID)
        assert trace is not None
        assert sketch is not None
        assert [log.body for log in trace.logs] == ["late"]
        assert [link.trace_id for link in sketch.backlinks] == ["8" * 32]


def test_spans_of_many_traces_are_asked_for_at_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"{number:032x}" for number in range(1, 31)]
    with showing(node, *(made(1, trace_id=trace_id) for trace_id in ids)) as store:
        store.version()
        asked_for: list[str] = []
        ask = store.cluster.lines

        def counted(sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
            asked_for.append(sql)
            return ask(sql, parameters)

        monkeypatch.setattr(store.cluster, "lines", counted)
        assert list(store.sketches(ids)) == ids
        assert len(asked_for) == 1
        kept = store.sketch(ids[3])
        assert store.sketches(ids[3:4])[ids[3]] == kept  # what is open already is not asked for again
        assert len([sql for sql in asked_for if "TraceId IN" in sql]) == 1


def test_a_span_that_was_written_twice_counts_once(node: Node) -> None:
    root = made(1, events=[event("video.buffering", 1)], is_error=True)
    with showing(node, root, root, made(2, 1)) as store:
        (row,) = store.search(Query(), NOW_NS).traces
        stats = store.stats(Query(), NOW_NS)
        assert (row.span_count, row.error_count, row.event_count) == (2, 1, 1)
        assert (stats.spans, stats.error_spans, dict(stats.events)) == (2, 1, {"video.buffering": 1})
        assert not row.flags & Flag.BUFFERING
        assert (store.health().spans, store.health().duplicate_spans) == (2, 1)


def test_a_trace_belongs_to_a_window_that_it_only_reaches_into(node: Node) -> None:
    spans = [made(1, start_ms=0, ms=600_000), made(2, 1, start_ms=10, ms=5)]
    window = {"since": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:00:01Z"}
    with showing(node, *spans) as store:
        inside = at_ms(300_000)
        assert ids(store, since=_iso(inside), until=_iso(inside + 10**9)) == [TRACE_ID]
        assert ids(store, **window) == []


def test_many_spans_are_grouped_in_slices_and_the_question_goes_on(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FIRST_SPANS", 10), ("SPANS_AT_ONCE", 20), ("GO_ON_NS", 1), ("PAGE_TRACES", 5)):
        monkeypatch.setattr(f"diamond_viewer.clickhouse.selections.{name}", value)
    traces = [made(1, start_ms=at * 60_000, trace_id=f"{at + 1:032x}") for at in range(50)]
    with showing(node, *traces) as store:
        first = store.search(Query(), NOW_NS)
        assert not first.is_complete
        assert 0 < first.total < 50
        page = answered(lambda store: store.search(Query(), NOW_NS), store)
        assert [row.trace_id for row in page.traces] == [f"{at:032x}" for at in range(50, 0, -1)]
        assert store.stats(Query(), NOW_NS).traces == 50


def test_times_are_right_where_all_spans_say_when_they_began_and_after_one_has_come_that_does_not(node: Node) -> None:
    backwards = made(1, start_ms=2_000, end_ns=at_ms(1_000))
    with showing(node, backwards, made(2, 1, start_ms=2_100, ms=900)) as store:
        page = store.search(Query(), NOW_NS)
        assert [(row.start_ns, row.duration_ns) for row in page.traces] == [(at_ms(2_000), 1_000_000_000)]
        assert ids(store, flag="slow") == []
        late = made(1, start_ns=0, end_ns=at_ms(9_000), trace_id="8" * 32)
        slow = made(3, 1, start_ms=2_100, ms=1_001)
        unsaid = {**span_row(late), "Timestamp": "1970-01-01 00:00:00.000000000"}
        rows = "\n".join(json.dumps(row) for row in (unsaid, span_row(slow)))
        before = store.version()
        node.execute(f"INSERT INTO {TRACES} FORMAT JSONEachRow", rows.encode())
        assert eventually(lambda: store.version() > before)
        page = store.search(Query(), NOW_NS)
        assert [(row.start_ns, row.duration_ns) for row in page.traces] == [
            (at_ms(9_000), 0),
            (at_ms(2_000), 1_101_000_000),
        ]
        assert ids(store, flag="slow") == [TRACE_ID]


def test_new_rows_move_the_version_and_old_answers_go(node: Node) -> None:
    with showing(node, made(1)) as store:
        before = store.version()
        assert store.search(Query(), NOW_NS).total == 1
        rows = json.dumps(span_row(made(1, trace_id="8" * 32, start_ms=5)))
        node.execute(f"INSERT INTO {TRACES} FORMAT JSONEachRow", rows.encode())
        assert eventually(lambda: store.version() > before)
        assert store.search(Query(), NOW_NS).total == 2


@pytest.mark.parametrize("missing", ["TraceState", "ScopeVersion", "`Links.Attributes`"])
def test_a_half_migrated_table_is_read(node: Node, missing: str) -> None:
    Schema(has_lookup=False).create(node)
    node.execute(f"ALTER TABLE {TRACES} DROP COLUMN {missing}")
    node.execute("DROP TABLE otel_logs")
    rows = json.dumps({k: v for k, v in span_row(made(1)).items() if k != missing.strip("`")})
    node.execute(f"INSERT INTO {TRACES} FORMAT JSONEachRow", rows.encode())
    with showing(node, schema=None) as store:
        assert ids(store) == [TRACE_ID]
        assert store.trace(TRACE_ID) is not None


def test_old_spellings_of_kinds_and_codes_are_known(node: Node) -> None:
    row = span_row(made(1)) | {"SpanKind": "SPAN_KIND_SERVER", "StatusCode": "STATUS_CODE_ERROR"}
    Schema().create(node)
    node.execute(f"INSERT INTO {TRACES} FORMAT JSONEachRow", json.dumps(row).encode())
    with showing(node, schema=None) as store:
        assert ids(store, q="kind:server", status="error") == [TRACE_ID]
        trace = store.trace(TRACE_ID)
        assert trace is not None
        assert (trace.spans[0].kind, trace.spans[0].status_code) == (2, 2)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("table=nothing", "has no table nothing"),
        ("cluster=nothing", "knows no cluster nothing"),
        ("table=otel_logs", "no column"),
    ],
)
def test_what_is_not_there_is_named(node: Node, more: str, sentence: str) -> None:
    with showing(node, more=f"?{more}") as store, pytest.raises(StoreError, match=sentence):
        store.search(Query(), NOW_NS)


def test_a_question_that_takes_too_long_or_too_much_is_given_up(node: Node) -> None:
    with showing(node, made(1), more="?timeout=1s") as store:
        store.version()
        began_s = time.monotonic()
        with pytest.raises(StoreError, match="did not answer within 1 s"):
            store.cluster.rows("SELECT sleepEachRow(0.2) FROM numbers(100) SETTINGS max_block_size = 1")
        assert time.monotonic() - began_s < 10
    with showing(node, more="?memory=10MiB", schema=None) as store:
        store.version()
        with pytest.raises(StoreError, match="needs more memory"):
            store.cluster.rows("SELECT groupArray(toString(number)) FROM numbers(10000000)")
    with showing(node, more="?rows=1M", schema=None) as store:
        assert ids(store) == [TRACE_ID]
        with pytest.raises(StoreError, match=r"reads more rows than .* allow more with \?rows= in --store"):
            store.cluster.rows("SELECT count() FROM numbers(2000000) WHERE number % 7 = 0")


def test_nothing_can_be_written(node: Node) -> None:
    with showing(node, made(1)) as store, pytest.raises(StoreError):
        store.cluster.rows(f"INSERT INTO {TRACES} (TraceId) VALUES ('a')")


def test_a_question_whose_reader_has_left_is_stopped_in_the_cluster(node: Node) -> None:
    with showing(node, made(1)) as store:
        store.version()
        left = threading.Event()
        token = reader_has_left.set(left.is_set)
        running = (
            "SELECT count() FROM system.processes WHERE query LIKE '%only this test%' AND query NOT LIKE '%processes%'"
        )
        try:
            threading.Timer(0.5, left.set).start()
            with pytest.raises(StoreError, match="has gone away"):
                store.cluster.rows(
                    "SELECT sleepEachRow(0.2), 'only this test' FROM numbers(100) SETTINGS max_block_size = 1"
                )
        finally:
            reader_has_left.reset(token)
        assert eventually(lambda: node.value(running) == 0)


def test_a_server_that_was_away_is_used_again(own_node: Node) -> None:
    with showing(own_node, made(1)) as store:
        assert ids(store) == [TRACE_ID]
        own_node.kill()

        def is_away() -> bool:
            try:
                store.search(Query(), NOW_NS)
            except StoreError as error:
                return "cannot be reached" in str(error)
            return False

        assert eventually(is_away)
        assert "cannot be reached" in store.feed().notice
        own_node.start()
        assert eventually(lambda: not is_away())
        assert (ids(store), store.feed().notice) == ([TRACE_ID], "")


def test_the_second_host_answers_when_the_first_does_not(node: Node) -> None:
    Schema(Layout.TEXT).create(node)
    address = f"clickhouse://127.0.0.1:1,127.0.0.1:{node.http_port}/otel"
    store = ClickHouseStore(Address.parse(address), new_bench)
    assert store.search(Query(), NOW_NS).total == 0
    store.close()


def _iso(time_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // 10**9))
