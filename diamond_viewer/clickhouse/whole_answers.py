"""The ways to a host of the cluster, on which an answer that breaks off is never taken for a whole one.

Every question is asked with ``wait_end_of_query``: the server answers when it has all of the answer, so what goes wrong in it
comes as an error. Left is what goes wrong on the way. A body says itself where it ends (in chunks, or with its length), and is
held against that; but a connection that ends within the head looks like an answer of no rows to Python's HTTP client. So an
answer that does not say where it ends is none. A proxy that speaks HTTP/1.0 with the server does not see the end either, and
puts one of its own there: so lines are counted, too.
"""

import json
from typing import Any

import clickhouse_connect.driver.httputil as httputil
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.exceptions import ProtocolError

from diamond_viewer.clickhouse.address import Address

LINES_FORMAT = "JSONCompactEachRow"


def open_pool(address: Address, host: str, port: int) -> PoolManager:
    """Connections are made when they are needed, and certificates are read then. To be closed with ``close_pool``."""
    scheme = "https" if address.is_secure else "http"
    options: dict[str, Any] = {f"{scheme}_proxy": httputil.check_env_proxy(scheme, host, port)}
    if address.is_secure:
        options |= {"ca_cert": address.ca, "client_cert": address.certificate, "client_cert_key": address.key}
    pool: PoolManager = httputil.get_pool_manager(**options)
    pool.pool_classes_by_scheme = {"http": _WholeAnswers, "https": _WholeSecureAnswers}
    return pool


def close_pool(pool: PoolManager) -> None:
    pool.clear()
    httputil.all_managers.pop(pool, None)  # the library would remember it for ever


class _WholeAnswers(HTTPConnectionPool):
    def urlopen(self, *words: Any, **options: Any) -> BaseHTTPResponse:
        return _checked(super().urlopen(*words, **options))


class _WholeSecureAnswers(HTTPSConnectionPool):
    def urlopen(self, *words: Any, **options: Any) -> BaseHTTPResponse:
        return _checked(super().urlopen(*words, **options))


def _checked(response: BaseHTTPResponse) -> BaseHTTPResponse:
    """Raises ``ProtocolError``, which is a connection that breaks to whoever asked."""
    headers = response.headers
    if "chunked" not in headers.get("Transfer-Encoding", "").lower() and "Content-Length" not in headers:
        response.close()
        raise ProtocolError("The connection broke off within the head of an answer.")
    if headers.get("X-ClickHouse-Format") == LINES_FORMAT and response.data.count(b"\n") < _row_count(headers):
        raise ProtocolError("The connection broke off within the lines of an answer.")
    return response


def _row_count(headers: Any) -> int:
    """How many rows the server says that it has sent; 0 where it does not say."""
    try:
        return int(json.loads(headers.get("X-ClickHouse-Summary", "{}")).get("result_rows", 0))
    except (ValueError, AttributeError, TypeError):
        return 0
