"""What a poll of a journey brings: its figures, lanes and tale anew when something of it has come in; else the header alone."""

from collections.abc import Callable

from flask import Response, render_template, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import NS_PER_SECOND, zone_label
from diamond_viewer.web.address import Address
from diamond_viewer.web.freshness import SEEN_HEADER, Seen, SharedAnswers, digest, moves_with_time
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import status_of
from diamond_viewer.web.swaps import nothing_new, shared_html


def held_of_journey(store: TraceStore, theirs: Query, now_ns: int) -> str:
    """Names what is held of a journey; ``theirs`` finds its traces. Counting them is cheap, telling them is not."""
    try:
        return digest(store.stats(theirs, now_ns))
    except FilterError:
        return ""  # an id so long that nothing has it


def poll_journey(
    store: TraceStore,
    shared: SharedAnswers,
    address: Address,
    theirs: Query,
    body: str,
    make_page: Callable[[], object],
    now_ns: int,
) -> Response:
    """``body`` is the template that shows what ``make_page`` gives."""
    seen = Seen.parse(request.args.get("seen", ""))
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    status = status_of(store.health().feed, now_ns)
    held = request.args.get("held", "")[:40]
    question = digest(address.href, held, zone_label())
    second = now_ns // NS_PER_SECOND if moves_with_time(address.query) else ""
    asked = digest(now.version, question, status, second)
    if asked == seen.asked:
        if not second:
            request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def make() -> tuple[str, bool]:
        has_moved = held != held_of_journey(store, theirs, now_ns)
        page = make_page() if has_moved else None
        return render_template("_live_journey.html", status=status, page=page, body=body), True

    answer = shared.of(question, asked, seen, make)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(Seen(answer.asked, answer.shown))
    return response
