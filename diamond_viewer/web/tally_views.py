"""Routes of the errors and operations pages. As everywhere one URL answers a page, a fragment, or 204 when nothing changed."""

from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response, render_template, request

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.units import NS_PER_SECOND, zone_label
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
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import Paused, status_of
from diamond_viewer.web.swaps import POLL, nothing_new, redirection, shared_html, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.views import without_idle_arguments


class _Polled(Protocol):
    """What of a page a poll refreshes."""

    def __call__(
        self, store: TraceStore, address: Address, health: Health, now_ns: int, /
    ) -> ErrorList | OperationList: ...


def tally_pages(store: TraceStore, clock: Callable[[], int], desk: DifferenceDesk) -> Blueprint:
    """The blueprint of both pages; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("tallies", __name__)
    shared = SharedAnswers()

    @blueprint.get(ERRORS_PATH)
    def errors() -> Response:
        if swap_target() == POLL:
            address, _ = Address.from_args(request.args.items(multi=True), clock(), ERRORS_PATH, ERRORS_OWN)
            return _poll(store, shared, address, error_list, "errors", clock())
        return _page(
            ERRORS_PATH, "errors", clock, lambda: errors_page(store, desk, request.args.items(multi=True), clock())
        )

    @blueprint.get(OPERATIONS_PATH)
    def operations() -> Response:
        if swap_target() == POLL:
            address, _ = Address.from_args(request.args.items(multi=True), clock(), OPERATIONS_PATH, OPERATIONS_OWN)
            return _poll(store, shared, address, operation_list, "operations", clock())
        return _page(
            OPERATIONS_PATH,
            "operations",
            clock,
            lambda: operations_page(store, request.args.items(multi=True), clock()),
        )

    def link(path: str, own: tuple[str, ...]) -> Response:
        """The address of the same page with a window that stands still, as ``/link`` says it of the list."""
        now_ns = clock()
        address, _ = Address.from_args(request.args.items(multi=True), now_ns, path, own)
        return Response(address.absolute(now_ns), mimetype="text/plain")

    @blueprint.get(f"/link{ERRORS_PATH}")
    def link_of_errors() -> Response:
        return link(ERRORS_PATH, ERRORS_OWN)

    @blueprint.get(f"/link{OPERATIONS_PATH}")
    def link_of_operations() -> Response:
        return link(OPERATIONS_PATH, OPERATIONS_OWN)

    return blueprint


def _page(path: str, name: str, clock: Callable[[], int], make: Callable[[], ErrorsPage | OperationsPage]) -> Response:
    target = swap_target()
    if not target and (tidy := without_idle_arguments(path, clock())) is not None:
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
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    since_ns = paused_since_ns()
    paused = None if since_ns is None else Paused(since_ns)  # tallies have no place in time to count what is new from
    health = store.health()
    status = status_of(health.feed, now_ns, paused)
    question = digest(address, zone_label())
    second = now_ns // NS_PER_SECOND if moves_with_time(address.query) else ""
    asked = digest(now.mark, question, status, second)
    if asked == seen.asked:
        if not second:
            request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def make() -> tuple[str, bool]:
        live = None if paused else polled(store, address, health, now_ns)
        text = render_template("_live_tallies.html", status=status, live=live, name=name)
        return text, live is None or live.is_complete

    answer = Answer.made(asked, make) if paused else shared.of(question, asked, seen, make)
    now_seen = Seen(answer.asked if answer.is_complete else "", answer.shown)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(now_seen)
    return response
