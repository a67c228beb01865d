"""Where a page without a match may lead: to the value that was meant, to a time at which there was something."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from diamond_viewer.query.query import Query
from diamond_viewer.query.resembling import CORRECTED, did_you_mean
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_date_time, zone_label

Href = Callable[[str, str], str]  # a filter and its value -> the same page with it


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """``sentence`` says of what there is none, or when the newest was; ``links`` (words, address) lead there."""

    sentence: str
    links: tuple[tuple[str, str], ...]
    after: str = ""


def meant_instead(store: TraceStore, query: Query, href: Href) -> tuple[Elsewhere, ...]:
    """For each user or lesson that is filtered by and that no trace names."""
    found = []
    for field in CORRECTED:
        value = query.value(field)
        if value and (values := did_you_mean(store, field, value)):
            links = tuple((one, href(field, one)) for one in values)
            found.append(Elsewhere(f"No trace names the {field} {value[:60]}. Did you mean", links, "?"))
    return tuple(found)


def outside_the_window(
    store: TraceStore, query: Query, all_time_href: str, now_ns: int, what: str = "that matches"
) -> tuple[Elsewhere, ...]:
    """With a window in which nothing matches: when the newest match of any time was, and the way to it."""
    if not query.value("since") and not query.value("until"):
        return ()
    always = query.with_values("since").with_values("until")
    page = store.search(replace(always, page=1, limit=1, anchor=None, sort=DEFAULT_ORDER), now_ns)
    if not page.traces:
        return ()
    when = f"{format_date_time(page.traces[0].start_ns)[:19]} {zone_label()}"
    return (Elsewhere(f"The newest trace {what} began {when}.", (("Show all time", all_time_href),)),)
