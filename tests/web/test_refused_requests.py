"""What never reaches the application, because it is no HTTP, too long or too late, has the same headers, and says little."""

import socket
from collections.abc import Iterator

import pytest

from diamond_viewer.web import crowd
from diamond_viewer.web.app import create_app
from diamond_viewer.web.crowd import later
from diamond_viewer.web.security import HEADERS
from tests.plain_store import PlainStore
from tests.test_serving import BOUND_S, served

HOST = b"Host: localhost\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    store = PlainStore()
    with served(create_app(store), store=store) as (port, _):
        yield port


def answer(port: int, request: bytes) -> tuple[int, dict[str, str], str]:
    """Of a server that closes behind it."""
    with socket.create_connection(("127.0.0.1", port), timeout=BOUND_S) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65536):
            received += part
    return parted(received)


def parted(received: bytes) -> tuple[int, dict[str, str], str]:
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body.decode()


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        pytest.param(b"<script>alert(1)</script>\r\n\r\n", 400, id="no request"),
        pytest.param(b"GET /\r\nX: <script>\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + b"<script> bad\r\n\r\n", 400, id="a header without a colon"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * (64 * 1024 - 19), 431, id="headers"),
        pytest.param(b"POST /log-in HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n", 413, id="a body"),
        pytest.param(b"POST /log-in HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400, id="a length"),
        pytest.param(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400, id="two"),
        pytest.param(b"POST /log-in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501, id="an encoding"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400, id="another host"),
        pytest.param(b"TRACE / HTTP/1.1\r\n" + HOST + b"Cookie: a=<script>\r\n\r\n", 405, id="TRACE"),
        pytest.param(b"GET //evil.example/%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="two slashes"),
        pytest.param(b"GET /traces/%0d%0aSet-Cookie:a=b HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="a line end"),
        pytest.param(b"GET /static/%2e%2e/%2e%2e/app.py HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="a way out"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_headers_of_every_answer(port: int, request_head: bytes, status: int) -> None:
    found, headers, body = answer(port, request_head)
    assert found == status
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
    assert "Set-Cookie" not in headers
    assert "<script>" not in body


def test_a_head_a_redirect_and_what_has_not_changed_have_them_too(port: int) -> None:
    for request in (b"HEAD /health", b"OPTIONS /health", b"GET /", b"GET /healthz", b"HEAD /nothing"):
        _, headers, _ = answer(port, request + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, request
        assert headers["Cache-Control"] == "no-store", request
    style = b"GET /static/viewer.css HTTP/1.1\r\n" + HOST
    _, headers, _ = answer(port, style + b"\r\n")
    assert headers["Cache-Control"] == "no-cache"
    status, headers, _ = answer(port, style + f"If-None-Match: {headers['Etag']}\r\n\r\n".encode())
    assert status == 304
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_so_has_who_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MAX_WAITING", 0)
    refused = later(b"GET /errors HTTP/1.1\r\nHost: localhost\r\n\r\n", 1)
    assert refused
    status, headers, _ = parted(refused)
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "2", "no-store")
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
