"""Answers that break off on the way, and hosts that answer wrongly: nobody takes a part for the whole."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import THREADS, ClusterError, Connection
from diamond_viewer.clickhouse.faults import LEFT
from diamond_viewer.store import reader_has_left
from tests.clickhouse.answering import answering
from tests.clickhouse.server import Node
from tests.cluster.breaking import breaking_way
from tests.receive.viewing import wait_until

QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "rows": lambda cluster: cluster.rows("SELECT toString(number), number FROM numbers(30)"),
    "columns": lambda cluster: cluster.columns("SELECT number, number * 2 FROM numbers(30)", {}, "a", "b")[
        "b"
    ].tolist(),
    "lines": lambda cluster: cluster.lines("SELECT toString(number), number FROM numbers(30)"),
    "binary": lambda cluster: cluster.binary("SELECT toString(number), [number] FROM numbers(30)"),
}
STEP_BYTES = 17
END_BYTES = 5  # what only says that nothing more comes


@pytest.mark.parametrize("question", QUESTIONS)
def test_wherever_an_answer_breaks_off_it_is_no_answer_and_no_log_is_filled(
    node: Node, question: str, caplog: pytest.LogCaptureFixture
) -> None:
    ask = QUESTIONS[question]
    with breaking_way(node) as way:
        cluster = Connection(Address.parse(f"clickhouse://127.0.0.1:{way.port}/otel"))
        try:
            whole = ask(cluster)
            host = cluster._hosts[0]
            client = host.client
            host.pool.clear()  # so that the next answer begins a connection
            way.said_bytes = 0
            ask(cluster)
            size_bytes = way.said_bytes
            assert size_bytes > 700
            for most_bytes in range(1, size_bytes, STEP_BYTES):
                way.most_bytes = most_bytes
                host.pool.clear()
                host.client = client  # a new one would ask about the server first
                if most_bytes < size_bytes - END_BYTES:
                    with pytest.raises(ClusterError, match="the connection breaks"):
                        ask(cluster)
            way.most_bytes = None
            assert ask(cluster) == whole
            assert not caplog.records
        finally:
            cluster.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_goes_wrong_late_in_a_question_is_no_answer_either(node: Node, question: str) -> None:
    late = "numbers(400000) WHERE throwIf(number = 399999) = 0 SETTINGS max_block_size = 1000"
    asked = {
        "rows": lambda cluster: cluster.rows(f"SELECT number FROM {late}"),
        "columns": lambda cluster: cluster.columns(f"SELECT number FROM {late}", {}, "a"),
        "lines": lambda cluster: cluster.lines(f"SELECT number FROM {late}"),
        "binary": lambda cluster: cluster.binary(f"SELECT toString(number), [number] FROM {late}"),
    }
    cluster = Connection(Address.parse(node.address))
    try:
        with pytest.raises(ClusterError, match="code 395"):
            asked[question](cluster)
    finally:
        cluster.close()


def test_a_host_behind_which_no_server_is_up_is_passed_over(node: Node) -> None:
    """A proxy of its own answers for it."""
    refusal = b"HTTP/1.1 %s Bad\r\nContent-Length: 3\r\n\r\nBad"
    for status in (b"502", b"503", b"404"):
        with answering(refusal % status) as port:
            cluster = Connection(Address.parse(f"clickhouse://127.0.0.1:{port},127.0.0.1:{node.http_port}/otel"))
            alone = Connection(Address.parse(f"clickhouse://127.0.0.1:{port}/otel"))
            try:
                assert cluster.rows("SELECT 5") == [(5,)]
                with pytest.raises(ClusterError, match="not as ClickHouse does"):
                    alone.rows("SELECT 5")
            finally:
                cluster.close()
                alone.close()


def test_a_host_that_hangs_is_waited_for_once(node: Node) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{node.http_port}"
        cluster = Connection(Address.parse(f"clickhouse://{hosts}/otel?timeout=1s"))
        try:
            with pytest.raises(ClusterError, match="did not answer within 1 s"):
                cluster.rows("SELECT 5")
            assert cluster.rows("SELECT 5") == [(5,)]
        finally:
            cluster.close()


def test_more_readers_than_are_asked_for_at_once_may_leave_and_nothing_runs_on(node: Node) -> None:
    slow = (
        "SELECT sleepEachRow(0.1) FROM numbers(3000) "
        "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0"
    )
    running = (
        "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(0.1)%' AND query NOT LIKE '%processes%'"
    )
    cluster = Connection(Address.parse(f"{node.address}?timeout=300s"))
    leaves = threading.Event()

    def read() -> str:
        reader_has_left.set(leaves.is_set)
        with pytest.raises(ClusterError) as fault:
            cluster.rows(slow)
        return fault.value.kind

    try:
        with ThreadPoolExecutor(THREADS + 4) as readers:
            asked = [readers.submit(read) for _ in range(THREADS + 4)]
            wait_until(lambda: node.value(running) == THREADS)
            leaves.set()
            assert {one.result(30) for one in asked} == {LEFT}
            wait_until(lambda: node.value(running) == 0)
        assert cluster.rows("SELECT 5") == [(5,)]
    finally:
        cluster.close()
