"""Too many at once, with real sockets: who waits too long is told when to come again, and nobody keeps others out."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from flask import Flask, Response

from diamond_viewer.serving import Limits, Stop, listen, serve
from diamond_viewer.web import crowd
from diamond_viewer.web import crowd_page as crowd_page_module
from diamond_viewer.web.app import create_app
from diamond_viewer.web.channel import PollChannel
from diamond_viewer.web.crowd import later, prepare, take_turns, tend
from diamond_viewer.web.crowd_page import policy_hash
from diamond_viewer.web.standstill import Standstill
from tests.plain_store import PlainStore
from tests.test_serving import BOUND_S, connected, served
from tests.web.html_outline import Outline

REQUEST = b"GET /errors HTTP/1.1\r\nHost: localhost\r\n\r\n"


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at_s = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < give_up_at_s
        time.sleep(0.005)


def test_who_would_wait_too_long_is_told_to_come_again_and_probes_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MAX_WAITING", 3)
    go_on, running = threading.Event(), []
    threads = Limits().thread_count

    def slow(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        running.append(environ)
        assert go_on.wait(BOUND_S)
        start_response("200 OK", [("Content-Length", "4"), ("Content-Type", "text/plain")])
        return [b"done"]

    with served(slow, store=PlainStore()) as (port, _):
        patient = [connected(port) for _ in range(threads + 3)]
        for at, connection in enumerate(patient):
            connection.request("GET", "/errors")
            wait_for(lambda at=at: len(running) == min(at + 1, threads))  # type: ignore[misc]
        late = connected(port)

        def refused(path: str) -> http.client.HTTPResponse:
            late.request("GET", path)
            return late.getresponse()

        # the last of the patient may still be on its way into the queue
        answer = refused("/errors?since=15m")
        assert (answer.status, answer.getheader("Retry-After")) == (503, "2")
        assert answer.read().decode().startswith("The viewer has more requests than it can answer at once.")
        assert json.loads(refused("/viewer/api/stats").read())["error"].startswith("The viewer has more requests")
        probe = connected(port)
        probe.request("GET", "/healthz")  # waits like the others, and is answered
        go_on.set()
        assert [connection.getresponse().read() for connection in [*patient, probe]] == [b"done"] * (threads + 4)
        late.request("GET", "/errors")
        assert late.getresponse().read() == b"done"
        for connection in [*patient, late, probe]:
            connection.close()


def head(path: str, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {said}\r\n" for name, said in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


def refusal(request: bytes) -> tuple[dict[str, str], str]:
    answer = later(request, crowd.MAX_WAITING)
    assert answer is not None
    first, body = answer.decode().split("\r\n\r\n", 1)
    status, *lines = first.split("\r\n")
    assert status == "HTTP/1.1 503 Service Unavailable"
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["Content-Length"] == str(len(body.encode()))
    return headers, body


BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def test_a_browser_in_a_crowd_gets_a_page_that_asks_again_by_itself() -> None:
    headers, body = refusal(head("/errors?since=15m", **BROWSER))
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    page = Outline(body)
    assert page.problems == []
    assert "Busy for a moment" in page.root.words()
    assert [one.attributes["href"] for one in page.root.all() if "href" in one.attributes] == [""]  # the same address
    assert not any(
        {"src", "action", "onclick"} & one.attributes.keys() for one in page.root.all()
    )  # it asks for nothing
    [style] = [one.text for one in page.root.all() if one.tag == "style"]
    assert policy_hash(style) in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert len(body) < 6_000
    again = {refusal(head("/errors", **BROWSER))[0]["Refresh"] for _ in range(20)}
    assert again == {"2", "3", "4", "5", "6"}  # not all at once


@pytest.mark.parametrize(
    ("path", "headers", "media_type"),
    [
        ("/errors", BROWSER | {"HX_Request": "true"}, "text/plain"),
        ("/errors", BROWSER | {"hx_request": "true"}, "text/plain"),
        ("/errors", {"Accept": "*/*"}, "text/plain"),
        ("/errors", {"X": "Accept: text/html"}, "text/plain"),
        ("/static/pages.css", {"Accept": "text/css"}, "text/plain"),
        ("/api/stats", BROWSER, "application/json"),
        ("/viewer/api/stats", {}, "application/json"),
        ("/jaeger/api/traces", {}, "application/json"),
        ("/tempo/api/search", {}, "text/plain"),
    ],
)
def test_everybody_else_in_a_crowd_gets_what_they_can_read(path: str, headers: dict[str, str], media_type: str) -> None:
    said, body = refusal(head(path, **headers))
    assert said["Content-Type"] == f"{media_type}; charset=utf-8"
    assert (said["Retry-After"], said["Diamond-Busy"], "Refresh" in said) == ("2", "1", False)
    assert "Try again in a moment." in body
    if path.startswith("/viewer"):
        assert json.loads(body) == {
            "error": "The viewer has more requests than it can answer at once. Try again in a moment."
        }


def test_the_page_of_a_crowd_is_made_before_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    monkeypatch.setattr(crowd_page_module, "Environment", None)  # a page that were made now would fail
    monkeypatch.setattr(crowd_page_module, "TOP", None)
    assert refusal(head("/errors", **BROWSER))[1].startswith("<!doctype html>")


class Opened:
    """A connection as the loop sees it."""

    def __init__(self, last_activity: float, began_s: float | None = None, is_busy: bool = False) -> None:
        self.last_activity, self.began_s, self.is_closed = last_activity, began_s, False
        self.requests, self.total_outbufs_len = [object()] * is_busy, 0

    def handle_close(self) -> None:
        self.is_closed = True


def test_of_too_many_connections_those_idle_longest_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MAX_KEPT_OPEN", 3)
    opened = [Opened(5), Opened(1), Opened(0, is_busy=True), Opened(2), Opened(4)]
    tend(opened)
    assert [one.is_closed for one in opened] == [False, True, False, True, False]


def test_a_request_that_takes_too_long_to_arrive_is_cut_off() -> None:
    now_s = time.monotonic()
    slow, fine, idle = Opened(now_s, now_s - 31), Opened(now_s, now_s - 29), Opened(now_s - 100)
    tend([slow, fine, idle])
    assert (slow.is_closed, fine.is_closed, idle.is_closed) == (True, False, False)


def test_the_loop_knows_since_when_a_request_is_on_its_way() -> None:
    channels: list[float | None] = []

    class Seen(PollChannel):
        def received(self, data: bytes) -> bool:
            taken = bool(super().received(data))
            channels.append(self.began_s)
            return taken

    stop, listening = Stop(), listen("127.0.0.1", 0)
    make = partial(Seen, standstill=Standstill(PlainStore()))
    app = create_app(PlainStore())
    thread = threading.Thread(target=serve, args=(app, listening, stop, Limits(connection_class=make)))
    thread.start()
    try:
        with socket.create_connection(listening[0].getsockname(), BOUND_S) as slow:
            slow.sendall(REQUEST[:20])
            wait_for(lambda: len(channels) == 1)
            slow.sendall(REQUEST[20:30])
            wait_for(lambda: len(channels) == 2)
            slow.sendall(REQUEST[30:])
            assert slow.recv(12) == b"HTTP/1.1 200"
        assert channels[0] == channels[1] is not None
        assert channels[2] is None
    finally:
        stop.say()
        thread.join(BOUND_S)


def test_of_endless_answers_only_some_are_sent_at_a_time_and_a_reader_who_leaves_gives_his_turn_back() -> None:
    app = Flask("turns")
    take_turns(app, most=2)

    @app.get("/export")
    def export() -> Response:
        def pieces() -> Iterator[bytes]:
            while True:
                yield b"x"

        return Response(pieces())

    client = app.test_client()
    first, second = client.get("/export"), client.get("/export")
    third = client.get("/export")
    assert (third.status_code, third.headers["Retry-After"]) == (503, "2")
    assert "Other exports are being sent. Try again in a moment." in third.text
    first.close()
    fourth = client.get("/export")
    assert fourth.status_code == 200
    for answer in (second, fourth):
        answer.close()


def test_an_export_below_the_api_is_refused_in_json(real_store: PlainStore) -> None:
    client = create_app(real_store).test_client()
    held = [client.get("/api/export?format=ndjson") for _ in range(crowd.MAX_STREAMS)]
    refused = client.get("/api/export?format=ndjson")
    assert refused.status_code == 503
    assert refused.json == {"error": "Other exports are being sent. Try again in a moment."}
    assert refused.headers["Retry-After"] == "2"
    assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
    assert client.get("/api/stats").status_code == 200
    for answer in held:
        answer.close()


def test_the_loop_leaves_a_connection_alone_while_a_thread_sends_and_sends_what_that_leaves_behind() -> None:
    page = b"x" * 5_000_000  # more than a socket takes at once
    turns: list[bool] = []
    sending, go_on = threading.Event(), threading.Event()

    class Counting(PollChannel):
        def send(self, data: bytes, do_close: bool = True) -> int:
            if self.requests and not sending.is_set():
                sending.set()  # a thread sends, with the buffers locked
                assert go_on.wait(BOUND_S)
            return int(super().send(data, do_close))

        def writable(self) -> bool:
            is_writable = super().writable()
            if sending.is_set() and not go_on.is_set() and self.requests:
                turns.append(is_writable)
            return is_writable

    def large(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(page))), ("Content-Type", "text/plain")])
        return [page]

    stop, listening = Stop(), listen("127.0.0.1", 0)
    make = partial(Counting, standstill=Standstill(PlainStore()))
    thread = threading.Thread(target=serve, args=(large, listening, stop, Limits(connection_class=make)))
    thread.start()
    try:
        with socket.create_connection(listening[0].getsockname(), BOUND_S) as reader:
            reader.settimeout(BOUND_S)
            reader.sendall(REQUEST)
            assert sending.wait(BOUND_S)
            wait_for(lambda: len(turns) >= 2)  # the loop turns when its time is over, every quarter of a second
            go_on.set()
            came = 0
            while came < len(page):
                piece = reader.recv(1_000_000)
                assert piece
                came += len(piece)
        assert not any(turns)
        assert len(turns) < 100
    finally:
        go_on.set()
        stop.say()
        thread.join(BOUND_S)
