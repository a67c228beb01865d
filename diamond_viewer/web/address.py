"""Address: the URL of the traces page as a value, and every link that leads somewhere else from it."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urlencode

from diamond_viewer.query.query import Anchor, Query, quoted
from diamond_viewer.telemetry.trace_ids import trace_id_of
from diamond_viewer.telemetry.units import format_rfc3339
from diamond_viewer.web.list_columns import chosen_columns
from diamond_viewer.web.times import in_utc

TRACES_PATH = "/trace-viewer.html"
DURATIONS = "durations"
MAX_OWN = 60  # characters of a page's own parameters
# what the page itself adds to the query; the rest is filters, and Query says what is wrong with them
TRACE_PARAMETERS = (  # of the opened trace: ``web.trace_address``
    "view", "span", "moment", "row", "level", "shut", "opened", "plain", "from", "to", "find", "match", "kind", "told",
    "adjusted", "with", "frame",
)  # fmt: skip
OWN_PARAMETERS = ("trace", "column", "face", "seen", "held", "paused", *TRACE_PARAMETERS)


@dataclass(frozen=True, slots=True)
class Address:
    """The query, and the trace that is open beside the list (empty: none).

    ``columns`` are what the list shows of a trace beside the usual, ``face`` is what the chart shows: traces by start, or
    ``durations``. Other pages that are filtered alike have another ``path``, and ``more`` that belongs to them alone.
    """

    query: Query
    trace_id: str = ""
    columns: tuple[str, ...] = ()
    face: str = ""
    path: str = TRACES_PATH
    more: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_args(
        cls, args: Iterable[tuple[str, str]], now_ns: int, path: str = TRACES_PATH, own: Collection[str] = ()
    ) -> tuple[Self, tuple[str, ...]]:
        """Lenient: the address, and a sentence for each thing in the URL that was ignored. ``own`` belong to the page."""
        pairs = list(args)
        asked_of_list = [
            (name, in_utc(value, now_ns) if name in ("since", "until") else value)
            for name, value in pairs
            if name not in (*OWN_PARAMETERS, *own)
        ]
        query, notices = Query.from_args(asked_of_list, now_ns)
        if path != TRACES_PATH:
            chosen = {name: value.strip()[:MAX_OWN] for name, value in pairs if name in own and value.strip()}
            return cls(query, path=path, more=tuple(sorted(chosen.items()))), notices
        asked = next((value.strip() for name, value in reversed(pairs) if name == "trace" and value.strip()), "")
        trace_id = trace_id_of(asked)
        if asked and not trace_id:
            notices += (f"trace={asked[:60]!r} is not a trace id: 32 digits of 0-9 and a-f.",)
        columns, unknown = chosen_columns([value for name, value in pairs if name == "column"])
        is_of_durations = ("face", DURATIONS) in pairs
        return cls(query, trace_id, columns, DURATIONS if is_of_durations else ""), notices + unknown

    @property
    def href(self) -> str:
        """This page, with nothing in the URL that says the default."""
        more = list(self.own_args)
        if self.query.anchor is not None and self.query.page > 1:
            more.insert(0, ("anchor", str(self.query.anchor)))  # page 2 of what stood at the top when page 1 was left
        arguments = "&".join(filter(None, (self.query.to_args(), urlencode(more) if more else "")))
        return f"{self.path}?{arguments}" if arguments else self.path

    def own(self, name: str) -> str:
        """What the URL says for a parameter of the page itself, or an empty string."""
        return dict(self.more).get(name, "")

    def with_own(self, name: str, value: str) -> str:
        """The same page with another value for a parameter of its own (empty: none)."""
        more = {**dict(self.more), name: value}
        return replace(self, more=tuple(sorted((name, value) for name, value in more.items() if value))).href

    @property
    def own_args(self) -> tuple[tuple[str, str], ...]:
        """What the page adds to the query, as pairs of the URL."""
        face = (("face", self.face),) if self.face else ()
        opened = (("trace", self.trace_id),) if self.trace_id else ()
        return (*(("column", column) for column in self.columns), *face, *self.more, *opened)

    def _asking(self, query: Query) -> Self:
        # what ``replace`` does, in a fifth of its time: a page has hundreds of links
        return type(self)(query, self.trace_id, self.columns, self.face, self.path, self.more)

    def opening(self, trace_id: str) -> str:
        return type(self)(self.query, trace_id, self.columns, self.face, self.path, self.more).href

    def openings(self) -> Callable[[str], str]:
        """``opening`` for many traces: their ids are what differs, at the end."""
        shared = self.opening("0").removesuffix("0")
        return lambda trace_id: f"{shared}{trace_id}"

    def closing(self) -> str:
        return replace(self, trace_id="").href

    def filtered(self, parameter: str, *values: str) -> str:
        """The same page with this filter set to exactly these values (none: unset)."""
        return self._asking(self.query.with_values(parameter, *values)).href

    def without(self, parameter: str, value: str) -> str:
        return self._asking(self.query.without(parameter, value)).href

    def adding(self, parameter: str, value: str) -> str:
        return self.filtered(parameter, *dict.fromkeys((*self.query.values(parameter), value)))

    def between(self, since: str, until: str) -> str:
        return self._asking(self.query.with_values("since", since).with_values("until", until)).href

    def windows(self) -> Callable[[str, str], str]:
        """``between`` for many windows, neither end of which is open: what their links share is put together once."""
        path, _, arguments = self.between("0", "0").partition("?")
        parts = arguments.split("&")
        at = parts.index("since=0")  # filters come first, and each of these once; the table has them side by side
        before, after = "&".join([*parts[:at], ""]), "&".join(["", *parts[at + 2 :]])
        return lambda since, until: f"{path}?{before}since={quoted(since)}&until={quoted(until)}{after}"

    def absolute(self, now_ns: int) -> str:
        """The same page for somebody who opens it later: a window that moves with time, or ends now, stands still."""
        window = self.query.window(now_ns)
        since = "" if window.since_ns is None else format_rfc3339(window.since_ns)
        return self.between(since, format_rfc3339(now_ns if window.until_ns is None else window.until_ns))

    def on_page(self, page: int, anchor: Anchor | None) -> str:
        """A page of the list, counted from the anchor so that new traces do not shift it."""
        return replace(self, query=replace(self.query, page=page, anchor=anchor if page > 1 else None)).href

    def sorted_by(self, sort: str) -> str:
        return replace(self, query=replace(self.query, sort=sort, page=1, anchor=None)).href

    def with_column(self, name: str) -> str:
        """The list with one column more; or less, when it has it already."""
        others = tuple(column for column in self.columns if column != name)
        return replace(self, columns=others if name in self.columns else (*others, name)).href

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
    if trace_id.isalnum() and trace_id.isascii():  # as they all are: a journey has ten thousand of them
        return f"/traces/{trace_id}"
    return f"/traces/{quote(trace_id, safe='')}"


def trace_json_href(trace_id: str) -> str:
    return f"/api/traces/{quote(trace_id, safe='')}"
