"""A search for programs that cannot go on with one that stopped: it takes its time, within a bound."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import ServiceUnavailable

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Page

BUDGET_S = 8.0  # Grafana waits for 30
MAX_SEARCHES = 4  # at a time, of 16 threads
MAX_IN_LINE = 8  # those and who waits for one of them to end: the panels of a dashboard ask all at once
WAIT_S = 12.0  # for a turn: a search, and what it decodes
RETRY_S = 2

# of the whole process: each import has an application of its own, and there are no more cores for that
_turns = threading.BoundedSemaphore(MAX_SEARCHES)
_line = threading.BoundedSemaphore(MAX_IN_LINE)


@contextmanager
def search_turn() -> Iterator[None]:
    """A search is made within one. Raises ``ServiceUnavailable`` when too many are in line, or none ends in time."""
    refusal = ServiceUnavailable("Other searches are being answered. Try again in a moment.", retry_after=RETRY_S)
    if not _line.acquire(blocking=False):
        raise refusal
    try:
        if not _turns.acquire(timeout=WAIT_S):
            raise refusal
        try:
            yield
        finally:
            _turns.release()
    finally:
        _line.release()


def searched(store: TraceStore, query: Query, now_ns: int, budget_s: float = BUDGET_S) -> Page:
    """The page when everything has been looked through; after ``budget_s`` what was found so far (``is_complete`` tells)."""
    deadline_s = time.monotonic() + budget_s
    while not (page := store.search(query, now_ns)).is_complete and time.monotonic() < deadline_s:
        pass
    return page
