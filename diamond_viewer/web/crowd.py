"""Too many at once: who is answered "later", and whose connection is given to somebody else.

An answer takes a thread and a core for milliseconds; a crowd must not make all wait for seconds, and connections that nobody
uses must not keep others out.
"""

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, request
from waitress.channel import HTTPChannel
from werkzeug.exceptions import ServiceUnavailable

from diamond_viewer.web.crowd_page import crowd_page
from diamond_viewer.web.dialects import TEXT, error_body
from diamond_viewer.web.security import HEADERS

MAX_WAITING = 128  # requests that wait for a thread: some seconds of work
REQUEST_S = 30.0  # from the first byte of a request to its last
MAX_KEPT_OPEN = 400  # connections, of the 500 that the server takes, before idle ones are closed
MAX_STREAMS = 4  # answers that are made while they are sent, of 16 threads
RETRY_S = 2

SPREAD_S = 5  # a page asks again after RETRY_S and up to so much more: not all of a crowd at once
BUSY_HEADER = "Diamond-Busy"  # a poll that finds it waits longer, and says why nothing moves

_SENTENCE = "The viewer has more requests than it can answer at once."
_AGAIN = f"{_SENTENCE} Try again in a moment."
_HEADERS = {**HEADERS, "Cache-Control": "no-store", "Retry-After": str(RETRY_S), BUSY_HEADER: "1"}
_WANTS_PAGE = re.compile(rb"\r\naccept:[^\r\n]*\btext/html\b", re.IGNORECASE)
_WANTS_FRAGMENT = re.compile(rb"\r\nhx-request: *true", re.IGNORECASE)
_turns = count()


def prepare() -> None:
    """Makes now what is to cost nothing when there is no time left."""
    crowd_page(_SENTENCE)


def later(request_head: bytes, waiting: int) -> bytes | None:
    """The whole answer to a request that is not to wait for a thread any more; None: it may. ``waiting`` are those that do.

    A browser gets a page that asks again by itself, a program an error in its own shape, htmx a line: what is shown stays.

    >>> later(b"GET /errors HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n", 128)[:34]
    b'HTTP/1.1 503 Service Unavailable\\r\\n'
    """
    if waiting < MAX_WAITING or not (request_head.startswith(b"GET /") and request_head.endswith(b"\r\n\r\n")):
        return None
    path = request_head[4:].partition(b" ")[0].partition(b"?")[0]
    if path.endswith((b"/healthz", b"/readyz")):
        return None  # whoever asks whether the viewer lives would end it
    # a proxy may have the viewer below a path of its own
    own = next((path[path.index(prefix) :] for prefix in (b"/jaeger/", b"/tempo/", b"/api/") if prefix in path), path)
    for_programs = error_body(own.decode("latin-1"), 503, _AGAIN)
    if for_programs is None and _WANTS_PAGE.search(request_head) and not _WANTS_FRAGMENT.search(request_head):
        page = crowd_page(_SENTENCE)
        again = {"Refresh": str(RETRY_S + next(_turns) % SPREAD_S), "Content-Security-Policy": page.policy}
        return _answer("text/html", page.body, again)
    return _answer(*(for_programs or (TEXT, f"{_AGAIN}\n".encode())))


def _answer(media_type: str, body: bytes, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    headers = {"Content-Type": f"{media_type}; charset=utf-8", "Content-Length": len(body), **_HEADERS, **more}
    lines = "".join(f"{name}: {said}\r\n" for name, said in headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + body


def tend(connections: Iterable[HTTPChannel]) -> None:
    """To be called by the server's loop now and then: closes whoever takes too long to ask, and the idle when many are open."""
    now_s = time.monotonic()
    open_now = list(connections)
    for connection in open_now:
        began_s = getattr(connection, "began_s", None)
        if began_s is not None and now_s - began_s > REQUEST_S:
            connection.handle_close()
    surplus = len(open_now) - MAX_KEPT_OPEN
    if surplus > 0:
        idle = [connection for connection in open_now if not (connection.requests or connection.total_outbufs_len)]
        for connection in sorted(idle, key=lambda one: float(one.last_activity))[:surplus]:
            connection.handle_close()


def take_turns(app: Flask, most: int = MAX_STREAMS) -> None:
    """Send at most so many answers that are made while they are sent: each holds a thread for as long as its reader takes."""
    turns = threading.BoundedSemaphore(most)

    def take_turn(response: Response) -> Response:
        if not response.is_streamed or response.direct_passthrough or request.method == "HEAD":
            return response
        if turns.acquire(blocking=False):
            turn = ExitStack()  # ended once, by the last piece or by a reader who leaves
            turn.callback(turns.release)
            response.response = _until_the_end(response.response, turn)
            response.call_on_close(turn.close)
            return response
        response.close()
        refusal = ServiceUnavailable("Other exports are being sent. Try again in a moment.", retry_after=RETRY_S)
        return app.make_response(app.handle_http_exception(refusal))

    app.after_request(take_turn)


def _until_the_end(pieces: Iterable[Any], turn: ExitStack) -> Iterator[Any]:
    yield from pieces
    turn.close()
