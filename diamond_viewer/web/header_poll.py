"""What a poll brings where nothing but the header moves."""

from http.client import NO_CONTENT

from flask import Response, request

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import zone_label
from diamond_viewer.web.freshness import SEEN_HEADER, Seen, digest
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.swaps import nothing_new
from diamond_viewer.web.swaps import page as page_of


def poll_header(store: TraceStore, now_ns: int) -> Response:
    """Header and banner, or nothing while they are as they were."""
    now = Moment.of(store)
    response = header_answer(status_of(store.health().feed, now_ns))
    if response.status_code == NO_CONTENT:
        request.environ.get(STANDSTILL, lambda now: None)(now)
    return response


def header_answer(status: Status) -> Response:
    """This header and banner, or nothing when they are shown. What else a page had seen is to be told anew afterwards."""
    seen = Seen(shown=digest(status, zone_label()))
    if request.args.get("seen") == str(seen):
        return nothing_new()
    response = page_of("_live_video.html", page=None, status=status)
    response.headers[SEEN_HEADER] = str(seen)
    return response
