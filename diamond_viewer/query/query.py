"""Query: the query string as a value, and back. It is the whole state of a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import quote_plus

from diamond_viewer.query.filters import FILTER_BY_PARAMETER, FILTERS, FilterError
from diamond_viewer.query.sorting import DEFAULT_ORDER, ORDER_BY_NAME
from diamond_viewer.query.terms import AllOf, Not, Overlaps, Term

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
MAX_PAGE = 1_000_000
MAX_VALUES = 100  # values in one query string; more is no reader
MAX_KEPT_TEXT = 200  # characters of a value whose quoted form is kept

_ANCHOR = re.compile(r"(\d{1,19})-([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The topmost row a reader sees: its start and trace id, the list's order."""

    start_ns: int
    trace_id: str

    def __str__(self) -> str:
        return f"{self.start_ns}-{self.trace_id}"


@dataclass(frozen=True, slots=True)
class Query:
    """Set filters as ``(parameter, value)`` pairs in the table's order, and which page of the answer.

    ``but_not`` are filters too: what matches all of them is left out. No URL says them; only the viewer asks so.
    """

    set_filters: tuple[tuple[str, str], ...] = ()
    limit: int = DEFAULT_LIMIT
    page: int = 1
    anchor: Anchor | None = None
    sort: str = DEFAULT_ORDER
    but_not: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_args(
        cls, args: Iterable[tuple[str, str]], now_ns: int, strict: bool = False
    ) -> tuple[Self, tuple[str, ...]]:
        """``(parameter, value)`` pairs of a query string -> the query, and notices about what was ignored.

        Empty values mean "not set". Lenient for pages: what is unknown or malformed is left out and a sentence says so.
        ``strict`` (the API, the command line) raises ``FilterError`` with the first such sentence instead.
        """
        notices: list[str] = []
        chosen: dict[str, list[str]] = {}
        numbers = {"limit": DEFAULT_LIMIT, "page": 1}
        anchor: Anchor | None = None
        sort = DEFAULT_ORDER
        for count, (parameter, value) in enumerate(args):
            value = value.strip()
            try:
                if count >= MAX_VALUES:
                    raise FilterError(f"More than {MAX_VALUES} parameters: the rest is ignored.")
                if not value:
                    continue
                if parameter in numbers:
                    numbers[parameter] = _number(parameter, value, MAX_LIMIT if parameter == "limit" else MAX_PAGE)
                elif parameter == "sort":
                    sort = _order(value)
                elif parameter == "anchor":
                    anchor = _anchor(value)
                elif row := FILTER_BY_PARAMETER.get(parameter):
                    row.term(value, now_ns)  # refuses what cannot be used, here at the border
                    chosen[parameter] = _added(chosen.get(parameter, []), value, row.repeatable)
                else:
                    raise FilterError(f"Unknown parameter {parameter[:60]!r}. Known are {', '.join(KNOWN)}.")
            except FilterError as error:
                if strict:
                    raise
                notices.append(str(error))
                if count >= MAX_VALUES:
                    break
        pairs = tuple((row.parameter, value) for row in FILTERS for value in chosen.get(row.parameter, ()))
        query = cls(pairs, numbers["limit"], numbers["page"], anchor, sort)
        if not strict and _is_reversed(chosen, now_ns):
            since, until = (query.value(name)[:60] for name in ("since", "until"))
            notices.append(f"since={since!r} is after until={until!r}: nothing lies between. Swap them.")
        return query, tuple(dict.fromkeys(notices))

    def value(self, parameter: str) -> str:
        """The (first) value of a filter, or an empty string."""
        return next((value for name, value in self.set_filters if name == parameter), "")

    def values(self, parameter: str) -> tuple[str, ...]:
        return tuple(value for name, value in self.set_filters if name == parameter)

    def terms(self, now_ns: int) -> tuple[Term, ...]:
        """What must hold, all of it. Relative times are resolved against ``now_ns``."""
        terms = [FILTER_BY_PARAMETER[name].term(value, now_ns) for name, value in self.set_filters]
        if self.but_not:
            left_out = (FILTER_BY_PARAMETER[name].term(value, now_ns) for name, value in self.but_not)
            terms.append(Not(AllOf(tuple(left_out))))
        windows = [term for term in terms if isinstance(term, Overlaps)]
        if len(windows) > 1:  # one window from "since" and "until", so that a store sees both ends at once
            since = max((w.since_ns for w in windows if w.since_ns is not None), default=None)
            until = min((w.until_ns for w in windows if w.until_ns is not None), default=None)
            terms = [term for term in terms if not isinstance(term, Overlaps)] + [Overlaps(since, until)]
        return tuple(terms)

    def window(self, now_ns: int) -> Overlaps:
        """The time window the filters name; open ends are None."""
        return next((term for term in self.terms(now_ns) if isinstance(term, Overlaps)), Overlaps())

    def with_values(self, parameter: str, *values: str) -> Self:
        """The same query with the filter set to exactly these values (none: unset), from the first page on."""
        others = [pair for pair in self.set_filters if pair[0] != parameter]
        chosen = [(parameter, value) for value in values if value]
        pairs = tuple(sorted([*others, *chosen], key=_place_in_table))
        return type(self)(pairs, self.limit, sort=self.sort)

    def without(self, parameter: str, value: str) -> Self:
        return self.with_values(parameter, *(v for v in self.values(parameter) if v != value))

    def to_args(self, **more: str | int) -> str:
        """The query string, without ``?``; defaults are left out, ``more`` is appended.

        >>> Query((("user", "a b"),), limit=20).to_args(page=2)
        'user=a+b&limit=20&page=2'
        """
        pairs: list[tuple[str, str | int]] = list(self.set_filters)
        if self.sort != DEFAULT_ORDER and "sort" not in more:
            pairs.append(("sort", self.sort))
        if self.limit != DEFAULT_LIMIT and "limit" not in more:
            pairs.append(("limit", self.limit))
        if self.page != 1 and "page" not in more:
            pairs.append(("page", self.page))
        pairs.extend(more.items())
        return "&".join(f"{name}={quoted(str(value))}" for name, value in pairs)


def _is_reversed(chosen: Mapping[str, Sequence[str]], now_ns: int) -> bool:
    if "since" not in chosen or "until" not in chosen:
        return False
    window = Query(tuple((name, chosen[name][0]) for name in ("since", "until"))).window(now_ns)
    return window.since_ns is not None and window.until_ns is not None and window.since_ns > window.until_ns


KNOWN = (*FILTER_BY_PARAMETER, "sort", "limit", "page")


_PLACES = {row.parameter: place for place, row in enumerate(FILTERS)}


def _place_in_table(pair: tuple[str, str]) -> int:
    return _PLACES[pair[0]]


def quoted(text: str) -> str:
    """As it stands in a URL's query."""
    return _kept_quoted(text) if len(text) <= MAX_KEPT_TEXT else quote_plus(text)


_kept_quoted = lru_cache(maxsize=4_096)(quote_plus)  # a page has hundreds of links, and most say the same again


def _number(parameter: str, value: str, most: int) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9 or not 1 <= int(value) <= most:
        raise FilterError(f"{parameter}={value[:60]!r} is not a whole number from 1 to {most}.")
    return int(value)


def _order(value: str) -> str:
    if value not in ORDER_BY_NAME:
        raise FilterError(f"sort={value[:60]!r} is unknown. Use one of {', '.join(ORDER_BY_NAME)}.")
    return value


def _anchor(value: str) -> Anchor:
    match = _ANCHOR.fullmatch(value)
    if match is None:
        raise FilterError(f"anchor={value[:60]!r} is not a place in the list.")
    return Anchor(int(match[1]), match[2])


def _added(values: list[str], value: str, repeatable: bool) -> list[str]:
    """A filter that is not repeatable takes its last value, as browsers' forms and ``dict(args)`` do."""
    return list(dict.fromkeys([*values, value])) if repeatable else [value]
