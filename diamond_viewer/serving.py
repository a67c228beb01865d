"""One process, a few threads, waitress: from bound sockets until someone asks to stop.

One process because the index lives in its memory: a second one would follow the files again and count for itself.
"""

import errno
import logging
import math
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREAD_COUNT = 16  # answers are short; more threads would only share the same interpreter lock
CONNECTION_LIMIT = 500  # below the usual 1,024 open files, which the feed needs too
IDLE_CONNECTION_S = 120
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 65 * 1024**2  # what waitress takes in at most; a connection class refuses sooner what needs no body
IN_MEMORY_BYTES = 1024**3  # waitress would put answers above 1 MiB into a file: traces are not to lie about on disk
BACKLOG = 1024

FINISH_S = 0.5  # requests under way get this long to be answered when the viewer stops
LEAVE_S = 0.1  # idle threads need about a millisecond to leave
LOOP_S = 0.25  # every request and signal wakes the loop; but one that arrives just before it sleeps waits this long


class ServingError(Exception):
    """The viewer cannot listen there; the message is a sentence."""


class Stop:
    """Said once, from a signal handler or any thread: stop serving."""

    def __init__(self) -> None:
        self._said = threading.Event()
        self._on_stop: list[Callable[[], None]] = []
        self._lock = threading.RLock()  # reentrant: a signal may arrive while its own thread holds it

    def say(self) -> None:
        """Saying it again changes nothing."""
        with self._lock:
            if not self._said.is_set():
                self._said.set()
                for call in self._on_stop:
                    call()

    def is_said(self) -> bool:
        return self._said.is_set()

    def wait(self, timeout_s: float) -> bool:
        """True as soon as it is said, False when ``timeout_s`` have passed without."""
        return self._said.wait(timeout_s)

    @contextmanager
    def calling(self, on_stop: Callable[[], None]) -> Iterator[None]:
        """Have ``on_stop`` called when it is said while the block runs, perhaps by a signal handler."""
        with self._lock:
            self._on_stop.append(on_stop)
        try:
            yield
        finally:
            with self._lock:
                self._on_stop.remove(on_stop)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Ctrl-C and SIGTERM say stop while the block runs. A second one ends the process at once, the default way."""
    stop = Stop()

    def on_signal(signum: int, frame: FrameType | None) -> None:
        signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
        stop.say()

    before = {signum: signal.signal(signum, on_signal) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def listen(host: str, port: int, flag: str = "--port") -> list[socket.socket]:
    """Listening sockets on every address of ``host`` (``localhost`` has two), or ``ServingError``. Port 0: a free one.

    ``flag`` is what another port is chosen with. They listen before anything is read, so that a port in use is found out first.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServingError(
            f"{host} is no address of this machine ({error.strerror}). See {_host_flag(flag)}."
        ) from None
    listening: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, (address, _, *scope) in dict.fromkeys(addresses):
        try:
            listening.append(_listen_on(family, (address, port, *scope)))
            port = listening[0].getsockname()[1]  # a free port is the same on all addresses
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for bound in listening:
                    bound.close()
                raise ServingError(_why_not(error, host, port, flag)) from None
            missing = error  # a machine without IPv6 has half a localhost
    if missing is not None and not listening:
        raise ServingError(_why_not(missing, host, port, flag))
    return listening


def _listen_on(family: int, address: tuple[object, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # restart at once, despite TIME_WAIT
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _why_not(failure: OSError, host: str, port: int, flag: str) -> str:
    if failure.errno == errno.EADDRINUSE:
        who = f"'lsof -i :{port}' or 'ss -ltnp' names it"
        return f"Port {port} on {host} is in use. Stop what listens there ({who}), or choose another with {flag}."
    if failure.errno == errno.EACCES:
        return f"Port {port} needs more rights than this user has. Choose one above 1023 with {flag}."
    if failure.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine. See {_host_flag(flag)}."
    return f"Cannot listen on {host}, port {port}: {failure.strerror}."


def _host_flag(flag: str) -> str:
    return "--host" if flag == "--port" else flag


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants. ``connection_class`` is what becomes of an accepted socket; with ``notices_who_leaves`` a request
    under way can find out that its browser has gone."""

    thread_count: int = THREAD_COUNT
    connection_count: int = CONNECTION_LIMIT
    body_bytes: int = MAX_BODY_BYTES
    connection_class: Callable[..., HTTPChannel] = HTTPChannel
    notices_who_leaves: bool = False


def serve(
    application: "WSGIApplication",
    listening: Sequence[socket.socket],
    stop: Stop,
    limits: Limits = Limits(),
    look: Callable[[Iterable[HTTPChannel]], None] = lambda _: None,
) -> None:
    """Answer requests until ``stop`` is said; then take no more, finish what is under way for ``FINISH_S``, close.

    Runs in the calling thread and closes the sockets. ``look`` sees all connections, there, every ``LOOP_S`` or twice that: not
    for every request, of which there may be hundreds a second.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a busy second is not worth a line each
    connections: dict[int, wasyncore.dispatcher] = {}
    server = create_server(
        application,
        map=connections,
        sockets=list(listening),
        threads=limits.thread_count,
        connection_limit=limits.connection_count,
        channel_timeout=IDLE_CONNECTION_S,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=limits.body_bytes,
        inbuf_overflow=IN_MEMORY_BYTES,
        outbuf_overflow=IN_MEMORY_BYTES,
        channel_request_lookahead=int(limits.notices_who_leaves),
        asyncore_use_poll=True,  # select() ends at 1,024 files
        clear_untrusted_proxy_headers=False,  # the application looks at those of a proxy that was named, at no others
        ident=None,  # no need to tell which server this is
    )
    acceptors = [part for part in connections.values() if isinstance(part, BaseWSGIServer)]
    for acceptor in acceptors:
        acceptor.channel_class = limits.connection_class
    try:
        with stop.calling(acceptors[0].pull_trigger):  # wakes the loop; not once its pipe is closed
            looked_s, turns = time.monotonic(), Turns(connections)
            while not stop.is_said():
                turns.take(LOOP_S)
                if time.monotonic() - looked_s >= LOOP_S:
                    look(_channels(connections))
                    looked_s = time.monotonic()
        for acceptor in acceptors:
            acceptor.accepting = False
        finish_by = time.monotonic() + FINISH_S
        while _is_answering(connections) and time.monotonic() < finish_by:
            wasyncore.loop(timeout=0.05, use_poll=True, map=connections, count=1)
    finally:
        server.task_dispatcher.shutdown(timeout=LEAVE_S)
        _close(connections, is_forsaken=bool(server.task_dispatcher.threads))


class Turns:
    """The server's loop. What a connection waits for is asked when that can have changed: with ``wasyncore.loop``, which asks
    all of them for every request of one, fifty idle pages cost more than what they ask.

    A connection without a request under way or an answer to send waits for its browser, and is only touched by this loop.
    """

    def __init__(self, connections: dict[int, wasyncore.dispatcher]) -> None:
        self._connections = connections
        self._known: dict[int, wasyncore.dispatcher] = {}  # as they were at the last turn
        self._asked_s = -math.inf  # when all were asked
        self._waits_for: dict[int, int] = {}
        self._unsettled: set[int] = set()
        self._poll = select.poll()

    def take(self, timeout_s: float) -> None:
        """One turn: wait until something happens, and see to it."""
        now_s = time.monotonic()
        if self._known != self._connections:  # a number may stand for another connection, or for a file, by now
            self._known, self._waits_for, self._poll = dict(self._connections), {}, select.poll()
            self._asked_s = -math.inf
        if now_s - self._asked_s >= LOOP_S:  # the server closes whoever is idle for long
            self._asked_s, self._unsettled = now_s, set(self._known)
        for number in list(self._unsettled):
            self._ask(number, self._known[number])
        for number, happened in self._poll.poll(math.ceil(timeout_s * 1000)):
            connection = self._connections.get(number)
            if connection is not None:
                self._unsettled.add(number)
                wasyncore.readwrite(connection, happened)

    def _ask(self, number: int, connection: wasyncore.dispatcher) -> None:
        # before it is asked: a thread that ends meanwhile with its request changes what it waits for
        is_settled = isinstance(connection, HTTPChannel) and not (
            connection.requests
            or connection.total_outbufs_len
            or connection.will_close
            or connection.close_when_flushed
        )
        wanted = select.POLLIN | select.POLLPRI if connection.readable() else 0
        if connection.writable() and not connection.accepting:
            wanted |= select.POLLOUT
        before = self._waits_for.get(number, 0)
        if wanted != before:
            if wanted:
                self._poll.register(number, wanted)
            else:
                self._poll.unregister(number)
            self._waits_for[number] = wanted
        if is_settled:
            self._unsettled.discard(number)


def _close(connections: dict[int, wasyncore.dispatcher], is_forsaken: bool) -> None:
    """Close what is open. A thread that still answers will pull its server's trigger, a pipe: that one has to stay open then,
    or the thread writes into whatever gets the pipe's number next.
    """
    for part in list(connections.values()):
        if isinstance(part, HTTPChannel):
            part.handle_close()  # with its buffers
        elif isinstance(part, BaseWSGIServer) and is_forsaken:
            part.socket.close()
    if not is_forsaken:
        wasyncore.close_all(connections)


def _is_answering(connections: dict[int, wasyncore.dispatcher]) -> bool:
    return any(channel.requests or channel.total_outbufs_len for channel in _channels(connections))


def _channels(connections: dict[int, wasyncore.dispatcher]) -> list[HTTPChannel]:
    return [part for part in list(connections.values()) if isinstance(part, HTTPChannel)]
