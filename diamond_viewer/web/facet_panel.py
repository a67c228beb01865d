"""FacetPanel: the most frequent values of what matches, each with its count and a link that narrows by it or takes it back."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.query.suggestions import written
from diamond_viewer.query.terms import AnyOf
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import FacetValues
from diamond_viewer.telemetry.rules import RULE_WORDS, told_of
from diamond_viewer.telemetry.units import format_count, format_times
from diamond_viewer.web.address import Address

MAX_VALUES = 7
ALONE = "in one trace"  # a flag is of a trace by itself; the finding of the same name may be of several
MAX_TEXT = 200  # characters: longer values are no filter


@dataclass(frozen=True, slots=True)
class FacetLink:
    """``href`` is empty for what cannot be asked for; ``is_set`` when it is filtered by: the link then takes that back."""

    value: str
    count: str
    href: str
    title: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class FacetGroup:
    name: str
    label: str
    links: tuple[FacetLink, ...]


@dataclass(frozen=True, slots=True)
class FacetPanel:
    """``groups`` leaves out facets without values."""

    groups: tuple[FacetGroup, ...]


Toggle = Callable[[Address, str], tuple[str, bool]]  # a value -> where its link leads, and whether it is set


def facet_panel(address: Address, store: TraceStore, now_ns: int) -> FacetPanel:
    found = store.facets(replace(address.query, page=1, anchor=None), now_ns, MAX_VALUES)
    groups: tuple[tuple[str, str, FacetValues, Toggle], ...] = (
        ("status", "Status", found.status, _filtered("status")),
        ("service", "Service", found.service, _filtered("service")),
        ("operation", "Operation", found.operation, _filtered("operation")),
        ("flag", "Flag", found.flag, _repeated("flag")),
        ("finding", "Finding", found.finding, _repeated("finding")),
        ("event", "Event", found.event, _filtered("event")),
        ("route", "Route", found.route, _searched("route")),
        ("http-status", "HTTP status", found.http_status, _searched("http.status")),
        ("lesson", "Lesson", found.lesson, _filtered("lesson")),
        ("user", "User", found.user, _filtered("user")),
    )
    return FacetPanel(
        tuple(
            FacetGroup(name, label, tuple(_link(address, label, toggle, *pair) for pair in values))
            for name, label, values, toggle in groups
            if values
        )
    )


def with_term(search: str, term: str) -> str:
    """A search that demands the term as well; empty when there is no such search.

    >>> with_term("a OR b", "route:/x"), with_term("", "route:/x"), with_term("(", "route:/x")
    ('(a OR b) route:/x', 'route:/x', '')
    """
    try:
        before = f"({search})" if search and isinstance(parse(search), AnyOf) else search
        together = f"{before} {term}".strip()
        parse(together)
    except Mistake:
        return ""
    return together


def without_term(search: str, term: str) -> str | None:
    """The search without the term that it demands; None when it does not plainly demand it.

    >>> without_term("status:error route:/x duration>1s", "route:/x"), without_term("route:/x", "route:/x")
    ('status:error duration>1s', '')
    >>> [without_term(search, "route:/x") for search in ("NOT route:/x a", "a OR route:/x", "(route:/x)", "-route:/x")]
    [None, None, None, None]
    """
    found = re.search(rf"(?:^|(?<=\s)){re.escape(term)}(?=\s|$)", search)
    if found is None:
        return None
    before, after = search[: found.start()].strip(), search[found.end() :].strip()
    is_combined = before.split()[-1:] in (["NOT"], ["OR"], ["AND"]) or after.split()[:1] in (["OR"], ["AND"])
    left = f"{before} {after}".strip()
    if is_combined or before.count("(") != before.count(")") or before.count("{") != before.count("}"):
        return None
    try:
        is_whole = not left or not isinstance(parse(left), AnyOf) or left == before
    except Mistake:
        return None
    return left if is_whole and not isinstance(parse(search), AnyOf) else None


def _link(address: Address, label: str, toggle: Toggle, value: str, count: int) -> FacetLink:
    href, is_set = toggle(address, value) if len(value) <= MAX_TEXT else ("", False)
    does = "take this filter off" if is_set else "show only these"
    where = ALONE if label == "Flag" and value in RULE_WORDS else told_of(value) if label == "Finding" else ""
    said = f"{label} {value}{f' ({where})' if where else ''}"
    return FacetLink(value, format_count(count), href, f"{said}: {format_times(count, 'trace')}; {does}", is_set)


def _filtered(parameter: str) -> Toggle:
    def toggle(address: Address, value: str) -> tuple[str, bool]:
        is_set = address.query.value(parameter) == value
        return address.filtered(parameter, *(() if is_set else (value,))), is_set

    return toggle


def _repeated(parameter: str) -> Toggle:
    """For filters that may be given several times."""

    def toggle(address: Address, value: str) -> tuple[str, bool]:
        is_set = value in address.query.values(parameter)
        return (address.without(parameter, value) if is_set else address.adding(parameter, value)), is_set

    return toggle


def _searched(key: str) -> Toggle:
    """For what has no filter of its own: a condition of the search."""

    def toggle(address: Address, value: str) -> tuple[str, bool]:
        search, term = address.query.value("q"), f"{key}:{written(value)}"
        left = without_term(search, term) if search else None
        if left is not None:
            return address.filtered("q", left), True
        together = with_term(search, term)
        return (address.filtered("q", together) if together else ""), False

    return toggle
