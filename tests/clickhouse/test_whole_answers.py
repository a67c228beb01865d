"""What is an answer on the way to a cluster, and what only looks like one."""

import pytest
from urllib3.exceptions import HTTPError, ProtocolError

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.whole_answers import close_pool, open_pool
from tests.clickhouse.answering import answering

SUMMARY = b'X-ClickHouse-Format: JSONCompactEachRow\r\nX-ClickHouse-Summary: {"read_rows":"9","result_rows":"%s"}\r\n'


def asked(answer: bytes) -> bytes:
    with answering(answer) as port:
        address = Address.parse(f"clickhouse://127.0.0.1:{port}/otel")
        pool = open_pool(address, *address.hosts[0])
        try:
            return pool.request("GET", f"http://127.0.0.1:{port}/", retries=0, timeout=10).data
        finally:
            close_pool(pool)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[1]\n", id="with its length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1]\n\r\n0\r\n\r\n", id="in chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + SUMMARY % b"1" + b"\r\n[1]\n", id="as many lines"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + SUMMARY % b"0" + b"\r\n[1]\n", id="lines uncounted"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-ClickHouse-Summary: 7\r\n"
            b"X-ClickHouse-Format: JSONCompactEachRow\r\n\r\n[1]\n",
            id="a summary that is none",
        ),
    ],
)
def test_an_answer_that_says_where_it_ends_is_one(answer: bytes) -> None:
    assert asked(answer) == b"[1]\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", id="within the head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: {}\r\nDate: today\r\nX-Cl", id="within a header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n[1]\n", id="before its length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1]\n\r\n", id="before its last chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + SUMMARY % b"2" + b"\r\n4\r\n[1]\n\r\n0\r\n\r\n",
            id="ended by a proxy that did not see it break",
        ),
    ],
)
def test_an_answer_that_breaks_off_is_none(answer: bytes) -> None:
    with pytest.raises((ProtocolError, HTTPError)):
        asked(answer)


def test_a_pool_that_is_closed_is_remembered_by_nobody() -> None:
    from clickhouse_connect.driver.httputil import all_managers

    address = Address.parse("clickhouse://127.0.0.1:1/otel")
    before = len(all_managers)
    pool = open_pool(address, *address.hosts[0])
    assert len(all_managers) == before + 1
    close_pool(pool)
    assert len(all_managers) == before
