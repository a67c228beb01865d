"""What goes wrong with a cluster while somebody looks: one sentence, no hang, and pages that come back by themselves."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.clickhouse.schema import METRICS, Schema
from tests.clickhouse.server import Node
from tests.cluster.importing import REAL, NodeSession, load
from tests.cluster.viewing import PAGES, QUESTIONS, ClusterViewer, viewing
from tests.receive.viewing import wait_until

SLOW_VIEW = (  # half a second for each ten rows: nothing asked of it is answered in time
    "CREATE VIEW otel_slow AS SELECT * FROM otel_traces WHERE sleepEachRow(0.05) = 0 "
    "SETTINGS max_block_size = 10, function_sleep_max_microseconds_per_block = 0, max_threads = 1"
)
TIMEOUT_S = 2
pytestmark = pytest.mark.timeout(180)  # several starts and waits in one test
GRACE_S = 15  # beyond a limit, on a machine that does other things too


@pytest.fixture
def filled(own_node: Node) -> Iterator[Node]:
    Schema().create(own_node)
    load(NodeSession(own_node), *REAL)
    yield own_node
    if own_node.process is not None:
        own_node.resume()


def test_a_server_that_is_killed_during_requests_is_told_and_comes_back(filled: Node) -> None:
    with viewing(filled.address) as viewer:
        before = viewer.json(QUESTIONS[0])["total"]
        assert before == 314
        said: list[tuple[int, str]] = []
        is_over = threading.Event()

        def ask_on() -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                said.append(viewer.ask((*PAGES, *QUESTIONS)[number % 11] + ("?min_ms=" if number % 2 else "")))

        readers = [threading.Thread(target=ask_on) for _ in range(4)]
        for reader in readers:
            reader.start()
        for _ in range(2):
            filled.kill()
            wait_until(lambda: viewer.sentence("/api/traces?min_ms=1") != "")
            filled.start()
            wait_until(lambda: viewer.sentence("/api/traces?min_ms=1") == "")
        is_over.set()
        for reader in readers:
            reader.join(60)
        assert {status for status, _ in said} <= {200, 302, 400, 503}
        told = [body for status, body in said if status == 503]
        assert told
        assert all("cannot be reached" in body for body in told), told[0]
        viewer.recovers()
        assert viewer.json(QUESTIONS[0])["total"] == before


def test_a_server_that_hangs_keeps_nobody_longer_than_the_limit(filled: Node) -> None:
    with viewing(f"{filled.address}?timeout={TIMEOUT_S}s") as viewer:
        assert viewer.sentence() == ""
        filled.pause()
        began_s = time.monotonic()
        assert "did not answer" in viewer.sentence("/api/traces?min_ms=3")
        assert time.monotonic() - began_s < TIMEOUT_S + GRACE_S
        filled.resume()
        viewer.recovers()


def test_a_question_that_takes_too_long_is_stopped_and_says_what_to_do(filled: Node) -> None:
    filled.execute(SLOW_VIEW)
    with viewing(f"{filled.address}?table=otel_slow&timeout={TIMEOUT_S}s") as viewer:
        began_s = time.monotonic()
        sentence = viewer.sentence("/api/stats")
        assert time.monotonic() - began_s < 3 * (TIMEOUT_S + GRACE_S)
        assert f"did not answer within {TIMEOUT_S} s" in sentence
        assert "?timeout=" in sentence
        wait_until(lambda: _questions(filled) == 0)


def test_a_reader_who_leaves_takes_the_question_along(filled: Node) -> None:
    filled.execute(SLOW_VIEW)
    with viewing(f"{filled.address}?table=otel_slow&timeout=600s") as viewer:
        for _ in range(3):
            with closing(socket.create_connection(("127.0.0.1", viewer.port))) as browser:
                browser.sendall(b"GET /api/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                wait_until(lambda: _questions(filled) > 0)
            wait_until(lambda: _questions(filled) == 0)
        assert viewer.ask("/healthz")[0] == 200


def _questions(node: Node) -> int:
    """How many questions to the slow view run."""
    running = node.value(
        "SELECT count() FROM system.processes WHERE query LIKE '%otel_slow%' AND query NOT LIKE '%processes%'"
    )
    assert isinstance(running, int)
    return running


def test_a_limit_of_memory_is_a_sentence(filled: Node) -> None:
    with viewing(f"{filled.address}?memory=1MiB") as viewer:
        assert "?memory=" in viewer.sentence("/api/stats")


def test_a_wrong_password_is_a_sentence_and_shows_nowhere(filled: Node) -> None:
    with viewing(filled.address.replace("://", "://intruder:s3cret-word@")) as viewer:
        assert "refuses the user intruder" in viewer.sentence()
        assert not [path for path in (*PAGES, *QUESTIONS) if "s3cret" in viewer.ask(path)[1]]


def test_tables_that_are_missing_are_named_and_pages_come_when_they_do(own_node: Node) -> None:
    with viewing(own_node.address) as viewer:
        assert "has no table otel_traces" in viewer.sentence()
        Schema().create(own_node)
        load(NodeSession(own_node), REAL[0])
        viewer.recovers()
        wait_until(lambda: viewer.json(QUESTIONS[0])["total"] == 314)
        for table in (
            "otel_traces_trace_id_ts_mv",
            "otel_traces_trace_id_ts",
            "otel_logs",
            *map(_metric_table, METRICS),
        ):
            own_node.execute(f"DROP TABLE {table}")
        wait_until(lambda: _statuses(viewer) == {200})
        own_node.execute("DROP TABLE otel_traces")
        wait_until(lambda: "has no table otel_traces" in viewer.sentence("/api/stats?min_ms=7"))


def _metric_table(kind: str) -> str:
    return f"otel_metrics_{kind}"


def _statuses(viewer: ClusterViewer) -> set[int]:
    return {viewer.ask(path)[0] for path in (*PAGES, *QUESTIONS)}


def test_a_table_that_is_being_migrated_is_read_as_far_as_it_goes(filled: Node) -> None:
    filled.execute(
        "ALTER TABLE otel_traces DROP COLUMN ScopeName, DROP COLUMN TraceState, DROP COLUMN Links.Attributes"
    )
    with viewing(filled.address) as viewer:
        assert viewer.json(QUESTIONS[0])["total"] == 314
        filled.execute("ALTER TABLE otel_traces DROP COLUMN Links.TraceState")  # while the viewer knows it
        wait_until(lambda: _statuses(viewer) == {200})
        filled.execute("ALTER TABLE otel_traces RENAME COLUMN StatusMessage TO Words")
        wait_until(
            lambda: "StatusMessage" in viewer.sentence("/api/stats?min_ms=9") or "lacks a column" in viewer.sentence()
        )
        filled.execute("ALTER TABLE otel_traces RENAME COLUMN Words TO StatusMessage")
        wait_until(lambda: _statuses(viewer) == {200})
