"""Routes of the errors and operations pages. As everywhere one URL answers a page, a fragment, or 204 when nothing changed."""

from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response, render_template, request

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.web.address import Address
from diamond_viewer.web.differences import DifferenceDesk
from diamond_viewer.web.errors_page import ERRORS_PATH, ErrorList, ErrorsPage, error_list, errors_page
from diamond_viewer.web.errors_page import OWN as ERRORS_OWN
from diamond_viewer.web.freshness import SEEN_HEADER, Answer, Seen, SharedAnswers, digest, moves_with_time
from diamond_viewer.web.operations_page import (
    OPERATIONS_PATH,
    OperationList,
    OperationsPage,
    operation_list,
    operations_page,
)
from diamond_viewer.web.operations_page import OWN as OPERATIONS_OWN
from diamond_viewer.web.status import status_of
from diamond_viewer.web.swaps import POLL, html, nothing_new, redirection, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.views import paused_since, without_empty_arguments


class _Polled(Protocol):
    """What of a page a poll refreshes."""

    def __call__(
        self, store: TraceStore, address: Address, health: Health, now_ns: int, /
    ) -> ErrorList | OperationList: ...


def tally_pages(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """The blueprint of both pages; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("tallies", __name__)
    desk = DifferenceDesk(store)
    shared = SharedAnswers()

    @blueprint.get(ERRORS_PATH)
    def errors() -> Response:
        if swap_target() == POLL:
            address, _ = Address.from_args(request.args.items(multi=True), clock(), ERRORS_PATH, ERRORS_OWN)
            return _poll(store, shared, address, error_list, "errors", clock())
        return _page(ERRORS_PATH, "errors", lambda: errors_page(store, desk, request.args.items(multi=True), clock()))

    @blueprint.get(OPERATIONS_PATH)
    def operations() -> Response:
        if swap_target() == POLL:
            address, _ = Address.from_args(request.args.items(multi=True), clock(), OPERATIONS_PATH, OPERATIONS_OWN)
            return _poll(store, shared, address, operation_list, "operations", clock())
        return _page(
            OPERATIONS_PATH, "operations", lambda: operations_page(store, request.args.items(multi=True), clock())
        )

    return blueprint


def _page(path: str, name: str, make: Callable[[], ErrorsPage | OperationsPage]) -> Response:
    target = swap_target()
    if not target and (tidy := without_empty_arguments(path)) is not None:
        return redirection(tidy)
    page = make()
    response = page_of("_swapped_tallies.html" if target else f"{name}.html", page=page, name=name)
    if target and request.headers.get("HX-Source", "").endswith("#filters"):
        response.headers["HX-Replace-Url"] = page.href  # the form sends its empty fields as well
    return response


def _poll(
    store: TraceStore, shared: SharedAnswers, address: Address, polled: _Polled, name: str, now_ns: int
) -> Response:
    """The status always, the figures unless the reader paused. What is opened stays as it was opened."""
    seen = Seen.parse(request.args.get("seen", ""))
    version = store.version()  # before anything is read: what comes meanwhile is asked for again
    paused = paused_since(store, address.query, now_ns)
    health = store.health()
    status = status_of(health.feed, now_ns, paused)
    asked = digest(version, address, status)
    stands_still = not moves_with_time(address.query)
    if asked == seen.asked and stands_still:
        return nothing_new()
    answer = shared.get(asked) if stands_still else None
    if answer is None:
        live = None if paused else polled(store, address, health, now_ns)
        text = render_template("_live_tallies.html", status=status, live=live, name=name)
        answer = Answer(text, is_complete=live is None or live.is_complete)
        if stands_still and answer.is_complete:
            shared.keep(asked, answer)
    now_seen = Seen(asked if answer.is_complete else "", digest(answer.text))
    response = nothing_new() if now_seen.shown == seen.shown else html(answer.text)
    response.headers[SEEN_HEADER] = str(now_seen)
    return response
