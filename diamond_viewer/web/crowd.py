"""Too many at once: who is answered "later", and whose connection is given to somebody else.

An answer takes a thread and a core for milliseconds; a crowd must not make all wait for seconds, and connections that nobody
uses must not keep others out.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from flask import Flask, Response, request
from waitress.channel import HTTPChannel
from werkzeug.exceptions import ServiceUnavailable

from diamond_viewer.web.dialects import TEXT, error_body
from diamond_viewer.web.security import HEADERS

MAX_WAITING = 128  # requests that wait for a thread: some seconds of work
REQUEST_S = 30.0  # from the first byte of a request to its last
MAX_KEPT_OPEN = 400  # connections, of the 500 that the server takes, before idle ones are closed
MAX_STREAMS = 4  # answers that are made while they are sent, of 16 threads
RETRY_S = 2

_SENTENCE = "The viewer has more requests than it can answer at once. Try again in a moment."
_HEAD = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nRetry-After: {}\r\n"
    "Cache-Control: no-store\r\n" + "".join(f"{name}: {said}\r\n" for name, said in HEADERS.items()) + "\r\n"
)


def later(request_head: bytes, waiting: int) -> bytes | None:
    """The whole answer to a request that is not to wait for a thread any more; None: it may. ``waiting`` are those that do.

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
    media_type, body = error_body(own.decode("latin-1"), 503, _SENTENCE) or (TEXT, f"{_SENTENCE}\n".encode())
    return _HEAD.format(media_type, len(body), RETRY_S).encode() + body


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
