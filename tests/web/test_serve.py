"""Listening, answering and stopping, with real sockets."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from diamond_viewer.web.serve import ServingError, Stop, listen, serve, stop_signals

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).parents[2]
BOUND_S = 20  # a test that waits this long has failed; none comes near it


def fine(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"fine"]


@contextmanager
def served(application: "WSGIApplication", host: str = "127.0.0.1") -> Iterator[tuple[int, Callable[[], bool]]]:
    """A server in a thread: its port, and a way to stop it that says whether it ended."""
    stop = Stop()
    listening = listen(host, 0)
    thread = threading.Thread(target=serve, args=(application, listening, stop))
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


def test_localhost_listens_on_each_of_its_addresses_under_one_port() -> None:
    listening = listen("localhost", 0)
    addresses = {address[4][0] for address in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    try:
        assert {bound.getsockname()[0] for bound in listening} <= addresses
        assert "127.0.0.1" in {bound.getsockname()[0] for bound in listening}
        assert len({bound.getsockname()[1] for bound in listening}) == 1
    finally:
        for bound in listening:
            bound.close()


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


def test_a_request_under_way_is_answered_before_the_server_ends() -> None:
    arrived, released = threading.Event(), threading.Event()

    def slow(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        arrived.set()
        assert released.wait(BOUND_S)
        return fine(environ, start_response)

    with served(slow) as (port, end):
        connection = connected(port)
        connection.request("GET", "/")
        assert arrived.wait(BOUND_S)
        stopping = threading.Thread(target=end)
        stopping.start()
        released.set()
        assert connection.getresponse().read() == b"fine"
        stopping.join(BOUND_S)
        connection.close()


STUCK = """
import socket, threading
from diamond_viewer.web.serve import Stop, listen, serve

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
