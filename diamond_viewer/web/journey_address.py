"""Addresses of journeys: the page of a user, of a lesson, and the list of both, each with a window."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from diamond_viewer.query.filters import MAX_TIME_NS, FilterError
from diamond_viewer.web.address import Address, traces_href
from diamond_viewer.web.window import WINDOWS

JOURNEYS_PATH = "/journeys"
PATHS = {"user": "/users", "lesson": "/lessons"}
_DOTS = (".", "..")  # a browser takes these out of a path, however they are written


def user_href(user: str) -> str:
    return journey_href("user", user)


def lesson_href(lesson: str) -> str:
    return journey_href("lesson", lesson)


def journey_href(field: str, value: str) -> str:
    """The page of a user or a lesson; the traces of one whose id cannot stand in a path.

    >>> journey_href("user", "a/b?c"), journey_href("lesson", "..")
    ('/users/a%2Fb%3Fc', '/trace-viewer.html?lesson=..')
    """
    if not value.isprintable() or value in ("", *_DOTS) or value.startswith("/"):
        return traces_href(**{field: value})
    return f"{PATHS[field]}/{quote(value, safe='')}"


@dataclass(frozen=True, slots=True)
class Window:
    """In ns since 1970, both ends belong to it."""

    since_ns: int
    until_ns: int
    is_set: bool


def read_journey_address(
    args: Iterable[tuple[str, str]], now_ns: int, path: str, own: tuple[str, ...] = (), *, strict: bool = False
) -> tuple[Address, Window, tuple[str, ...]]:
    """The address, its window, and a sentence for each thing that was ignored; ``strict`` raises ``FilterError`` with it."""
    pairs = list(args)
    address, notices = Address.from_args(pairs, now_ns, path, own)
    others = [name for name, _ in address.query.set_filters if name not in ("since", "until")]
    notices += tuple(f"A journey cannot be filtered by {name}: it is ignored." for name in others)
    if strict and notices:
        raise FilterError(notices[0])
    for name in others:
        address = Address(address.query.with_values(name), path=path, more=address.more)
    asked = address.query.window(now_ns)
    window = Window(
        0 if asked.since_ns is None else max(0, asked.since_ns),
        MAX_TIME_NS if asked.until_ns is None else asked.until_ns,
        asked.since_ns is not None or asked.until_ns is not None,
    )
    return address, window, notices


def window_links(address: Address) -> tuple[tuple[str, str, bool], ...]:
    """href, label, is it the one that is set."""
    since, until = address.query.value("since"), address.query.value("until")
    return tuple((address.between(value, ""), label, value == since and not until) for value, label in WINDOWS)
