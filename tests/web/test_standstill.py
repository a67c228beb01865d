"""Polls that find nothing new, over real sockets: answered without the application, until anything moves."""

import http.client
import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web import standstill
from diamond_viewer.web.app import create_app
from diamond_viewer.web.standstill import Moment, Standstill
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.test_serving import BOUND_S, connected, served
from tests.web.conftest import LIVE
from tests.writing import line, span

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#status"}


class Viewer:
    """A served application that counts what it is asked, and one connection to it."""

    def __init__(self, store: PlainStore) -> None:
        self.asked = 0
        self.connection: http.client.HTTPConnection
        self._application = create_app(store, clock=lambda: NOW_NS)  # the pill counts minutes without data

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.asked += 1
        return self._application(environ, start_response)

    def poll(self, args: str = "", **headers: str) -> tuple[int, str]:
        """Status, and what has been seen now."""
        self.connection.request("GET", f"/trace-viewer.html?{args}", headers=POLL | headers)
        response = self.connection.getresponse()
        response.read()
        return response.status, response.headers.get("Diamond-Seen", "")


@pytest.fixture
def store() -> PlainStore:
    store = PlainStore.from_lines([line(span(1, trace=1))])
    store.report(LIVE)
    return store


@pytest.fixture
def viewer(store: PlainStore) -> Iterator[Viewer]:
    viewer = Viewer(store)
    with served(viewer, store=store) as (port, _):
        viewer.connection = connected(port)
        yield viewer
        viewer.connection.close()


def test_nothing_new_is_said_again_without_the_application(viewer: Viewer) -> None:
    seen = f"seen={viewer.poll()[1]}"
    assert [viewer.poll(seen)[0] for _ in range(5)] == [204] * 5
    assert viewer.asked == 2


def test_an_answer_without_a_body_leaves_the_connection_open(viewer: Viewer) -> None:
    seen = f"seen={viewer.poll()[1]}"
    before = viewer.connection.sock
    assert viewer.poll(seen)[0] == viewer.poll(seen)[0] == 204
    assert viewer.connection.sock is before
    assert viewer.poll(f"{seen}&limit=20", Connection="close")[0] == 200
    assert viewer.connection.sock is None


@pytest.mark.parametrize("moves", ["spans", "status"])
def test_whatever_moves_is_brought_at_once(viewer: Viewer, store: PlainStore, moves: str) -> None:
    seen = f"seen={viewer.poll()[1]}"
    viewer.poll(seen)
    if moves == "spans":
        store.add_lines([line(span(2, trace=2))])
    else:
        store.report(FeedState(ready=False, bytes_read=1, bytes_total=2))
    assert viewer.poll(seen)[0] == 200


def test_nothing_is_said_again_for_ever(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "MAX_AGE_S", 0.0)
    seen = f"seen={viewer.poll()[1]}"
    assert [viewer.poll(seen)[0] for _ in range(3)] == [204] * 3
    assert viewer.asked == 4


def test_another_host_is_refused_whatever_was_answered_before(viewer: Viewer) -> None:
    seen = f"seen={viewer.poll()[1]}"
    assert viewer.poll(seen)[0] == 204
    assert viewer.poll(seen, Host="evil.example")[0] == 400


def test_a_window_that_moves_with_time_is_asked_for_each_time(viewer: Viewer) -> None:
    for _ in range(3):
        seen = viewer.poll("since=15m")[1]
        viewer.poll(f"since=15m&seen={seen}")
    assert viewer.asked == 6


def test_requests_in_one_piece_are_each_answered(viewer: Viewer) -> None:
    seen = viewer.poll()[1]
    viewer.poll(f"seen={seen}")
    headers = "".join(f"{name}: {value}\r\n" for name, value in POLL.items())
    request = f"GET /trace-viewer.html?seen={seen} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
    with socket.create_connection(("127.0.0.1", viewer.connection.port), BOUND_S) as reader:
        for pieces in ([request], [request], [request + request], [request + request], [request[:30], request[30:]]):
            for piece in pieces:
                reader.sendall(piece)
            wanted = b"".join(pieces).count(b"GET ")
            answers = b""
            while answers.count(b"\r\n\r\n") < wanted:
                more = reader.recv(65_536)
                assert more, answers
                answers += more
            assert answers.count(b"HTTP/1.1 204 ") == wanted


def test_a_request_with_a_body_is_never_answered_from_memory(viewer: Viewer) -> None:
    seen = f"seen={viewer.poll()[1]}"
    assert [viewer.poll(seen, **{"Content-Length": "0"})[0] for _ in range(3)] == [204] * 3
    assert viewer.asked == 4


def test_only_the_last_requests_are_kept(store: PlainStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "MAX_KEPT", 2)
    kept, now = Standstill(store), Moment(store.version(), store.feed())
    for request in (b"a", b"b", b"c"):
        kept.keep(request, now, request.upper())
    assert [kept.answer(request) for request in (b"a", b"b", b"c")] == [None, b"B", b"C"]
