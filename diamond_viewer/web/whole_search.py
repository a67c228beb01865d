"""A search for programs that cannot go on with one that stopped: it takes its time, within a bound."""

import time

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Page

BUDGET_S = 8.0  # Grafana waits for 30


def searched(store: TraceStore, query: Query, now_ns: int, budget_s: float = BUDGET_S) -> Page:
    """The page when everything has been looked through; after ``budget_s`` what was found so far (``is_complete`` tells)."""
    deadline_s = time.monotonic() + budget_s
    while not (page := store.search(query, now_ns)).is_complete and time.monotonic() < deadline_s:
        pass
    return page
