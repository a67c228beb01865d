"""Routes of the pages. One URL answers a whole page, the fragment that htmx asked for, or 204 when nothing changed."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, render_template, request

from diamond_viewer.query.keys import KEYS
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.filter_form import SUGGESTED, suggestions
from diamond_viewer.web.freshness import SEEN_HEADER, Answer, Seen, SharedAnswers, digest, moves_with_time
from diamond_viewer.web.health_page import health_page
from diamond_viewer.web.opened_trace import TraceDesk
from diamond_viewer.web.search_box import search_hints
from diamond_viewer.web.search_help import RULES, search_href
from diamond_viewer.web.status import Paused, Status, status_of
from diamond_viewer.web.swaps import BESIDE_THE_LIST, POLL, WHOLE_PAGE_BODY, html, nothing_new, redirection, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.trace_list import new_count
from diamond_viewer.web.traces_page import live_traces, opened_beside, page_title, traces_page

Clock = Callable[[], int]


def pages(store: TraceStore, clock: Clock, desk: TraceDesk) -> Blueprint:
    """The blueprint of every page; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("pages", __name__)
    shared = SharedAnswers()

    @blueprint.get("/")
    def home() -> Response:
        return redirection(TRACES_PATH)

    @blueprint.get(TRACES_PATH)
    def traces() -> Response:
        target = swap_target()
        if target == POLL:
            return _poll_traces(store, desk, shared, clock())
        if target == BESIDE_THE_LIST:
            return _open_beside(store, desk, clock())
        if not target and (tidy := without_empty_arguments(TRACES_PATH)) is not None:
            return redirection(tidy)
        page = traces_page(store, desk, request.args.items(multi=True), clock())
        response = page_of("_swapped_page.html" if target == WHOLE_PAGE_BODY else "traces.html", page=page)
        if target and request.headers.get("HX-Source", "").endswith("#filters"):
            response.headers["HX-Replace-Url"] = page.href  # the form sends its empty fields as well
        return response

    @blueprint.get("/suggestions/<parameter>")
    def suggest(parameter: str) -> Response:
        if parameter not in SUGGESTED:
            abort(404, "There are no suggestions for this field.")
        return page_of(
            "_suggestions.html", options=suggestions(store, parameter, request.args.get(parameter, "")[:200])
        )

    @blueprint.get("/search-hints")
    def search_hint() -> Response:
        text, cursor = request.args.get("q", ""), request.args.get("cursor", "")
        is_number = cursor.isascii() and cursor.isdigit() and len(cursor) < 9
        search = search_hints(store, text, int(cursor) if is_number else len(text))
        return page_of("_search_hints.html", search=search)

    @blueprint.get("/search-help")
    def search_help() -> Response:
        status = status_of(store.health().feed, clock())
        return page_of("search_help.html", status=status, keys=KEYS, rules=RULES, search_href=search_href)

    @blueprint.get("/health")
    def health() -> Response:
        page = health_page(store.health(), clock())
        polls = swap_target() == POLL
        response = page_of("_live_health.html" if polls else "health.html", page=page, status=page.status)
        seen = Seen(digest(page))
        if polls and request.args.get("seen") == str(seen):
            return nothing_new()
        response.headers[SEEN_HEADER] = str(seen)
        return response

    return blueprint


def _poll_traces(store: TraceStore, desk: TraceDesk, shared: SharedAnswers, now_ns: int) -> Response:
    """The status always, figures and list unless the reader paused, the opened trace when it has grown."""
    seen = Seen.parse(request.args.get("seen", ""))
    version = store.version()  # before anything is read: what comes meanwhile is asked for again
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    paused = paused_since(store, address.query, now_ns)
    health = store.health()
    status = status_of(health.feed, now_ns, paused)
    held = request.args.get("held", "")
    asked = digest(version, address, held, status)
    stands_still = not moves_with_time(address.query)
    if asked == seen.asked and stands_still:
        return nothing_new()
    is_everyones = stands_still and not paused and not held
    answer = shared.get(asked) if is_everyones else None
    if answer is None:
        answer = _what_moved(store, desk, address, status, None if paused else health, now_ns)
        if is_everyones and answer.is_complete:
            shared.keep(asked, answer)
    # a search that has not looked at everything goes on with the next poll
    now_seen = Seen(asked if answer.is_complete else "", digest(answer.text))
    response = nothing_new() if now_seen.shown == seen.shown else html(answer.text)
    response.headers[SEEN_HEADER] = str(now_seen)
    return response


def _what_moved(
    store: TraceStore, desk: TraceDesk, address: Address, status: Status, health: Health | None, now_ns: int
) -> Answer:
    """The fragment of a poll; without ``health`` the reader has paused."""
    held = request.args.get("held", "")
    live = live_traces(store, address, health, now_ns) if health else None
    opened = None
    if live and held:
        row = next((row for row in live.list.rows if row.is_open), None)
        opened = (
            opened_beside(store, desk, address, request.args.items(multi=True))[0] if row and row.held != held else None
        )
    text = render_template("_live_traces.html", status=status, live=live, opened=opened)
    return Answer(text, is_complete=live is None or live.list.is_complete)


def _open_beside(store: TraceStore, desk: TraceDesk, now_ns: int) -> Response:
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    opened, missing = opened_beside(store, desk, address, request.args.items(multi=True))
    title = page_title(address, opened)
    return page_of("_swapped_opened.html", opened=opened, missing=missing, address=address, title=title)


def paused_since(store: TraceStore, query: Query, now_ns: int) -> Paused | None:
    """``paused=<seconds since 1970>``: since when the reader has frozen the list."""
    text = request.args.get("paused", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return Paused(int(text) * NS_PER_SECOND, new_count(query, store, now_ns))


def without_empty_arguments(path: str) -> str | None:
    """Where a form without JavaScript leads: the same URL without its empty fields; None when there are none."""
    pairs = list(request.args.items(multi=True))
    filled = [(name, value) for name, value in pairs if value.strip()]
    if len(filled) == len(pairs):
        return None
    return f"{path}?{urlencode(filled)}" if filled else path
