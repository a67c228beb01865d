"""Whole pages that several readers open at the same time: one that costs much is made once for all of them.

A page polls once it is open, so what it says may be a second old when it comes. Only a page that takes more than its share of
the processor is shared, and never with who has just had it: a reader alone gets a new one each time,
unless a proxy in between asks over another connection.
"""

import functools
import gzip
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, make_response, request

from diamond_viewer.web.compression import MIN_BYTES, packed_text, takes_packed
from diamond_viewer.web.freshness import digest
from diamond_viewer.web.swaps import POLL, swap_target

SHARED = (  # polls aside, which know better than a page what their reader has seen
    *("pages.traces", "trace_pages.trace", "tallies.errors", "tallies.operations"),
    *("journeys.journeys", "journeys.user", "journeys.lesson", "map.service_map", "video.video"),
)
MAX_AGE_S = 1.0
MAX_LOAD = 0.05  # of a core: a page that would take more than that in the last seconds is shared
REMEMBERED_S = 5.0  # that a cost counts, the older the less
MAX_QUESTIONS = 64
MAX_KEPT_BYTES = 8 * 1024**2  # of pages, as they are sent
_ASKED = ("HTTP_HOST", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_COOKIE")


@dataclass(frozen=True, slots=True)
class MadePage:
    """``packed`` is the page as gzip. When its making began and when it was done, by ``time.monotonic``."""

    packed: bytes
    headers: tuple[tuple[str, str], ...]
    began_s: float
    done_s: float

    def response(self) -> Response:
        is_packed = takes_packed()
        response = make_response(self.packed if is_packed else gzip.decompress(self.packed))
        response.headers.update(self.headers)
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        return response


@dataclass(slots=True)
class _Question:
    """``had_by`` are the connections that have its page. ``spent_s`` is the processor time that its pages took, at ``at_s``; it
    fades. ``failed_s`` is when the last of them could not be made."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    page: MadePage | None = None
    had_by: set[str] = field(default_factory=set)
    spent_s: float = 0.0
    at_s: float = 0.0
    failed_s: float = -math.inf

    def load(self, now_s: float) -> float:
        """Of a core, over the last seconds."""
        return self.spent_s * math.exp((self.at_s - now_s) / REMEMBERED_S) / REMEMBERED_S

    def add(self, cost_s: float, now_s: float) -> None:
        self.spent_s, self.at_s = self.load(now_s) * REMEMBERED_S + cost_s, now_s


class SharedPages:
    """Safe to use from any thread. ``clock`` gives seconds that only grow, ``cost`` those that this thread has computed."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, cost: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock, self._cost = clock, cost
        self._lock = threading.Lock()
        self._questions: OrderedDict[str, _Question] = OrderedDict()

    def of(self, asked: str, reader: str, make: Callable[[], Response]) -> Response:
        """``make`` or, while the page is dear, what it gave to another ``reader`` (a connection) up to ``MAX_AGE_S`` ago. Who
        asks while such a page is being made gets that one, however long it takes."""
        question, asked_s = self._question(asked), self._clock()
        if question.load(asked_s) < MAX_LOAD:
            return self._make(question, reader, make)
        with question.lock:
            page = question.page
            if page is not None and (page.done_s > asked_s or self._is_young(page)) and reader not in question.had_by:
                question.had_by.add(reader)
                return page.response()
            if question.failed_s < asked_s:
                return self._make(question, reader, make)
        # it failed while this one waited: not all of them one after the other
        return self._make(question, reader, make)

    def _make(self, question: _Question, reader: str, make: Callable[[], Response]) -> Response:
        began_s, cost_s = self._clock(), self._cost()
        try:
            response = make()
        except Exception:
            question.failed_s = self._clock()
            raise
        if response.status_code == 200 and response.mimetype == "text/html" and not response.is_streamed:
            content = response.get_data()
            if len(content) >= MIN_BYTES:
                headers = tuple((name, text) for name, text in response.headers if name != "Content-Length")
                page = MadePage(packed_text(content), headers, began_s, self._clock())
                response = page.response()
                self._keep(question, page, reader)
        question.add(self._cost() - cost_s, self._clock())
        return response

    def _is_young(self, page: MadePage) -> bool:
        return self._clock() - page.began_s < MAX_AGE_S

    def _question(self, asked: str) -> _Question:
        with self._lock:
            question = self._questions.setdefault(asked, _Question())
            self._questions.move_to_end(asked)
            if len(self._questions) > MAX_QUESTIONS:
                self._questions.popitem(last=False)
            return question

    def _keep(self, question: _Question, page: MadePage, reader: str) -> None:
        """And let go what is too old for anybody, or too much."""
        with self._lock:
            kept_bytes = len(page.packed)
            for other in reversed(self._questions.values()):
                if other.page is not None and other is not question:
                    kept_bytes += len(other.page.packed)
                    if kept_bytes > MAX_KEPT_BYTES or not self._is_young(other.page):
                        other.page = None
            question.page = page if len(page.packed) <= MAX_KEPT_BYTES else None
            question.had_by = {reader}


def share_pages(app: Flask, shared: SharedPages) -> None:
    """Have the whole pages of ``app`` shared; to be called when its routes are there."""
    for endpoint in SHARED:
        app.view_functions[endpoint] = _sharing(shared, app.view_functions[endpoint])


def _sharing(shared: SharedPages, view: Callable[..., Any]) -> Callable[..., Response]:
    @functools.wraps(view)
    def asked(**values: str) -> Response:
        reader = _reader()
        if not reader or request.method != "GET" or swap_target() == POLL:
            return make_response(view(**values))
        return shared.of(_question_of_request(), reader, lambda: make_response(view(**values)))

    return asked


def _question_of_request() -> str:
    """Everything that a page may depend on: its address, who serves it under which name, what the browser has chosen."""
    environ = request.environ
    said = [str(environ.get(name, "")) for name in _ASKED]
    return digest(*said, *sorted(f"{name}={text}" for name, text in environ.items() if name.startswith("HTTP_HX_")))


def _reader() -> str:
    """The connection that asks; empty when nobody knows: who cannot be told apart gets everything anew."""
    environ = request.environ
    port = environ.get("REMOTE_PORT", "")
    return f"{environ.get('REMOTE_ADDR', '')} {port}" if port else ""
