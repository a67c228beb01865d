"""What a poll brings where nothing but the header moves."""

from dataclasses import replace
from http.client import NO_CONTENT

from flask import Response, request

from diamond_viewer.store import StoreError, TraceStore
from diamond_viewer.telemetry.units import zone_label
from diamond_viewer.web.freshness import SEEN_HEADER, Seen, digest
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import Paused, Status, status_of
from diamond_viewer.web.swaps import nothing_new
from diamond_viewer.web.swaps import page as page_of


def poll_header(store: TraceStore, now_ns: int, *, has_banner: bool = True) -> Response:
    """Header and banner, where the page has one, or nothing while they are as they were."""
    try:
        now = Moment.of(store)
        since_ns = paused_since_ns()
        status = status_of(store.health().feed, now_ns, None if since_ns is None else Paused(since_ns))
    except StoreError as error:
        return header_answer(failed_status(store, error, now_ns), has_banner=has_banner)
    response = header_answer(status, has_banner=has_banner)
    if response.status_code == NO_CONTENT:
        request.environ.get(STANDSTILL, lambda now: None)(now)
    return response


def failed_status(store: TraceStore, error: StoreError, now_ns: int) -> Status:
    """Of a store that cannot answer now, and says why."""
    return status_of(replace(store.feed(), notice=str(error)), now_ns)


def header_answer(status: Status, *, has_banner: bool = True) -> Response:
    """This header and banner, or nothing when they are shown. What else a page had seen is to be told anew afterwards."""
    seen = Seen(shown=digest(status, zone_label()))
    if request.args.get("seen") == str(seen):
        return nothing_new()
    response = page_of("_live_video.html" if has_banner else "_live_status.html", page=None, status=status)
    response.headers[SEEN_HEADER] = str(seen)
    return response
