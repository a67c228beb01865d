"""DifferencesPage: what tells the traces that are filtered from good ones of the same operations; and the same as JSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.api import json_answer
from diamond_viewer.web.differences import DifferenceDesk, DifferencePanel, Sample
from diamond_viewer.web.filter_form import DIFFERENCES_PATH, FilterForm, caption, filter_form
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.swaps import POLL, redirection, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.times import as_of
from diamond_viewer.web.views import without_idle_arguments

NOTHING_ASKED = "Filter by something first: what matches is then compared with what does not."


@dataclass(frozen=True, slots=True)
class DifferencesPage:
    """``list`` is None while nothing is filtered, and then ``hint`` says what to do."""

    address: Address
    status: Status
    form: FilterForm
    list: DifferencePanel | None
    caption: str
    hint: str
    traces_href: str
    notices: tuple[str, ...]
    title: str = "What differs"

    @property
    def href(self) -> str:
        return self.address.href


def differences_page(
    store: TraceStore, desk: DifferenceDesk, args: Iterable[tuple[str, str]], now_ns: int
) -> DifferencesPage:
    pairs = list(args)
    address, notices = Address.from_args(pairs, now_ns, DIFFERENCES_PATH)
    typed = next((value.strip() for name, value in reversed(pairs) if name == "q" and value.strip()), "")
    form = filter_form(address, store, now_ns, typed)
    if form.search.mistake:  # said below the box, where it is
        notices = tuple(notice for notice in notices if not notice.endswith(form.search.mistake.sentence))
    health = store.health()
    is_asked = bool(address.query.set_filters)
    return DifferencesPage(
        address,
        status_of(health.feed, now_ns),
        form,
        desk.of_selection(address, now_ns) if is_asked else None,
        f"{caption(address.query)}, {as_of(now_ns)}",
        "" if is_asked else NOTHING_ASKED,
        replace(address, path=TRACES_PATH).href,
        notices + beyond_memory(health, address.query, now_ns),
    )


def difference_pages(store: TraceStore, clock: Callable[[], int], desk: DifferenceDesk) -> Blueprint:
    """The blueprint of the page and of its JSON; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("differences", __name__)

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return json_answer({"error": str(error)}, status=400)

    @blueprint.get(DIFFERENCES_PATH)
    def differences() -> Response:
        target = swap_target()
        if target == POLL:
            return poll_header(store, clock())
        if not target and (tidy := without_idle_arguments(DIFFERENCES_PATH, clock())) is not None:
            return redirection(tidy)
        page = differences_page(store, desk, request.args.items(multi=True), clock())
        template = "_swapped_tallies.html" if target else "differences.html"
        response = page_of(template, page=page, name="differences")
        if target and request.headers.get("HX-Source", "").endswith("#filters"):
            response.headers["HX-Replace-Url"] = page.href  # the form sends its empty fields as well
        return response

    @blueprint.get(f"/link{DIFFERENCES_PATH}")
    def link() -> Response:
        now_ns = clock()
        address, _ = Address.from_args(request.args.items(multi=True), now_ns, DIFFERENCES_PATH)
        return Response(address.absolute(now_ns), mimetype="text/plain")

    @blueprint.get("/api/differences")
    def answer() -> Response:
        now_ns = clock()
        query, _ = Query.from_args(request.args.items(multi=True), now_ns, strict=True)
        if not query.set_filters:
            raise FilterError(NOTHING_ASKED)
        version = store.version()
        return json_answer({"version": version, **_document(desk.selection(query, now_ns))})

    return blueprint


def _document(sample: Sample) -> dict[str, Any]:
    return {
        "total": sample.selected_total,
        "compared": sample.selected,
        "good_total": sample.good_total,
        "good_compared": sample.good,
        "is_complete": sample.is_complete,
        "properties": [
            {
                "name": one.name,
                "score": round(one.score, 3),
                "values": [
                    {"value": share.value, "count": share.selected_count, "good_count": share.good_count}
                    for share in one.shares
                ],
            }
            for one in sample.differences
        ],
    }
