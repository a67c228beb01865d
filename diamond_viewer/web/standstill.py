"""Requests that were answered with "nothing new", and are again as long as nothing moves.

Fifty open pages ask the same every second, and mostly nothing has happened. Such a request, byte for byte the one that the
application answered before, needs no parser, no thread and no application: the loop that reads it sends the same answer.
"""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from diamond_viewer.store import StoreError, TraceStore
from diamond_viewer.telemetry.model import FeedState

MAX_KEPT = 512  # requests of some hundred bytes
MAX_AGE_S = 30.0  # the pill counts whole minutes without data, and answers carry a date

VIEWER = secrets.token_hex(4)  # this process: another counts its versions anew, or differently

STANDSTILL = "diamond_viewer.standstill"  # in a WSGI environment: to be called with the Moment that a 204 belongs to


@dataclass(frozen=True, slots=True)
class Moment:
    """What the store was like: two are the same while nothing has come in and the feed has nothing new to say."""

    version: int
    feed: FeedState

    @classmethod
    def of(cls, store: TraceStore) -> "Moment":
        return cls(store.version(), store.feed())

    @property
    def mark(self) -> str:
        """For what a reader has seen: none like it is made by a viewer that was restarted, nor by another behind a proxy."""
        return f"{VIEWER}.{self.version}"

    def is_now(self, store: TraceStore) -> bool:
        return self.version == store.version() and self.feed is store.feed()


class Standstill:
    """Used by the server's loop (``answer``) and its threads (``keep``)."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, tuple[Moment, float, bytes]] = OrderedDict()

    def answer(self, request: bytes) -> bytes | None:
        """The whole answer to a whole request, or None: ask the application."""
        kept = self._answers.get(request)
        if kept is None:
            return None
        moment, since_s, answer = kept
        try:
            if moment.is_now(self._store) and time.monotonic() - since_s < MAX_AGE_S:
                return answer
        except StoreError:
            pass  # the application says why
        with self._lock:
            self._answers.pop(request, None)
        return None

    def keep(self, request: bytes, moment: Moment, answer: bytes) -> None:
        with self._lock:
            self._answers[request] = moment, time.monotonic(), answer
            while len(self._answers) > MAX_KEPT:
                self._answers.popitem(last=False)
