"""TraceAddress: what of a trace is shown, as a value and as a URL, on the trace's own page or beside the list."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from diamond_viewer.telemetry.trace_ids import trace_id_of
from diamond_viewer.trace.timeline import Kind
from diamond_viewer.web.address import trace_href

MAX_FOLDED = 200  # single spans folded or opened by hand; a URL has 8 kB
MAX_OPEN = 12
MAX_WORDS = 200  # characters of a search

_ELEMENT = re.compile(r"[0-9a-f]{1,16}(-\d{1,6})?")


class View(StrEnum):
    WATERFALL = "waterfall"
    STATISTICS = "statistics"
    FLAME = "flame"
    JSON = "json"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class TraceAddress:
    """Every field is a parameter of the URL; what says the default is left out of it. ``outer`` is the URL of the list that
    the trace stands beside, with its filters; empty on the trace's own page.

    ``spans`` are open, named as ``Arranged.element_of`` does; ``moment`` is an event of the first of them, from 1. ``row``
    is where in the waterfall the page begins, ``told`` where in the story, both from 1. ``level``, ``shut``, ``opened`` and
    ``is_plain`` are a ``Folding``. ``from_ns`` and ``to_ns`` are the window, from the trace's start (equal: all). ``match``
    counts from 1.
    """

    trace_id: str
    outer: str = ""
    view: View = View.WATERFALL
    spans: tuple[str, ...] = ()
    moment: int = 0
    row: int = 1
    level: int = 0
    shut: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    is_plain: bool = False
    from_ns: int = 0
    to_ns: int = 0
    find: str = ""
    match: int = 0
    kinds: tuple[str, ...] = ()
    told: int = 1
    is_adjusted: bool = False
    other_id: str = ""
    frame: int = 0

    @classmethod
    def from_args(cls, trace_id: str, args: Iterable[tuple[str, str]], outer: str = "") -> Self:
        """Lenient: what makes no sense is as if it were not there."""
        pairs = list(args)
        last = dict(pairs)
        from_ns, to_ns = _number(last.get("from", "")), _number(last.get("to", ""))
        view = last.get("view", "")
        return cls(
            trace_id=trace_id,
            outer=outer,
            view=View(view) if view in set(View) else View.WATERFALL,
            spans=_elements([value for name, value in pairs if name == "span"], MAX_OPEN),
            moment=_number(last.get("moment", "")),
            row=max(1, _number(last.get("row", ""))),
            level=_number(last.get("level", "")),
            shut=_elements(last.get("shut", "").split("."), MAX_FOLDED),
            opened=_elements(last.get("opened", "").split("."), MAX_FOLDED),
            is_plain=last.get("plain", "") == "1",
            from_ns=from_ns if from_ns < to_ns else 0,
            to_ns=to_ns if from_ns < to_ns else 0,
            find=last.get("find", "").strip()[:MAX_WORDS],
            match=_number(last.get("match", "")),
            kinds=tuple(kind for kind in Kind if ("kind", kind) in pairs),
            told=max(1, _number(last.get("told", ""))),
            is_adjusted=last.get("adjusted", "") == "1",
            other_id=trace_id_of(last.get("with", "").strip()),
            frame=_number(last.get("frame", "")),
        )

    @property
    def args(self) -> list[tuple[str, str]]:
        """What is not the default, in a fixed order."""
        found: list[tuple[str, str]] = []
        for parameter, name in _FIELDS.items():
            value = getattr(self, name)
            if value == _DEFAULTS[name]:
                continue
            if parameter in ("shut", "opened"):
                found.append((parameter, ".".join(value)))
            elif isinstance(value, tuple):
                found.extend((parameter, one) for one in value)
            else:
                found.append((parameter, str(int(value) if isinstance(value, bool) else value)))
        return found

    @property
    def href(self) -> str:
        arguments = urlencode(self.args)
        if self.outer:
            return f"{self.outer}{'&' if arguments else ''}{arguments}"
        return f"{trace_href(self.trace_id)}{'?' if arguments else ''}{arguments}"

    @property
    def outer_args(self) -> list[tuple[str, str]]:
        """The parameters of the list."""
        return parse_qsl(urlsplit(self.outer).query)

    def fragment(self, path: str, **more: str) -> str:
        """The address of a part of this page that is fetched on its own: it knows the list that it stands beside."""
        outer = urlsplit(self.outer).query
        arguments = urlencode([*self.args, *more.items(), *([("list", outer)] if outer else [])])
        return f"{trace_href(self.trace_id)}/{path}{'?' if arguments else ''}{arguments}"

    def but(self, **changes: Any) -> str:
        """The same with these fields changed."""
        return replace(self, **changes).href

    def folding(self, element: str, shuts: bool, row: int) -> str:
        """With one span folded, or opened again; ``row`` stays in sight."""
        return self.but(
            shut=_with(self.shut, element) if shuts else _without(self.shut, element),
            opened=_without(self.opened, element) if shuts else _with(self.opened, element),
            row=row,
        )

    def whole_page(self) -> "TraceAddress":
        """On the trace's own page."""
        return replace(self, outer="")

    def at_span(self, element: str, moment: int = 0) -> str:
        """Open there, whatever was folded or searched: a link to be passed on."""
        return TraceAddress(
            self.trace_id, self.outer, spans=(element,), moment=moment, is_adjusted=self.is_adjusted
        ).href


_FIELDS = {
    "view": "view",
    "level": "level",
    "plain": "is_plain",
    "shut": "shut",
    "opened": "opened",
    "adjusted": "is_adjusted",
    "from": "from_ns",
    "to": "to_ns",
    "find": "find",
    "match": "match",
    "row": "row",
    "kind": "kinds",
    "told": "told",
    "with": "other_id",
    "frame": "frame",
    "span": "spans",
    "moment": "moment",
}
_DEFAULTS = {field.name: field.default for field in fields(TraceAddress)}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _elements(texts: Iterable[str], most: int) -> tuple[str, ...]:
    lower = (text.strip().lower() for text in texts)
    return tuple(dict.fromkeys(text for text in lower if _ELEMENT.fullmatch(text)))[:most]


def _with(elements: tuple[str, ...], element: str) -> tuple[str, ...]:
    return (*_without(elements, element), element)[-MAX_FOLDED:]


def _without(elements: tuple[str, ...], element: str) -> tuple[str, ...]:
    return tuple(other for other in elements if other != element)
