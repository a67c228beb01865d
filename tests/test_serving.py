"""Listening, answering and stopping, with real sockets."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from waitress.channel import HTTPChannel

from diamond_viewer.serving import LEAVE_S, LOOP_S, Limits, ServingError, Stop, Turns, listen, serve, stop_signals
from diamond_viewer.store import TraceStore
from diamond_viewer.web.channel import poll_channels

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).parents[1]
BOUND_S = 20  # a test that waits this long has failed; none comes near it


def fine(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"fine"]


@contextmanager
def served(
    application: "WSGIApplication",
    host: str = "127.0.0.1",
    stop: Stop | None = None,
    store: TraceStore | None = None,
    limits: Limits | None = None,
) -> Iterator[tuple[int, Callable[[], bool]]]:
    """A server in a thread: its port, and a way to stop it that says whether it ended."""
    stop = stop or Stop()
    listening = listen(host, 0)
    limits = limits or (Limits(connection_class=poll_channels(store)) if store else Limits())
    thread = threading.Thread(target=serve, args=(application, listening, stop, limits))
    port: int = listening[0].getsockname()[1]
    thread.start()

    def end() -> bool:
        stop.say()
        thread.join(BOUND_S)
        return not thread.is_alive()

    try:
        yield port, end
    finally:
        assert end()


def connected(port: int, host: str = "127.0.0.1") -> http.client.HTTPConnection:
    return http.client.HTTPConnection(host, port, timeout=BOUND_S)


def test_a_request_is_answered_and_the_server_does_not_say_what_it_is() -> None:
    with served(fine) as (port, _):
        connection = connected(port)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.status, response.read(), response.getheader("Server")) == (200, b"fine", None)
        connection.close()


def test_a_name_with_two_addresses_listens_on_both_under_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **hints: both)
    listening = listen("twice", 0)
    names = [bound.getsockname() for bound in listening]
    for bound in listening:
        bound.close()
    assert [address for address, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1


def test_an_address_family_that_is_missing_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
    own = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **hints: [foreign, own])
    (only,) = listen("half", 0)
    assert only.getsockname()[0] == "127.0.0.1"
    only.close()


def test_every_address_of_a_name_is_served_and_stops() -> None:
    with served(fine, "localhost") as (port, end):
        connection = connected(port)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"fine"
        assert end()
        connection.close()


def test_a_port_in_use_is_refused_with_a_sentence() -> None:
    (first,) = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    with pytest.raises(ServingError, match=rf"^Port {port} on 127\.0\.0\.1 is in use\. Stop what listens there"):
        listen("127.0.0.1", port)
    first.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(ServingError, match=r"is no address of this machine"):
        listen(host, 0)


def test_an_idle_connection_does_not_hold_the_server() -> None:
    with served(fine) as (port, end):
        connection = connected(port)
        connection.request("GET", "/")
        connection.getresponse().read()  # kept alive, and never closed by us
        assert end()
        assert connection.sock.recv(1) == b""
        connection.close()


def test_half_a_request_does_not_hold_the_server() -> None:
    with served(fine) as (port, end), socket.create_connection(("127.0.0.1", port), BOUND_S) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert end()


def test_a_request_under_way_is_answered_in_full_before_the_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.serving.FINISH_S", BOUND_S)  # however slow this machine is
    body = bytes(8_000_000)  # more than any socket holds: the loop has to go on sending
    stop = Stop()

    def stops_itself(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        stop.say()
        threading.Event().wait(3 * LEAVE_S)  # thinks for longer than an idle thread gets
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    with served(stops_itself, stop=stop) as (port, _):
        connection = connected(port)
        connection.request("GET", "/")
        assert connection.getresponse().read() == body
        connection.close()


def test_stop_wakes_a_loop_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.serving.LOOP_S", 10 * BOUND_S)
    with served(fine) as (port, end):
        connection = connected(port)
        connection.request("GET", "/")
        connection.getresponse().read()
        assert end()
        connection.close()


STUCK = """
import socket, threading
from diamond_viewer.serving import Stop, listen, serve

stop, listening = Stop(), listen("127.0.0.1", 0)

def stuck(environ, start_response):
    stop.say()
    threading.Event().wait()

reader = socket.create_connection(listening[0].getsockname())
reader.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
serve(stuck, listening, stop)
print("ended, and the reader got", reader.recv(1))
reader.close()
"""


def test_a_request_that_never_ends_does_not_hold_the_server() -> None:
    run = subprocess.run(
        [sys.executable, "-c", STUCK], cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert (run.returncode, run.stdout) == (0, "ended, and the reader got b''\n")
    assert run.stderr == "1 thread(s) still running\n"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_says_stop_and_the_handlers_are_put_back(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with stop_signals() as stop:
        assert not stop.is_said()
        os.kill(os.getpid(), signum)
        assert stop.wait(BOUND_S)
    assert signal.getsignal(signum) is before


def test_a_stop_said_before_serving_ends_it_at_once() -> None:
    stop = Stop()
    stop.say()
    serve(fine, listen("127.0.0.1", 0), stop)


def test_many_servers_that_stop_at_once_close_behind_the_one_who_says_it() -> None:
    for _ in range(30):  # the loop sees that stop is said before whoever says it has woken it
        stop = Stop()
        with served(fine, stop=stop), served(fine, stop=stop):
            stop.say()


def test_connections_are_looked_at_now_and_then_and_not_for_each_request() -> None:
    looks: list[int] = []
    stop, listening = Stop(), listen("127.0.0.1", 0)

    def look(connections: Iterable[object]) -> None:
        looks.append(len(list(connections)))

    thread = threading.Thread(target=serve, args=(fine, listening, stop, Limits(), look))
    thread.start()
    try:
        connection = connected(listening[0].getsockname()[1])
        asked = 0
        while 1 not in looks or asked < 200:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"fine"
            asked += 1
            assert asked < 1_000_000
        assert len(looks) < asked
        connection.close()
    finally:
        stop.say()
        thread.join(BOUND_S)


class CountedChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """Counts how often the server's loop asks a connection what it waits for."""

    asked: ClassVar["Counter[int]"] = Counter()

    def readable(self) -> bool:
        self.asked[id(self)] += 1
        return bool(super().readable())


def test_idle_connections_are_not_asked_for_each_request_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedChannel, "asked", Counter())
    with served(fine, limits=Limits(connection_class=CountedChannel)) as (port, _):
        idle = [connected(port) for _ in range(10)]
        for one in [*idle, *idle]:  # the second time round none of them is new any more
            one.request("GET", "/")
            assert one.getresponse().read() == b"fine"
        CountedChannel.asked.clear()
        began_s = time.monotonic()
        for _ in range(200):
            idle[0].request("GET", "/")
            assert idle[0].getresponse().read() == b"fine"
        rounds = 2 + (time.monotonic() - began_s) / LOOP_S  # in which all are asked all the same
        busy, *others = sorted(CountedChannel.asked.values(), reverse=True)
        assert busy >= 200
        assert max(others, default=0) <= rounds
        for one in idle:
            one.close()


class Answered(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose thread ends with its request just after the loop has asked what it waits for."""

    accepting = will_close = close_when_flushed = is_read = False
    total_outbufs_len = 0

    def __init__(self) -> None:
        self.requests = [object()]

    def readable(self) -> bool:
        was_answered = not self.requests
        self.requests = []
        return was_answered

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        self.is_read = True


def test_a_connection_that_was_answered_while_it_was_asked_is_asked_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Answered()
        turns = Turns({ours.fileno(): connection})
        turns.take(0)
        theirs.sendall(b"another")
        turns.take(0)
        assert connection.is_read


def test_a_connection_that_takes_the_number_of_one_that_has_gone_is_answered() -> None:
    with served(fine) as (port, _):
        for _ in range(30):
            one, other = connected(port), connected(port)
            for connection in (one, other):
                connection.request("GET", "/")
                assert connection.getresponse().read() == b"fine"
            one.close()
            with closing(connected(port)) as third:
                third.request("GET", "/")
                assert third.getresponse().read() == b"fine"
            other.request("GET", "/")
            assert other.getresponse().read() == b"fine"
            other.close()
