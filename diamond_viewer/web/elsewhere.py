"""Where a page without a match may lead: to the value that was meant, to a time at which there was something."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from weakref import ref

from diamond_viewer.query.query import Query
from diamond_viewer.query.resembling import MAX_MEANT, Asked, asked_for, corrections, named_by, unheard
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.units import NS_PER_SECOND, format_date_time, zone_label
from diamond_viewer.web.address import Address
from diamond_viewer.web.journey_address import JOURNEYS_PATH, PATHS

Href = Callable[[str, str], str]  # a parameter and its value -> the same page with it
NEWEST_AGE_NS = 60 * NS_PER_SECOND  # a page that stays empty asks every second, of all that is held
MAX_NEWEST = 64  # questions


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """``sentence`` says of what there is none, or when the newest was; ``links`` (words, address) lead there."""

    sentence: str
    links: tuple[tuple[str, str], ...]
    after: str = ""


class NewestTimes:
    """When the newest of something was, in ns since 1970 (0: there is none), asked again when more has come in, but not within
    a minute. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[ref[TraceStore], Hashable], tuple[int, int, int]] = OrderedDict()

    def of(self, store: TraceStore, asked: Hashable, now_ns: int, ask: Callable[[], tuple[int, bool]]) -> int:
        """``ask`` gives the time, and whether all was looked at: if not, the next one who asks goes on."""
        version, key = store.version(), (ref(store), asked)  # an import that is removed must not stay for this
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and (kept[0] == version or 0 <= now_ns - kept[1] < NEWEST_AGE_NS):
            return kept[2]
        newest_ns, is_complete = ask()
        if is_complete:
            with self._lock:
                self._kept[key] = version, now_ns, newest_ns
                while len(self._kept) > MAX_NEWEST:
                    self._kept.popitem(last=False)
        return newest_ns


NEWEST_TIMES = NewestTimes()


def elsewhere(
    store: TraceStore, address: Address, query: Query, now_ns: int, what: str = "that matches"
) -> tuple[Elsewhere, ...]:
    """Where there would be something to show, when there is nothing; ``query`` finds the traces that would have it."""
    asked = address.query.value, address.filtered
    return (
        *(meant_instead(store, *asked) or named_by_none(store, *asked)),
        *outside_the_window(store, query, address.between("", ""), now_ns, what),
    )


def meant_instead(store: TraceStore, value_of: Callable[[str], str], href: Href) -> tuple[Elsewhere, ...]:
    """For each value that is asked for and that no trace names, by a filter or in the search."""
    return tuple(
        Elsewhere(
            found.sentence,
            tuple(
                (one, href(found.parameter, setting)) for one, setting in zip(found.values, found.settings, strict=True)
            ),
            "?",
        )
        for found in corrections(store, value_of)
    )


def named_by_none(store: TraceStore, value_of: Callable[[str], str], href: Href) -> tuple[Elsewhere, ...]:
    """For each value that is asked for and that no trace of any time names, and the way to those that are."""
    unknown = (asked for asked in asked_for(value_of) if _is_in_none(store, asked.field, asked.value))
    return tuple(_known_instead(store, asked, href) for asked in unknown)


def _known_instead(store: TraceStore, asked: Asked, href: Href) -> Elsewhere:
    sentence = unheard(asked.field, asked.value)
    if asked.field in PATHS:
        return Elsewhere(f"{sentence}.", (("All users and lessons", JOURNEYS_PATH),))
    known = store.values(asked.field, "", MAX_MEANT)
    if not known:
        return Elsewhere(f"{sentence}.", ())
    links = tuple((value, href(asked.parameter, asked.set_to(value))) for value, _ in known)
    return Elsewhere(f"{sentence}. Try", links, ".")


def _is_in_none(store: TraceStore, field: str, value: str) -> bool:
    page = named_by(store, field, value)
    return not page.traces and is_all(page)


def outside_the_window(
    store: TraceStore, query: Query, all_time_href: str, now_ns: int, what: str = "that matches"
) -> tuple[Elsewhere, ...]:
    """With a window in which nothing matches: when the newest match of any time was, and the way to it."""
    if not query.value("since") and not query.value("until"):
        return ()
    always = query.with_values("since").with_values("until")
    always = replace(always, page=1, limit=1, anchor=None, sort=DEFAULT_ORDER)

    def ask() -> tuple[int, bool]:
        page = store.search(always, now_ns)
        return page.traces[0].start_ns if page.traces else 0, page.is_complete

    newest_ns = NEWEST_TIMES.of(store, always, now_ns, ask)
    if not newest_ns:
        return ()
    when = f"{format_date_time(newest_ns)[:19]} {zone_label()}"
    return (Elsewhere(f"The newest trace {what} began {when}.", (("Show all time", all_time_href),)),)
