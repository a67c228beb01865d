"""What a poll of a journey brings: its figures, lanes and tale anew when something of it has come in; else the header alone."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from flask import Response, render_template, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import NS_PER_SECOND, zone_label
from diamond_viewer.web.address import Address
from diamond_viewer.web.freshness import MAX_COST, MAX_SHARED, SEEN_HEADER, Seen, SharedAnswers, digest, moves_with_time
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import status_of
from diamond_viewer.web.swaps import nothing_new, shared_html

MAX_WAIT_S = 10.0
T = TypeVar("T")


class Pace:
    """When a page is due again that costs much: somebody with ten thousand traces is told in a third of a second, and may have
    a new one each second. ``clock`` gives seconds that only grow. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_due(self, asked: str) -> bool:
        with self._lock:
            return self._clock() >= self._due_s.get(asked, 0)

    def make(self, asked: str, make_page: Callable[[], T]) -> T:
        """What it cost is what it waits for, so many times."""
        began_s = self._clock()
        page = make_page()
        done_s = self._clock()
        with self._lock:
            self._due_s[asked] = done_s + min(MAX_WAIT_S, MAX_COST * (done_s - began_s))
            self._due_s.move_to_end(asked)
            while len(self._due_s) > MAX_SHARED:
                self._due_s.popitem(last=False)
        return page


def held_of_journey(store: TraceStore, theirs: Query, now_ns: int) -> str:
    """Names what is held of a journey; ``theirs`` finds its traces. Counting them is cheap in memory, and in a cluster ten
    questions; telling them is dear everywhere."""
    try:
        return digest(store.stats(theirs, now_ns))
    except FilterError:
        return ""  # an id so long that nothing has it


def poll_journey(
    store: TraceStore,
    shared: SharedAnswers,
    pace: Pace,
    address: Address,
    theirs: Query,
    body: str,
    make_page: Callable[[], object],
    now_ns: int,
) -> Response:
    """``body`` is the template that shows what ``make_page`` gives."""
    seen = Seen.parse(request.args.get("seen", ""))
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    health = store.health()
    status = status_of(health.feed, now_ns)
    held = request.args.get("held", "")[:40]
    question = digest(address.href, held, zone_label())
    second = now_ns // NS_PER_SECOND if moves_with_time(address.query) else ""
    asked = digest(now.mark, question, status, second)
    if asked == seen.asked:
        if not second:
            request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def count() -> str:
        return held_of_journey(store, theirs, now_ns)

    def make() -> tuple[str, bool]:
        whose, counting = address.href, f"count of {address.href}"
        is_dear = bool(health.differences)  # a store that is elsewhere
        if is_dear and not pace.is_due(counting):
            has_moved, page = True, None  # perhaps
        else:
            has_moved = held != (pace.make(counting, count) if is_dear else count())
            page = pace.make(whose, make_page) if has_moved and pace.is_due(whose) else None
        text = render_template("_live_journey.html", status=status, page=page, body=body)
        return text, page is not None or not has_moved  # what is not due yet is asked for again

    answer = shared.of(question, asked, seen, make)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(Seen(answer.asked if answer.is_complete else "", answer.shown))
    return response
