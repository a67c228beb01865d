"""ErrorsPage: groups of errors, which of them are new or rising, and the one that is opened."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.tallies import OTHERS, SERIES_BUCKETS, ErrorGroup, ErrorGroups, ErrorKey
from diamond_viewer.telemetry.units import (
    format_clock,
    format_count,
    format_date_time,
    format_day,
    format_times,
    is_today,
)
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.differences import DifferenceDesk
from diamond_viewer.web.elsewhere import Elsewhere, elsewhere
from diamond_viewer.web.error_detail import ErrorDetail, error_detail, title_of
from diamond_viewer.web.filter_form import FilterForm, filter_form
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.sparkline import Sparkline, sparkline
from diamond_viewer.web.stats_strip import previous_window
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.tally_links import error_href

ERRORS_PATH = "/errors"
OWN = ("group", "by")
RECENT = SERIES_BUCKETS // 5  # buckets: the last fifth of the time
RISING_COUNT, RISING_TIMES = 5, 3  # so many in the last fifth, and so many times what was usual before
MAX_KNOWN = 1000

Order = Callable[[ErrorGroup], tuple[int, ErrorKey]]
ORDERS: Mapping[str, tuple[str, Order]] = {  # name -> label, what is sorted by
    "count": ("count", lambda group: (-group.count, group.key)),
    "last": ("last seen", lambda group: (-group.last_ns, group.key)),
    "first": ("first seen", lambda group: (-group.first_ns, group.key)),
    "users": ("users", lambda group: (-group.users, group.key)),
}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """``news`` is new | rising or empty, ``news_title`` says what that means; ``list_href`` may be empty. The labels stand
    behind the figures where there is no heading."""

    href: str
    fingerprint: str
    title: str
    operation: str
    service: str
    cause: str
    count: str
    count_label: str
    traces: str
    traces_label: str
    users: str
    users_label: str
    lessons: str
    lessons_label: str
    first: str
    first_title: str
    last: str
    last_title: str
    trend: Sparkline
    news: str
    news_title: str
    list_href: str
    newest_href: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class ErrorList:
    """``partial`` says how far back was looked so far; ``more_href`` shows more groups. Both may be empty."""

    rows: tuple[ErrorRow, ...]
    words: str
    partial: str
    more_href: str
    orders: tuple[tuple[str, str, bool], ...]
    clear_href: str
    elsewhere: tuple[Elsewhere, ...]
    is_complete: bool
    is_indexing: bool


@dataclass(frozen=True, slots=True)
class ErrorsPage:
    """``gone`` stands where ``detail`` would: the group in the address is none of what is filtered."""

    address: Address
    status: Status
    form: FilterForm
    list: ErrorList
    detail: ErrorDetail | None
    notices: tuple[str, ...]
    gone: Elsewhere | None

    @property
    def title(self) -> str:
        return self.detail.title if self.detail else "Errors"

    @property
    def href(self) -> str:
        return self.address.href


def errors_page(store: TraceStore, desk: DifferenceDesk, args: Iterable[tuple[str, str]], now_ns: int) -> ErrorsPage:
    pairs = list(args)
    address, notices = Address.from_args(pairs, now_ns, ERRORS_PATH, OWN)
    detail = error_detail(store, desk, address, now_ns) if address.own("group") else None
    gone = _gone(store, address, now_ns) if address.own("group") and detail is None else None
    if gone:
        address = _without_group(address)
    typed = next((value.strip() for name, value in reversed(pairs) if name == "q" and value.strip()), "")
    form = filter_form(address, store, now_ns, typed)
    if form.search.mistake:  # said below the box, where it is
        notices = tuple(notice for notice in notices if not notice.endswith(form.search.mistake.sentence))
    health = store.health()
    return ErrorsPage(
        address,
        status_of(health.feed, now_ns),
        form,
        error_list(store, address, health, now_ns),
        detail,
        notices + beyond_memory(health, address.query, now_ns),
        gone,
    )


def _gone(store: TraceStore, address: Address, now_ns: int) -> Elsewhere:
    """A link may be older than the window, or than what is held; what is filtered may leave the group out."""
    query, group = address.query, address.own("group")
    all_groups = ("see the groups that are", _without_group(address).href)
    ways = (
        ("Show it in all time", query.with_values("since").with_values("until")),
        ("Show it without the filters", Query(limit=query.limit)),
    )
    for words, wider in ways:
        if wider != query and store.errors(wider, now_ns, 1, fingerprint=group).groups:
            return Elsewhere(
                "The group of errors in this link is not among what the filters and the window leave.",
                ((words, replace(address, query=wider).href), all_groups),
            )
    return Elsewhere(
        "No such group of errors is held: its traces are gone, or the link is cut off.",
        (("All groups", all_groups[1]),),
    )


def error_list(store: TraceStore, address: Address, health: Health, now_ns: int) -> ErrorList:
    query = address.query
    found = store.errors(query, now_ns, query.limit)
    address = _with_what_is_there(store, address, found, now_ns)
    chosen = address.own("by") if address.own("by") in ORDERS else "count"
    news = _news(store, address, found, now_ns)
    shows_day = not is_today(now_ns, *(at_ns for group in found.groups for at_ns in (group.first_ns, group.last_ns)))
    rows = [_row(address, group, found, news, shows_day) for group in sorted(found.groups, key=ORDERS[chosen][1])]
    more = found.group_count > len(found.groups) and query.limit < MAX_KNOWN
    return ErrorList(
        tuple(rows),
        _words(found),
        partial_words(found.is_complete, found.scanned_to_ns),
        replace(address, query=replace(query, limit=MAX_KNOWN)).href if more else "",
        tuple(
            (address.with_own("by", "" if name == "count" else name), label, name == chosen)
            for name, (label, _) in ORDERS.items()
        ),
        ERRORS_PATH if query.set_filters else "",
        () if rows else elsewhere(store, address, query.with_values("status", "error"), now_ns, "with an error"),
        found.is_complete,
        not health.feed.ready,
    )


def _with_what_is_there(store: TraceStore, address: Address, found: ErrorGroups, now_ns: int) -> Address:
    """Without the opened group when there is none of it, so that no link leads on to it; the rarer ones are not in the list."""
    group = address.own("group")
    if not group or any(one.key.fingerprint == group for one in found.groups):
        return address
    if found.group_count > len(found.groups) and store.errors(address.query, now_ns, 1, fingerprint=group).groups:
        return address
    return _without_group(address)


def _without_group(address: Address) -> Address:
    return replace(address, more=tuple(pair for pair in address.more if pair[0] != "group"))


def partial_words(is_complete: bool, scanned_to_ns: int) -> str:
    """How far back the figures reach, where that is not everything.

    >>> partial_words(is_complete=True, scanned_to_ns=1_795_358_303_433_000_000)
    'Counted back to 2026-11-22 14:38, as far as is counted at once; for older traces choose a time.'
    """
    back = f"Counted back to {format_date_time(scanned_to_ns)[:16]}"
    if not is_complete:
        return f"{back} so far; older traces follow by themselves."
    return f"{back}, as far as is counted at once; for older traces choose a time." if scanned_to_ns else ""


def _words(found: ErrorGroups) -> str:
    shown = "" if len(found.groups) >= found.group_count else f"the {len(found.groups):,} most frequent of "
    days = tuple(
        dict.fromkeys(format_day(at_ns) for group in found.groups for at_ns in (group.first_ns, group.last_ns))
    )
    when = f" · {min(days)}{f' to {max(days)}' if len(days) > 1 else ''}" if days else ""
    return f"{format_times(found.count, 'error')} in {shown}{format_times(found.group_count, 'group')}{when}"


def _news(
    store: TraceStore, address: Address, found: ErrorGroups, now_ns: int
) -> Callable[[ErrorGroup], tuple[str, str]]:
    """With a window: new is what the window of the same length before it did not have, if it had any traces at all. Without:
    what first came in the last fifth of the time. Rising is what came oftener in the last fifth than is usual for it."""
    before = previous_window(address.query, now_ns)
    known: set[ErrorKey] | None = None
    if before is not None and store.stats(before, now_ns).traces:
        known = {group.key for group in store.errors(before, now_ns, MAX_KNOWN).groups}
    recent_ns = found.start_ns + (SERIES_BUCKETS - RECENT) * found.width_ns

    def of(group: ErrorGroup) -> tuple[str, str]:
        if group.key.what == OTHERS or not found.is_complete:
            return "", ""
        if known is not None and group.key not in known:
            return "new", "not in the window of the same length before"
        if before is None and group.first_ns >= recent_ns > found.start_ns:
            return "new", f"first seen {format_date_time(group.first_ns)[:19]}, in the last fifth of the time shown"
        recent, earlier = sum(group.series[-RECENT:]), sum(group.series[:-RECENT])
        usual = earlier * RECENT / (SERIES_BUCKETS - RECENT)
        if earlier and recent >= RISING_COUNT and recent > RISING_TIMES * usual:
            return "rising", f"{recent:,} in the last fifth of the time shown, {usual:.1f} would be usual"
        return "", ""

    return of


def _row(
    address: Address,
    group: ErrorGroup,
    found: ErrorGroups,
    news: Callable[[ErrorGroup], tuple[str, str]],
    shows_day: bool,
) -> ErrorRow:
    fresh, why = news(group)
    is_open = address.own("group") == group.key.fingerprint
    return ErrorRow(
        href=address.with_own("group", "" if is_open else group.key.fingerprint),
        fingerprint=group.key.fingerprint,
        title=title_of(group),
        operation=group.key.operation,
        service=group.key.service,
        cause=group.key.cause if group.key.cause != group.key.operation else "",
        count=format_count(group.count),
        count_label=_noun(group.count, "error"),
        traces=format_count(group.traces),
        traces_label=_noun(group.traces, "trace"),
        users=format_count(group.users) if group.users else "–",
        users_label=_noun(group.users, "user"),
        lessons=format_count(group.lessons) if group.lessons else "–",
        lessons_label=_noun(group.lessons, "lesson"),
        first=_clock(group.first_ns, shows_day),
        first_title=format_date_time(group.first_ns),
        last=_clock(group.last_ns, shows_day),
        last_title=format_date_time(group.last_ns),
        trend=sparkline(group.series, found.start_ns, found.width_ns),
        news=fresh,
        news_title=why,
        list_href=error_href(address, group.key),
        newest_href=trace_href(group.examples[0]) if group.examples else "",
        is_open=is_open,
    )


def _noun(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _clock(time_ns: int, shows_day: bool) -> str:
    clock = format_clock(time_ns)[:8]
    return clock if not shows_day else f"{format_day(time_ns)[5:]} {clock[:5]}"
