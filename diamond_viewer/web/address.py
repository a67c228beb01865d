"""Address: the URL of the traces page as a value, and every link that leads somewhere else from it."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlencode

from diamond_viewer.query.query import Anchor, Query

TRACES_PATH = "/trace-viewer.html"
MAX_OWN = 60  # characters of a page's own parameters
# what the page itself adds to the query; the rest is filters, and Query says what is wrong with them
TRACE_PARAMETERS = (  # of the opened trace: ``web.trace_address``
    "view", "span", "moment", "row", "level", "shut", "opened", "plain", "from", "to", "find", "match", "kind", "told",
    "adjusted", "with", "frame",
)  # fmt: skip
OWN_PARAMETERS = ("trace", "seen", "held", "paused", *TRACE_PARAMETERS)

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")


def trace_id_of(text: str) -> str:
    """A trace id in lower case, or an empty string for what is none.

    >>> trace_id_of("0AF7651916CD43DD8448EB211C80319C"), trace_id_of("../etc")
    ('0af7651916cd43dd8448eb211c80319c', '')
    """
    return text.lower() if _TRACE_ID.fullmatch(text) else ""


@dataclass(frozen=True, slots=True)
class Address:
    """The query, and the trace that is open beside the list (empty: none).

    Other pages that are filtered alike have another ``path``, and ``more`` that belongs to them alone.
    """

    query: Query
    trace_id: str = ""
    path: str = TRACES_PATH
    more: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_args(
        cls, args: Iterable[tuple[str, str]], now_ns: int, path: str = TRACES_PATH, own: Collection[str] = ()
    ) -> tuple[Self, tuple[str, ...]]:
        """Lenient: the address, and a sentence for each thing in the URL that was ignored. ``own`` belong to the page."""
        pairs = list(args)
        query, notices = Query.from_args([pair for pair in pairs if pair[0] not in (*OWN_PARAMETERS, *own)], now_ns)
        if path != TRACES_PATH:
            chosen = {name: value.strip()[:MAX_OWN] for name, value in pairs if name in own and value.strip()}
            return cls(query, "", path, tuple(sorted(chosen.items()))), notices
        asked = next((value.strip() for name, value in reversed(pairs) if name == "trace" and value.strip()), "")
        trace_id = trace_id_of(asked)
        if asked and not trace_id:
            notices += (f"trace={asked[:60]!r} is not a trace id: 32 digits of 0-9 and a-f.",)
        return cls(query, trace_id), notices

    @property
    def href(self) -> str:
        """This page, with nothing in the URL that says the default."""
        more = dict(self.more) | ({"trace": self.trace_id} if self.trace_id else {})
        if self.query.anchor is not None and self.query.page > 1:
            more = {"anchor": str(self.query.anchor)} | more  # page 2 of what stood at the top when page 1 was left
        arguments = self.query.to_args(**more)
        return f"{self.path}?{arguments}" if arguments else self.path

    def own(self, name: str) -> str:
        """What the URL says for a parameter of the page itself, or an empty string."""
        return dict(self.more).get(name, "")

    def with_own(self, name: str, value: str) -> str:
        """The same page with another value for a parameter of its own (empty: none)."""
        more = {**dict(self.more), name: value}
        return replace(self, more=tuple(sorted((name, value) for name, value in more.items() if value))).href

    def opening(self, trace_id: str) -> str:
        return replace(self, trace_id=trace_id).href

    def closing(self) -> str:
        return replace(self, trace_id="").href

    def filtered(self, parameter: str, *values: str) -> str:
        """The same page with this filter set to exactly these values (none: unset)."""
        return replace(self, query=self.query.with_values(parameter, *values)).href

    def without(self, parameter: str, value: str) -> str:
        return replace(self, query=self.query.without(parameter, value)).href

    def adding(self, parameter: str, value: str) -> str:
        return self.filtered(parameter, *dict.fromkeys((*self.query.values(parameter), value)))

    def between(self, since: str, until: str) -> str:
        query = self.query.with_values("since", since).with_values("until", until)
        return replace(self, query=query).href

    def on_page(self, page: int, anchor: Anchor | None) -> str:
        """A page of the list, counted from the anchor so that new traces do not shift it."""
        return replace(self, query=replace(self.query, page=page, anchor=anchor if page > 1 else None)).href

    def sorted_by(self, sort: str) -> str:
        return replace(self, query=replace(self.query, sort=sort, page=1, anchor=None)).href

    def newest(self) -> str:
        """Page 1, from the newest trace on."""
        return self.on_page(1, None)


def traces_href(**filters: str) -> str:
    """The traces page with these filters and nothing else.

    >>> traces_href(user="a b", since="15m")
    '/trace-viewer.html?user=a+b&since=15m'
    """
    return f"{TRACES_PATH}?{urlencode(filters)}" if filters else TRACES_PATH


def trace_href(trace_id: str) -> str:
    """The trace's own page."""
    return f"/traces/{quote(trace_id, safe='')}"


def trace_json_href(trace_id: str) -> str:
    return f"/api/traces/{quote(trace_id, safe='')}"
