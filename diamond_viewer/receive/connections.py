"""What a connection may take of time and memory before a whole request is there: waitress's, with limits.

waitress collects a request in memory and only then calls the application. So what is under way is bounded here: each request
in time, all bodies together in bytes, and a body that is too large is read to its end, without being kept, because a client
that is cut off while it sends never sees the answer.
"""

import time
from collections.abc import Iterable

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from diamond_viewer.receive.app import NOSNIFF, RETRY_S, media_type_of
from diamond_viewer.receive.bodies import MAX_BODY_BYTES
from diamond_viewer.telemetry.otlp_answers import JSON, failure

REQUEST_S = 30.0  # from the first byte of a request to its last
MAX_PENDING_BYTES = 256 * 1024**2  # of all bodies that are not whole or not decoded yet
MAX_DISCARDED_BYTES = 1024**3
MAX_CHUNK_LINE_BYTES = 16 * 1024  # of a chunk's size and of what follows the last chunk
LOOK_BYTES = 1024**2  # of a body, after which all bodies are counted anew

_SENTENCES = {
    413: f"The body has more than {MAX_BODY_BYTES // 1024**2} MiB.",
    431: "The headers are too long.",
}


class _SlowError(Error):  # type: ignore[misc]  # untyped
    code = 408
    reason = "Request Timeout"


class _BusyError(Error):  # type: ignore[misc]  # untyped
    code = 429
    reason = "Too Many Requests"


class _Nothing:
    """A buffer that keeps nothing."""

    def append(self, _: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    def __len__(self) -> int:
        return 0


class _Request(HTTPRequestParser):  # type: ignore[misc]  # untyped
    too_large: Error | None = None

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.chunked and len(self.body_rcv.control_line) + len(self.body_rcv.trailer) > MAX_CHUNK_LINE_BYTES:
            self.error, self.completed = (
                BadRequest("A chunk's size, or what follows the last chunk, is too long."),
                True,
            )
            return consumed
        if self.too_large is None and isinstance(self.error, RequestEntityTooLarge) and not self.expect_continue:
            self.too_large = self.error
            self.body_rcv.buf = _Nothing()
        if self.too_large is not None:
            receiver = self.body_rcv
            is_over = receiver.completed or receiver.error or self.body_bytes_received > MAX_DISCARDED_BYTES
            self.completed, self.error = bool(is_over), self.too_large if is_over else None
        return consumed

    @property
    def kept_bytes(self) -> int:
        return len(self.body_rcv) if self.body_rcv is not None else len(self.header_plus)


class _StatusTask(ErrorTask):  # type: ignore[misc]  # untyped
    """Says in OTLP's words what waitress found wrong."""

    def execute(self) -> None:
        error = self.request.error
        media_type = media_type_of(self.request.headers.get("CONTENT_TYPE", "")) or JSON
        body = failure(error.code, _SENTENCES.get(error.code, str(error.body)), media_type)
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", media_type), NOSNIFF]
        if error.code == _BusyError.code:
            self.response_headers.append(("Retry-After", str(RETRY_S)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Connection(HTTPChannel):  # type: ignore[misc]  # untyped
    parser_class = _Request
    error_task_class = _StatusTask
    request: _Request | None  # that is not whole yet
    began_s: float | None = None  # when the request began that is not whole yet
    _counted_bytes = 0

    def received(self, data: bytes) -> bool:
        before = self.request
        taken: bool = super().received(data)
        request = self.request
        if request is None:
            self.began_s, self._counted_bytes = None, 0
        elif request is not before:
            self.began_s, self._counted_bytes = time.monotonic(), 0
        if request is not None and request.kept_bytes >= self._counted_bytes + LOOK_BYTES:
            self._counted_bytes = request.kept_bytes
            if pending_bytes(self.server.active_channels.values()) > MAX_PENDING_BYTES:
                self.refuse(_BusyError("Too much is being sent at once."))
        return taken

    def refuse(self, error: Error) -> None:
        """Answer a request that is not whole; what came of it is forgotten."""
        with self.requests_lock:
            request, self.request, self.began_s = self.request, None, None
            if request is None:
                return
            if not request.headers_finished:
                request.parse_header(b"GET / HTTP/1.0\r\n")  # as waitress does: an answer needs a version
            if request.body_rcv is not None:
                request.body_rcv.getbuf().close()
                request.body_rcv.buf = _Nothing()
            request.error, request.completed = error, True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)


def pending_bytes(connections: Iterable[HTTPChannel]) -> int:
    """What all bodies take that came and are not answered."""
    requests = [request for connection in list(connections) for request in (connection.request, *connection.requests)]
    return sum(request.kept_bytes for request in requests if request is not None)


def refuse_slow(connections: Iterable[HTTPChannel]) -> None:
    """Whoever takes longer than ``REQUEST_S`` for one request hears so and is disconnected."""
    now_s = time.monotonic()
    for connection in connections:
        began_s = connection.began_s if isinstance(connection, Connection) else None
        if began_s is not None and now_s - began_s > REQUEST_S:
            connection.refuse(_SlowError(f"The request took longer than {REQUEST_S:.0f} s to arrive."))
