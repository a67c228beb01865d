"""Routes of journeys: the list, the page of a user and of a lesson, the same as Markdown and JSON."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.store import TraceStore
from diamond_viewer.web.api import json_answer
from diamond_viewer.web.freshness import SharedAnswers
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.journey_address import JOURNEYS_PATH, lesson_href, read_journey_address, user_href
from diamond_viewer.web.journey_export import (
    lesson_document,
    lesson_markdown,
    troubles_document,
    user_document,
    user_markdown,
)
from diamond_viewer.web.journey_poll import Pace, poll_journey
from diamond_viewer.web.journeys_page import OWN, journeys_page
from diamond_viewer.web.lesson_page import lesson_page
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.swaps import POLL, redirection, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.user_page import user_page
from diamond_viewer.web.views import without_idle_arguments


def journey_pages(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """``clock`` gives ns since 1970."""
    blueprint = Blueprint("journeys", __name__)

    shared, pace = SharedAnswers(), Pace()

    def poll(
        path: str, body: str, make_page: Callable[[], object], own: tuple[str, ...] = (), **whose: str
    ) -> Response:
        if paused_since_ns() is not None:
            return poll_header(store, clock())
        address, _, _ = read_journey_address(_args(), clock(), path, own)
        theirs = address.query
        for field, value in whose.items():
            theirs = theirs.with_values(field, value)
        return poll_journey(store, shared, pace, address, theirs, body, make_page, clock())

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return json_answer({"error": str(error)}, status=400)

    @blueprint.get(JOURNEYS_PATH)
    def journeys() -> Response:
        if swap_target() == POLL:
            return poll(JOURNEYS_PATH, "_journeys.html", lambda: journeys_page(store, _args(), clock()), OWN)
        if (tidy := without_idle_arguments(JOURNEYS_PATH, clock())) is not None:
            return redirection(tidy)
        page = journeys_page(store, request.args.items(multi=True), clock())
        return page_of("journeys.html", page=page, status=page.status)

    @blueprint.get("/users/<path:user>")
    def user(user: str) -> Response:
        if swap_target() == POLL:
            return poll(user_href(user), "_user.html", lambda: user_page(store, user, _args(), clock()), user=user)
        if (tidy := without_idle_arguments(user_href(user), clock())) is not None:
            return redirection(tidy)
        page = user_page(store, user, _args(), clock())
        if request.args.get("as") == "markdown":
            return _markdown(user_markdown(page), page.is_known)
        return page_of("user.html", page=page, status=page.status)

    @blueprint.get("/lessons/<path:lesson>")
    def lesson(lesson: str) -> Response:
        if swap_target() == POLL:
            return poll(
                lesson_href(lesson),
                "_lesson.html",
                lambda: lesson_page(store, lesson, _args(), clock()),
                lesson=lesson,
            )
        if (tidy := without_idle_arguments(lesson_href(lesson), clock())) is not None:
            return redirection(tidy)
        page = lesson_page(store, lesson, _args(), clock())
        if request.args.get("as") == "markdown":
            return _markdown(lesson_markdown(page), page.is_known)
        return page_of("lesson.html", page=page, status=page.status)

    @blueprint.get("/api/journeys")
    def api_journeys() -> Response:
        address, window, _ = read_journey_address(
            request.args.items(multi=True), clock(), JOURNEYS_PATH, OWN, strict=True
        )
        asked = (address.own("find"), window.since_ns, window.until_ns, address.query.limit)
        found = {f"{field}s": troubles_document(store.troubles(field, *asked)) for field in ("user", "lesson")}
        return json_answer({"version": store.version(), **found})

    @blueprint.get("/api/users/<path:user>")
    def api_user(user: str) -> Response:
        _, window, _ = read_journey_address(_args(), clock(), user_href(user), strict=True)
        way = store.way("user", user, window.since_ns, window.until_ns)
        if not way.steps:
            return json_answer({"error": f"No trace in this window names the user {user[:60]!r}."}, status=404)
        return json_answer({"version": store.version(), **user_document(user, way)})

    @blueprint.get("/api/lessons/<path:lesson>")
    def api_lesson(lesson: str) -> Response:
        _, window, _ = read_journey_address(_args(), clock(), lesson_href(lesson), strict=True)
        way = store.way("lesson", lesson, window.since_ns, window.until_ns)
        if not way.steps:
            return json_answer({"error": f"No trace in this window names the lesson {lesson[:60]!r}."}, status=404)
        every = store.watching(window.since_ns, window.until_ns)
        return json_answer({"version": store.version(), **lesson_document(lesson, way, every)})

    return blueprint


def _args() -> list[tuple[str, str]]:
    return [pair for pair in request.args.items(multi=True) if pair[0] != "as"]


def _markdown(text: str, is_known: bool) -> Response:
    return Response(text, status=200 if is_known else 404, mimetype="text/markdown")
