"""The pages in the header: each of their links takes along what is filtered here, as far as the page there understands it.

A value that the page there cannot use is left behind rather than complained about. What belongs to a page alone (how it is
sorted, how much it shows, what is opened) stays there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, request

from diamond_viewer.query.filters import FILTER_BY_PARAMETER
from diamond_viewer.query.query import Query
from diamond_viewer.web.address import MAX_OWN, TRACES_PATH
from diamond_viewer.web.errors_page import ERRORS_PATH
from diamond_viewer.web.filter_form import DIFFERENCES_PATH
from diamond_viewer.web.journey_address import JOURNEYS_PATH, PATHS
from diamond_viewer.web.log_address import LOGS_PATH
from diamond_viewer.web.map_page import MAP_PATH
from diamond_viewer.web.operations_page import OPERATIONS_PATH
from diamond_viewer.web.times import in_utc
from diamond_viewer.web.video_page import VIDEO_PATH

WINDOW = ("since", "until")
EVERY = tuple(FILTER_BY_PARAMETER)
FILTERED_BY = {  # page: which of the filters it reads
    TRACES_PATH: EVERY,
    ERRORS_PATH: EVERY,
    OPERATIONS_PATH: EVERY,
    DIFFERENCES_PATH: EVERY,
    MAP_PATH: EVERY,
    LOGS_PATH: ("lesson", "user", "service", *WINDOW),
    JOURNEYS_PATH: WINDOW,
    VIDEO_PATH: WINDOW,
}
PAGES = (  # path, name, what is read, what is there
    (TRACES_PATH, "traces", "Traces", "Every trace, newest first"),
    (ERRORS_PATH, "errors", "Errors", "Where failures begin, alike ones together"),
    (JOURNEYS_PATH, "journeys", "Journeys", "Users and lessons, those in trouble first"),
    (OPERATIONS_PATH, "operations", "Operations", "How often, how long and how well requests, jobs and statements ran"),
    (LOGS_PATH, "logs", "Logs", "Log records"),
    (VIDEO_PATH, "video", "Video", "What players measured, beside the same from traces"),
    (MAP_PATH, "map", "Map", "Which service calls which"),
    ("/health", "health", "Health", "What is read, and what could not be"),
)
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PageLink:
    name: str
    words: str
    title: str
    href: str


def page_links(path: str, args: Iterable[tuple[str, str]], now_ns: int) -> tuple[PageLink, ...]:
    """From the page at ``path`` with these parameters. To itself a page leads without them: that is the way back to everything.

    >>> [link.href for link in page_links("/errors", [("user", "usr_0007"), ("since", "15m"), ("group", "a1")], 0)][:5]
    ['/trace-viewer.html?user=usr_0007&since=15m', '/errors', '/journeys?find=usr_0007&since=15m',
    '/operations?user=usr_0007&since=15m', '/logs?user=usr_0007&since=15m']
    """
    here = filtered_here(path, args, now_ns)
    window = tuple(pair for pair in here if pair[0] in WINDOW)
    is_journey = path.startswith(tuple(f"{begin}/" for begin in PATHS.values()))  # whose way back is to everybody

    def taken(to: str) -> Pairs:
        return () if to == path else window if is_journey and to == JOURNEYS_PATH else here

    return tuple(_link(page, taken(page[0])) for page in PAGES)


def filtered_here(path: str, args: Iterable[tuple[str, str]], now_ns: int) -> Pairs:
    """What the page at ``path`` is filtered by; that of a user or a lesson by whom it is of.

    >>> filtered_here("/users/a b", [("since", "1h"), ("as", "markdown")], 0), filtered_here("/traces/a", [("user", "b")], 0)
    ((('user', 'a b'), ('since', '1h')), ())
    """
    of = next(((field, path[len(begin) + 1 :]) for field, begin in PATHS.items() if path.startswith(f"{begin}/")), None)
    read = WINDOW if of else FILTERED_BY.get(path, ())
    pairs = [(name, in_utc(value, now_ns) if name in WINDOW else value) for name, value in args if name in read]
    query, _ = Query.from_args([of, *pairs] if of else pairs, now_ns)
    return query.set_filters


def _link(page: tuple[str, str, str, str], here: Pairs) -> PageLink:
    path, name, words, title = page
    taken = _taken_to(path, here)
    if not taken:
        return PageLink(name, words, title, path)
    return PageLink(name, words, f"{title}; filtered as here", f"{path}?{urlencode(taken)}")


def _taken_to(path: str, here: Pairs) -> Pairs:
    read = FILTERED_BY.get(path, ())
    taken = tuple(pair for pair in here if pair[0] in read)
    if path == ERRORS_PATH:  # among traces without an error there is none
        return tuple(pair for pair in taken if pair != ("status", "ok"))
    if path == JOURNEYS_PATH:
        who = next((value for name in ("user", "lesson") for field, value in here if field == name), "")
        return ((("find", who),) if 0 < len(who) <= MAX_OWN else ()) + taken
    return taken


def lead_on(app: Flask, clock: Callable[[], int]) -> None:
    """Give the templates ``page_links()`` of the request; ``clock`` gives ns since 1970."""
    app.jinja_env.globals["page_links"] = lambda: page_links(request.path, request.args.items(multi=True), clock())
