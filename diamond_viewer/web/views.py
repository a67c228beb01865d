"""Routes of the pages. One URL answers a whole page, the fragment that htmx asked for, or 204 when nothing changed."""

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, render_template, request

from diamond_viewer.query.keys import known_keys
from diamond_viewer.query.query import DEFAULT_LIMIT, Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redactions import COUNTS
from diamond_viewer.telemetry.units import NS_PER_SECOND, zone_label
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.connect_page import connect_page
from diamond_viewer.web.filter_form import SUGGESTED, suggestions
from diamond_viewer.web.freshness import SEEN_HEADER, Answer, Seen, SharedAnswers, digest, moves_with_time
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.health_page import health_page, secrets_of
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.opened_trace import TraceDesk
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.search_box import search_hints
from diamond_viewer.web.search_help import RULES, search_href
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import Paused, Status, status_of
from diamond_viewer.web.swaps import (
    BESIDE_THE_LIST,
    POLL,
    WHOLE_PAGE_BODY,
    nothing_new,
    redirection,
    shared_html,
    swap_target,
)
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.times import in_utc
from diamond_viewer.web.trace_list import held_of, new_count
from diamond_viewer.web.traces_page import live_traces, opened_beside, page_title, traces_page

Clock = Callable[[], int]
FURTHER_S = 0.4  # of the second between two polls


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
        if not target and (tidy := without_idle_arguments(TRACES_PATH, clock())) is not None:
            return redirection(tidy)
        page = traces_page(store, desk, request.args.items(multi=True), clock())
        response = page_of("_swapped_page.html" if target == WHOLE_PAGE_BODY else "traces.html", page=page)
        if target and request.headers.get("HX-Source", "").endswith("#filters"):
            response.headers["HX-Replace-Url"] = page.href  # the form sends its empty fields as well
        return response

    @blueprint.get("/link")
    def link() -> Response:
        """The address of the same page with a window that stands still, to be copied."""
        now_ns = clock()
        address, _ = Address.from_args(request.args.items(multi=True), now_ns)
        return Response(address.absolute(now_ns), mimetype="text/plain")

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
        if swap_target() == POLL:
            return poll_header(store, clock(), has_banner=False)
        status = status_of(store.health().feed, clock())
        return page_of("search_help.html", status=status, keys=known_keys(), rules=RULES, search_href=search_href)

    @blueprint.get("/connect")
    def connect() -> Response:
        if swap_target() == POLL:
            return poll_header(store, clock(), has_banner=False)
        feed = store.health().feed
        return page_of("connect.html", status=status_of(feed, clock()), page=connect_page(feed))

    @blueprint.get("/health")
    def health() -> Response:
        if swap_target() == POLL and paused_since_ns() is not None:
            return poll_header(store, clock())
        page = health_page(store.health(), clock(), secrets_of(COUNTS.now(), rules().is_on))
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
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    paused = paused_since(store, address.query, now_ns)
    health = store.health()
    status = status_of(health.feed, now_ns, paused)
    held = request.args.get("held", "")
    question = digest(address, held, zone_label())
    second = now_ns // NS_PER_SECOND if moves_with_time(address.query) else ""
    asked = digest(now.mark, question, status, second)
    if asked == seen.asked:
        if not second:
            request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def make() -> tuple[str, bool]:
        if not paused and address.query.value("q"):
            _look_further(store, address.query, now_ns)
        return _what_moved(store, desk, address, status, None if paused else health, now_ns)

    is_everyones = not paused and not address.trace_id
    answer = shared.of(question, asked, seen, make) if is_everyones else Answer.made(asked, make)
    # a search that has not looked at everything goes on with the next poll
    now_seen = Seen(answer.asked if answer.is_complete else "", answer.shown)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(now_seen)
    return response


def _look_further(store: TraceStore, query: Query, now_ns: int) -> None:
    """The first page comes at once with what was found; a poll that finds the search unfinished may take longer over it."""
    deadline_s = time.monotonic() + FURTHER_S
    while not store.search(replace(query, page=1, limit=1), now_ns).is_complete and time.monotonic() < deadline_s:
        pass


def _what_moved(
    store: TraceStore, desk: TraceDesk, address: Address, status: Status, health: Health | None, now_ns: int
) -> tuple[str, bool]:
    """The fragment of a poll, and whether it is complete; without ``health`` the reader has paused."""
    held = request.args.get("held", "")
    live = live_traces(store, address, health, now_ns, is_refresh=True) if health else None
    opened, missing = None, ""
    if live and address.trace_id:
        summary = store.summary(address.trace_id)  # its row may be on another page of the list
        if (held_of(summary) if summary else "") != held:
            opened, missing = opened_beside(store, desk, address, request.args.items(multi=True), now_ns)
        elif not held:
            missing = missing_trace(store, address.trace_id, now_ns)
    # one that left memory while it was open stays as it is
    text = render_template(
        "_live_traces.html", status=status, live=live, opened=opened, missing="" if held else missing, address=address
    )
    return text, live is None or live.list.is_complete


def _open_beside(store: TraceStore, desk: TraceDesk, now_ns: int) -> Response:
    address, _ = Address.from_args(request.args.items(multi=True), now_ns)
    opened, missing = opened_beside(store, desk, address, request.args.items(multi=True), now_ns)
    title = page_title(address, opened)
    return page_of("_swapped_opened.html", opened=opened, missing=missing, address=address, title=title)


def paused_since(store: TraceStore, query: Query, now_ns: int) -> Paused | None:
    """Since when the reader has frozen the list, and what has come in above it."""
    since_ns = paused_since_ns()
    return None if since_ns is None else Paused(since_ns, new_count(query, store, now_ns))


def without_idle_arguments(path: str, now_ns: int) -> str | None:
    """Where a form of a page without JavaScript leads: the same URL without its empty fields and defaults, its times in UTC;
    None when it is that already."""
    pairs = list(request.args.items(multi=True))
    filled = [
        (name, in_utc(value, now_ns) if name in ("since", "until") else value) for name, value in pairs if value.strip()
    ]
    if filled == pairs:
        return None
    filled = [pair for pair in filled if pair != ("limit", str(DEFAULT_LIMIT))]
    return f"{path}?{urlencode(filled)}" if filled else path
