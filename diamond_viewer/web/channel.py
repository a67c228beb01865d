"""waitress's connection and task, with four differences: an answer without a body leaves the connection open, a request that
still has the answer "nothing new" gets it at once, from the loop, so does one that would wait too long, and the loop does not
turn idly while a thread sends.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from diamond_viewer.store import TraceStore
from diamond_viewer.web.crowd import later, prepare, tend
from diamond_viewer.web.security import HEADERS
from diamond_viewer.web.standstill import STANDSTILL, Moment, Standstill
from diamond_viewer.web.uploads import PageRequest

__all__ = ["poll_channels", "tend"]

HEAD_END = b"\r\n\r\n"
_HAVE_MORE_THAN_A_HEAD = frozenset({"CONTENT_LENGTH", "TRANSFER_ENCODING", "EXPECT"})


class PollTask(WSGITask):  # type: ignore[misc]  # waitress has no types
    channel: "PollChannel"
    _raw: bytes = b""
    _moment: Moment | None = None

    def get_environment(self) -> Mapping[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.channel.raw and not _HAVE_MORE_THAN_A_HEAD & self.request.headers.keys():
            self._raw = self.channel.raw
            environ[STANDSTILL] = self._stand_still
        return environ

    def _stand_still(self, moment: Moment) -> None:
        self._moment = moment

    def set_close_on_finish(self) -> None:
        """Also called for every answer without a length; but a 204 or 304 has none and ends with its head (RFC 9112, 6.3)."""
        wants_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or self.version != "1.1" or wants_close:
            super().set_close_on_finish()

    def build_response_header(self) -> bytes:
        head: bytes = super().build_response_header()
        if self._moment is not None and self.status.startswith("204") and not self.close_on_finish:
            self.channel.standstill.keep(self._raw, self._moment, head)
        return head


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses, because it is no HTTP or too long, never reaches the application that sets the headers."""

    def execute(self) -> None:
        self.response_headers.extend((*HEADERS.items(), ("Cache-Control", "no-store")))
        super().execute()


class PollChannel(HTTPChannel):  # type: ignore[misc]
    """``raw``: the request under way as it came, if it came alone and in one piece."""

    task_class = PollTask
    error_task_class = RefusalTask
    parser_class = PageRequest
    raw: bytes = b""
    began_s: float | None = None  # when the request began that is not whole yet

    def __init__(self, *arguments: Any, standstill: Standstill, **more: Any) -> None:
        self.standstill = standstill
        super().__init__(*arguments, **more)

    def received(self, data: bytes) -> bool:
        is_first = self.request is None and not self.requests
        if is_first and not (self.total_outbufs_len or self.will_close or self.close_when_flushed):
            answer = self.standstill.answer(data) or later(data, len(self.server.task_dispatcher.queue))
            if answer is not None:
                self._send_at_once(answer)
                return True
        self.raw = data if is_first and data.find(HEAD_END) == len(data) - len(HEAD_END) else b""
        before = self.request
        taken: bool = super().received(data)
        if self.request is None:
            self.began_s = None
        elif self.request is not before:
            self.began_s = time.monotonic()
        return taken

    def writable(self) -> bool:
        """Not while a thread sends: it has the buffers, and the loop would do nothing but ask again, some twenty times for each
        answer, and take the interpreter from that thread each time. What it cannot send it leaves to the loop, and says so."""
        is_left_alone = self.requests and not (self.will_close or self.close_when_flushed)
        if is_left_alone and self.total_outbufs_len < self.adj.outbuf_high_watermark:
            if not self.outbuf_lock.acquire(blocking=False):
                return False
            self.outbuf_lock.release()
        return bool(super().writable())

    def _send_at_once(self, answer: bytes) -> None:
        left = answer[self.send(answer) :]
        if left:  # the browser does not read: the loop sends the rest when it does
            with self.outbuf_lock:
                self.outbufs[-1].append(left)
                self.current_outbuf_count += len(left)
                self.total_outbufs_len += len(left)


def poll_channels(store: TraceStore) -> Callable[..., HTTPChannel]:
    """What makes the connections of a server that shows this store."""
    prepare()
    return partial(PollChannel, standstill=Standstill(store))
