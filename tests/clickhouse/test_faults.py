"""What is told apart by the words of the client library: they are asked of the library itself."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from diamond_viewer.cli.cluster import PASSING
from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import _SENTENCES, ClusterError


class Stranger(BaseHTTPRequestHandler):
    """As a proxy whose upstream is gone; as ClickHouse where the server has a ``code``."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(502)
        if code := getattr(self.server, "code", ""):
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  # so the base class calls it

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def stranger() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def told(port: int) -> ClusterError:
    connection = Connection(Address.parse(f"clickhouse://127.0.0.1:{port}/otel"))
    try:
        with pytest.raises(ClusterError) as raised:
            connection.rows("SELECT 1")
        return raised.value
    finally:
        connection.close()


def test_who_answers_but_is_not_clickhouse_is_told_apart_by_the_words_of_the_library(stranger: HTTPServer) -> None:
    fault = told(stranger.server_port)
    assert (fault.kind, "not as ClickHouse does" in str(fault)) == ("stranger", True)


def test_an_error_of_clickhouse_that_has_no_sentence_of_its_own_is_no_stranger(stranger: HTTPServer) -> None:
    stranger.code = "1001"  # type: ignore[attr-defined]
    assert told(stranger.server_port).kind == "other"


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (243, "disk", "Make room"),
        (252, "parts", "until it has merged some"),
        (164, "reading", "who may write"),
        (242, "replica", "lost ClickHouse Keeper"),
        (201, "quota", "raise the quota"),
        (497, "rights", "for import INSERT"),
    ],
)
def test_what_a_server_refuses_says_what_to_do(stranger: HTTPServer, code: int, kind: str, advice: str) -> None:
    stranger.code = str(code)  # type: ignore[attr-defined]
    fault = told(stranger.server_port)
    assert fault.kind == kind
    assert advice in str(fault)


def test_whoever_imports_waits_for_kinds_of_errors_that_there_are() -> None:
    assert set(PASSING) <= {*_SENTENCES, "unreachable"}
