"""JourneysPage: users and lessons, those with recent trouble first."""

from collections.abc import Iterable
from dataclasses import dataclass

from diamond_viewer.query.resembling import correction
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_count, format_date_time, format_duration, format_share, format_times
from diamond_viewer.telemetry.ways import TROUBLES, Trouble, Troubles
from diamond_viewer.web.address import Address
from diamond_viewer.web.elsewhere import Elsewhere, outside_the_window
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.journey_address import JOURNEYS_PATH, journey_href, read_journey_address, window_links
from diamond_viewer.web.journey_poll import held_of_journey
from diamond_viewer.web.partial import partial_notices
from diamond_viewer.web.status import Status, status_of

OWN = ("find",)
MAX_ROWS = 100
_TONES = ("error", "auth", "slow", "slow")


@dataclass(frozen=True, slots=True)
class TroubleRow:
    """``why`` are badges: words and tone. ``share_percent`` is how many of the traces had trouble."""

    value: str
    href: str
    why: tuple[tuple[str, str], ...]
    bad: str
    share: str
    share_percent: str
    traces: str
    since: str
    last: str


@dataclass(frozen=True, slots=True)
class TroubleTable:
    field: str
    title: str
    rows: tuple[TroubleRow, ...]
    words: str


@dataclass(frozen=True, slots=True)
class JourneysPage:
    address: Address
    status: Status
    text: str
    tables: tuple[TroubleTable, ...]
    windows: tuple[tuple[str, str, bool], ...]
    notices: tuple[str, ...]
    is_empty: bool
    clear_href: str
    elsewhere: tuple[Elsewhere, ...]
    held: str


def journeys_page(store: TraceStore, args: Iterable[tuple[str, str]], now_ns: int) -> JourneysPage:
    address, window, notices = read_journey_address(args, now_ns, JOURNEYS_PATH, OWN)
    held = held_of_journey(store, address.query, now_ns)  # before it is read
    text = address.own("find")
    health = store.health()
    found = [store.troubles(field, text, window.since_ns, window.until_ns, MAX_ROWS) for field in ("user", "lesson")]
    tables = (_table("user", "Users", found[0], now_ns), _table("lesson", "Lessons", found[1], now_ns))
    is_empty = not any(table.rows for table in tables)
    return JourneysPage(
        address,
        status_of(health.feed, now_ns),
        text,
        tables,
        window_links(address),
        notices + partial_notices(*found) + beyond_memory(health, address.query, now_ns),
        is_empty,
        JOURNEYS_PATH if text or window.is_set else "",
        _elsewhere(store, address, text, now_ns) if is_empty else (),
        held,
    )


def _elsewhere(store: TraceStore, address: Address, text: str, now_ns: int) -> tuple[Elsewhere, ...]:
    found = tuple(
        Elsewhere(
            f"No {field} is called {text}. Did you mean",
            tuple((one, journey_href(field, one)) for one in meant.values),
            "?",
        )
        for field in ("user", "lesson")
        if text and (meant := correction(store, field, text))
    )
    return found or outside_the_window(store, address.query, address.between("", ""), now_ns, "that is held")


def _table(field: str, title: str, found: Troubles, now_ns: int) -> TroubleTable:
    words = f"{format_count(found.total)}, {format_count(found.in_trouble)} with trouble"
    if len(found.rows) < found.total:
        words += f"; the first {len(found.rows):,} are shown"
    if found.most_names:
        words += f"; of more than {found.most_names:,} nothing is said: choose a time or a part of an id"
    return TroubleTable(field, title, tuple(_row(field, one, now_ns) for one in found.rows), words)


def _row(field: str, one: Trouble, now_ns: int) -> TroubleRow:
    return TroubleRow(
        one.value,
        journey_href(field, one.value),
        tuple(
            (f"{one.counts[flag]:,} {words}", tone)
            for (flag, words), tone in zip(TROUBLES.items(), _TONES, strict=True)
            if flag in one.counts
        ),
        format_times(one.bad_traces, "trace") if one.bad_traces else "",
        format_share(one.bad_traces, one.traces),
        f"{100 * one.bad_traces / one.traces:.1f}",
        format_count(one.traces),
        _ago(one.first_ns, now_ns),
        _ago(one.last_ns or one.seen_ns, now_ns),
    )


def _ago(time_ns: int, now_ns: int) -> str:
    """
    >>> _ago(0, 5), _ago(1, 61_000_000_001), _ago(1, 200_000 * 10**9)
    ('–', '1 min 1 s ago', '1970-01-01 00:00:00')
    """
    if not time_ns:
        return "–"
    past_ns = now_ns - time_ns
    if 0 <= past_ns < 86_400 * 10**9:
        return f"{format_duration(past_ns // 10**9 * 10**9)} ago" if past_ns >= 10**9 else "now"
    return format_date_time(time_ns)[:19]
