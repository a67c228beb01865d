"""Who may ask, and by which way: users who may only read, TLS, and several hosts."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from urllib.parse import quote

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import ClusterError, Connection
from diamond_viewer.clickhouse.faults import LEFT
from diamond_viewer.clickhouse.insertion import named
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.showing import new_bench
from diamond_viewer.store import StoreError, reader_has_left
from tests.asking import NOW_NS, asked
from tests.cli.commanding import in_this_process
from tests.clickhouse.schema import Schema
from tests.clickhouse.server import Node, server
from tests.cluster.importing import REAL, NodeSession, load
from tests.cluster.secured import IN_AN_ADDRESS, PASSWORD, READERS, STOPPER, certify, server_with_readers, tls_before
from tests.cluster.viewing import PAGES, QUESTIONS, viewing
from tests.receive.viewing import wait_until

pytestmark = pytest.mark.timeout(180)  # several starts and waits in one test


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with server_with_readers(tmp_path_factory.mktemp("guarded")) as node:
        Schema().create(node)
        load(NodeSession(node), *REAL)
        yield node


def told(address: str) -> list[object]:
    """An answer of every kind."""
    store = ClickHouseStore(Address.parse(address), new_bench)
    try:
        page = store.search(Query(), NOW_NS)
        stats = store.stats(Query(), NOW_NS)
        return [
            [row.trace_id for row in page.traces],
            (stats.traces, stats.spans, stats.p95_ns, stats.auth_failure_users, dict(stats.events)),
            store.search(asked(q="http.status>=400 user:*"), NOW_NS).total,
            store.facets(Query(), NOW_NS, 7).user,
            store.values("lesson", "le", 5),
            len(getattr(store.trace(page.traces[0].trace_id), "spans", ())),
            store.logs(LogQuery(severity="warn"), NOW_NS, 10).total,
            len(store.metrics().metrics),
            store.health().spans,
        ]
    finally:
        store.close()


def as_user(node: Node, user: str) -> str:
    return node.address.replace("://", f"://{user}:{IN_AN_ADDRESS}@")


@pytest.mark.parametrize("user", READERS)
def test_a_user_who_may_only_select_is_enough(guarded: Node, user: str) -> None:
    assert told(as_user(guarded, user)) == told(guarded.address)


def test_a_user_who_may_set_no_limits_is_told_apart(guarded: Node) -> None:
    for user, is_limited in (("strict", False), ("lenient", True)):
        store = ClickHouseStore(Address.parse(as_user(guarded, user)), new_bench)
        store.version()
        assert store.cluster.is_limited is is_limited
        with pytest.raises(StoreError, match="may not read or change"):
            store.cluster.rows("INSERT INTO otel_traces (TraceId) VALUES ('a')")
        store.close()


def test_a_user_who_may_only_select_can_stop_a_question_too(tmp_path: Path) -> None:
    with server_with_readers(
        tmp_path
    ) as node:  # of its own: one in which questions were killed may end later by itself
        for user in ("lenient", "bounded", STOPPER):
            slow = f"SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number, '{user}') = 1"
            running = (
                f"SELECT count() FROM system.processes WHERE user = '{user}' AND query LIKE '%cityHash64(number, %'"
            )
            cluster = Connection(Address.parse(f"{as_user(node, user)}?timeout=100s&rows=2000G"))
            has_left = threading.Event()
            reader_has_left.set(has_left.is_set)
            try:
                with ThreadPoolExecutor(1) as asking:
                    answer = asking.submit(copy_context().run, cluster.rows, slow)
                    wait_until(lambda running=running: node.value(running) == 1)  # type: ignore[misc]
                    has_left.set()
                    with pytest.raises(ClusterError) as fault:
                        answer.result()
                assert fault.value.kind == LEFT
                wait_until(lambda running=running: node.value(running) == 0)  # type: ignore[misc]
            finally:
                reader_has_left.set(lambda: False)
                cluster.close()


def test_a_user_without_rights_is_told_which_are_missing(guarded: Node) -> None:
    with pytest.raises(StoreError, match=re.escape("GRANT SELECT on otel.*")):
        told(as_user(guarded, "nobody"))


def test_of_a_right_and_a_wrong_password_only_one_is_let_in_and_neither_shows(guarded: Node) -> None:
    with pytest.raises(StoreError, match="refuses the user lenient") as refused:
        told(as_user(guarded, "lenient").replace(IN_AN_ADDRESS, "wr0ng-w0rd"))
    assert "wr0ng" not in str(refused.value)
    with viewing(as_user(guarded, "lenient")) as viewer:
        assert viewer.json(QUESTIONS[0])["total"] == 314
        for path in ("/health.html", "/api/health", "/trace-viewer.html", *QUESTIONS):
            body = viewer.ask(path)[1]
            assert PASSWORD not in body
            assert IN_AN_ADDRESS not in body


def test_a_password_in_a_file_may_change_while_questions_are_asked(guarded: Node, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wr0ng\n")
    by_file = guarded.address.replace("://", "://lenient@") + f"?password-file={secret}"
    store = ClickHouseStore(Address.parse(by_file), new_bench)
    try:
        with pytest.raises(StoreError, match="refuses the user lenient"):
            store.cluster.rows("SELECT 5")
        secret.write_text(f"{PASSWORD}\n")
        assert store.cluster.rows("SELECT 5") == [(5,)]
        secret.unlink()
        assert store.cluster.rows("SELECT 5") == [(5,)]  # while nobody refuses the one that it said
    finally:
        store.close()
    with viewing(as_user(guarded, "lenient").split("?")[0].replace(f":{IN_AN_ADDRESS}@", "@")) as viewer:
        assert "refuses the user lenient" in viewer.sentence()


def test_by_tls_a_known_authority_is_trusted_and_no_other(guarded: Node, tmp_path: Path) -> None:
    ours, certificate = certify(tmp_path, "ours")
    other, _ = certify(tmp_path, "other")
    with tls_before(guarded, tmp_path, certificate) as port:
        secure = as_user(guarded, "lenient").replace("clickhouse://", "clickhouses://")
        secure = secure.replace(f":{guarded.http_port}/", f":{port}/")
        assert told(f"{secure}?ca={ours}") == told(guarded.address)
        for unknown in (secure, f"{secure}?ca={other}"):
            with pytest.raises(StoreError, match="TLS fails") as refused:
                told(unknown)
            assert PASSWORD not in str(refused.value)
        with pytest.raises(StoreError):  # what speaks TLS is asked without
            told(secure.replace("clickhouses://", "clickhouse://"))
        with pytest.raises(StoreError, match="TLS fails"):  # and the other way round
            told(f"{secure}?ca={ours}".replace(f":{port}/", f":{guarded.http_port}/"))
        with pytest.raises(StoreError, match="cannot be reached"):
            told(f"{secure}?ca={tmp_path / 'nothing.pem'}")


def test_a_certificate_of_ours_is_shown_where_one_is_asked_for(guarded: Node, tmp_path: Path) -> None:
    ours, certificate = certify(tmp_path, "ours")
    with tls_before(guarded, tmp_path, certificate, asks_for=ours) as port:
        secure = as_user(guarded, "lenient").replace("clickhouse://", "clickhouses://")
        secure = secure.replace(f":{guarded.http_port}/", f":{port}/") + f"?ca={ours}"
        shown = f"&cert={certificate}&key={certificate.with_suffix('.key')}"
        assert told(f"{secure}{shown}") == told(guarded.address)
        with pytest.raises(StoreError, match="not as ClickHouse does"):
            told(secure)


def test_databases_and_tables_may_have_any_names(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    Schema().create(node)
    database, table = "odd d`ä'b", "sp'ans-v2.x"
    node.execute(f"CREATE DATABASE {named(database)}")
    for old, new in (
        ("otel_traces", table),
        ("otel_traces_trace_id_ts", f"{table}_trace_id_ts"),
        ("otel_logs", "l`ogs"),
    ):
        node.execute(f"CREATE TABLE {named(database)}.{named(new)} AS {old}")
    address = f"clickhouse://127.0.0.1:{node.http_port}/{quote(database)}?table={quote(database)}.{quote(table)}&logs={quote('l`ogs')}"
    try:
        assert in_this_process(capsys, "import", str(REAL[0]), str(REAL[1]), "--store", address).code == 0
        for statement_count in (12, 0):
            said = in_this_process(capsys, "clickhouse-setup", "--apply", "--store", address)
            assert (said.code, len(said.out.splitlines())) == (0, statement_count)
        with viewing(address) as viewer:
            assert viewer.json(QUESTIONS[0])["total"] == 314
            assert {viewer.ask(path)[0] for path in (*PAGES, *QUESTIONS, "/logs")} == {200}
            assert "sp&#39;ans-v2.x" in viewer.ask("/health")[1]
    finally:
        node.execute(f"DROP DATABASE {named(database)} SYNC")


def test_of_several_hosts_another_goes_on_when_one_is_gone_and_nobody_notices(tmp_path: Path) -> None:
    with server(tmp_path / "first") as first, server(tmp_path / "second") as second:
        for node in (first, second):
            Schema().create(node)
            load(NodeSession(node), REAL[0])
        hosts = f"127.0.0.1:{first.http_port},127.0.0.1:{second.http_port}"
        with viewing(f"clickhouse://{hosts}/otel") as viewer:
            answers = [viewer.json(QUESTIONS[0])["total"]]
            for gone in (first, second):
                gone.kill()
                answers += [viewer.json(f"/api/traces?min_ms={ms}")["total"] for ms in ("0", "0.001")]
                gone.start()
            assert answers == [314] * 5
            first.kill()
            second.kill()
            wait_until(lambda: viewer.sentence("/api/traces?min_ms=2") != "")
            assert "cannot be reached" in viewer.sentence("/api/traces?min_ms=2")
            second.start()
            viewer.recovers()
