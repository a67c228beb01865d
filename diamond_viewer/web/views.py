"""Routes of the pages. One URL answers a whole page, the fragment that htmx asked for, or 204 when nothing changed."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request

from diamond_viewer.query.keys import KEYS
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.web.address import TRACES_PATH, Address, trace_id_of
from diamond_viewer.web.filter_form import SUGGESTED, suggestions
from diamond_viewer.web.freshness import SEEN_HEADER, Seen, digest, moves_with_time
from diamond_viewer.web.health_page import health_page
from diamond_viewer.web.opened_trace import (
    OpenedTrace,
    missing_trace,
    opened_trace,
    span_body_of,
)
from diamond_viewer.web.search_box import search_hints
from diamond_viewer.web.search_help import RULES, search_href
from diamond_viewer.web.status import Paused, status_of
from diamond_viewer.web.trace_list import new_count
from diamond_viewer.web.traces_page import live_traces, opened_beside, traces_page

Clock = Callable[[], int]

POLL, WHOLE_PAGE_BODY, BESIDE_THE_LIST = "status", "page", "opened"  # ids of the elements that htmx swaps into


def pages(store: TraceStore, clock: Clock) -> Blueprint:
    """The blueprint of every page; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def home() -> Response:
        return _redirect(TRACES_PATH)

    @blueprint.get(TRACES_PATH)
    def traces() -> Response:
        target = _swap_target()
        if target == POLL:
            return _poll_traces(store, clock())
        if target == BESIDE_THE_LIST:
            return _open_beside(store, clock())
        if not target and (tidy := _without_empty_arguments()) is not None:
            return _redirect(tidy)
        page = traces_page(store, request.args.items(multi=True), clock())
        response = _page("_page.html" if target == WHOLE_PAGE_BODY else "traces.html", page=page)
        if target and request.headers.get("HX-Source", "").endswith("#filters"):
            response.headers["HX-Replace-Url"] = page.href  # the form sends its empty fields as well
        return response

    @blueprint.get("/suggestions/<parameter>")
    def suggest(parameter: str) -> Response:
        if parameter not in SUGGESTED:
            abort(404, "There are no suggestions for this field.")
        return _page("_suggestions.html", options=suggestions(store, parameter, request.args.get(parameter, "")[:200]))

    @blueprint.get("/search-hints")
    def search_hint() -> Response:
        text, cursor = request.args.get("q", ""), request.args.get("cursor", "")
        is_number = cursor.isascii() and cursor.isdigit() and len(cursor) < 9
        search = search_hints(store, text, int(cursor) if is_number else len(text))
        return _page("_search_hints.html", search=search)

    @blueprint.get("/search-help")
    def search_help() -> Response:
        status = status_of(store.health().feed, clock())
        return _page("search_help.html", status=status, keys=KEYS, rules=RULES, search_href=search_href)

    @blueprint.get("/traces/<trace_id>")
    def trace(trace_id: str) -> Response:
        now_ns = clock()
        status = status_of(store.health().feed, now_ns, _paused(store, Query(), now_ns))
        if _swap_target() == POLL and request.args.get("seen", "") == f"{store.version()}." + digest(status):
            return _nothing_new()
        seen = f"{store.version()}." + digest(
            status
        )  # before the trace is read: what comes meanwhile is asked for again
        opened = _opened_or_404(store, trace_id)
        template = "_live_trace.html" if _swap_target() == POLL else "trace.html"
        response = _page(template, status=status, opened=opened, has_grown=request.args.get("held", "") != opened.held)
        response.headers[SEEN_HEADER] = seen
        return response

    @blueprint.get("/traces/<trace_id>/spans/<span_id>")
    def span(trace_id: str, span_id: str) -> Response:
        held = store.trace(trace_id_of(trace_id))
        body = span_body_of(held, span_id.lower()) if held else None
        if body is None:
            abort(404, "No such span is held.")
        return _page("_span_body.html", body=body)

    @blueprint.get("/health")
    def health() -> Response:
        page = health_page(store.health(), clock())
        polls = _swap_target() == POLL
        response = _page("_live_health.html" if polls else "health.html", page=page, status=page.status)
        seen = Seen(digest(page))
        if polls and request.args.get("seen") == str(seen):
            return _nothing_new()
        response.headers[SEEN_HEADER] = str(seen)
        return response

    return blueprint


def _poll_traces(store: TraceStore, now_ns: int) -> Response:
    """The status always, figures and list unless the reader paused, the opened trace when it has grown."""
    seen = Seen.parse(request.args.get("seen", ""))
    version = store.version()  # before anything is read: what comes meanwhile is asked for again
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    paused = _paused(store, address.query, now_ns)
    health = store.health()
    status = status_of(health.feed, now_ns, paused)
    held = request.args.get("held", "")
    asked = digest(version, address, held, status)
    if asked == seen.asked and not moves_with_time(address.query):
        return _nothing_new()
    live = None if paused else live_traces(store, address, health, now_ns)
    opened = None
    if live and held:
        row = next((row for row in live.list.rows if row.is_open), None)
        opened = opened_beside(store, address)[0] if row and row.held != held else None
    response = _page("_live_traces.html", status=status, live=live, opened=opened)
    # a search that has not looked at everything goes on with the next poll
    goes_on = live is not None and not live.list.is_complete
    now_seen = Seen("" if goes_on else asked, digest(response.get_data(as_text=True)))
    if now_seen.shown == seen.shown:
        response = _nothing_new()
    response.headers[SEEN_HEADER] = str(now_seen)
    return response


def _open_beside(store: TraceStore, now_ns: int) -> Response:
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    opened, missing = opened_beside(store, address)
    return _page("_opened.html", opened=opened, missing=missing, address=address)


def _opened_or_404(store: TraceStore, text: str) -> OpenedTrace:
    trace_id = trace_id_of(text)
    if not trace_id:
        abort(404, f"{text[:60]!r} is not a trace id: that is 32 digits of 0-9 and a-f.")
    trace = store.trace(trace_id)
    if trace is None:
        abort(404, missing_trace(trace_id, store.health().feed.ready))
    return opened_trace(trace, None, first_row=_first_row(), open_span_id=request.args.get("span", "")[:16].lower())


def _first_row() -> int:
    """``rows=<number>``: from which row of the waterfall on, counted from 1."""
    text = request.args.get("rows", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _paused(store: TraceStore, query: Query, now_ns: int) -> Paused | None:
    """``paused=<seconds since 1970>``: since when the reader has frozen the list."""
    text = request.args.get("paused", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return Paused(int(text) * NS_PER_SECOND, new_count(query, store, now_ns))


def _swap_target() -> str:
    """The id of the element that htmx will swap the answer into; empty when a whole page is wanted.

    A history restore and a reload want the whole page even though htmx asks.
    """
    headers = request.headers
    if headers.get("HX-Request") != "true" or headers.get("HX-Request-Type") == "full":
        return ""
    if "HX-History-Restore-Request" in headers:
        return ""
    target = headers.get("HX-Target", "").partition("#")[2]
    return target if target in (POLL, WHOLE_PAGE_BODY, BESIDE_THE_LIST) else ""


def _without_empty_arguments() -> str | None:
    """Where a form without JavaScript leads: the same URL without its empty fields; None when there are none."""
    pairs = list(request.args.items(multi=True))
    filled = [(name, value) for name, value in pairs if value.strip()]
    if len(filled) == len(pairs):
        return None
    return f"{TRACES_PATH}?{urlencode(filled)}" if filled else TRACES_PATH


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    response.vary.update(("HX-Request", "HX-Request-Type", "HX-Target"))
    return response


def _nothing_new() -> Response:
    return Response(status=204)


def _redirect(href: str) -> Response:
    response = redirect(href)
    assert isinstance(response, Response)
    return response
