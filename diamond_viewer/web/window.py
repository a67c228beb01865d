"""WindowField: the time window in words, and the ways to another one."""

from dataclasses import dataclass

from diamond_viewer.query.filters import parse_time
from diamond_viewer.telemetry.units import (
    LAST_NS,
    NS_PER_SECOND,
    format_clock,
    format_day,
    format_rfc3339,
    format_zoned,
    moment_of,
)
from diamond_viewer.web.address import Address

MINUTE_NS = 60 * NS_PER_SECOND
WINDOWS = (("15m", "last 15 min"), ("1h", "last hour"), ("6h", "last 6 h"), ("24h", "last 24 h"), ("", "all time"))


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """``text`` is as a reader may write it; ``calendar`` is the same for a field of type datetime-local, or empty."""

    text: str
    calendar: str


@dataclass(frozen=True, slots=True)
class WindowField:
    """Links for the usual windows and the neighbouring ones, two ends for any other."""

    words: str
    title: str
    links: tuple[tuple[str, str, bool], ...]  # href, label, is it the one that is set
    moves: tuple[tuple[str, str, str], ...]  # href, label, what it does; none without a window
    since: WindowEnd
    until: WindowEnd
    is_set: bool
    clear_href: str


def window_field(address: Address, now_ns: int) -> WindowField:
    since, until = address.query.value("since"), address.query.value("until")
    usual = next((label for value, label in WINDOWS if value == since and not until), "")
    ends = tuple(_end(text, now_ns) for text in (since, until))
    return WindowField(
        words=usual or window_words(since, until, now_ns),
        title=" – ".join(end.text.replace("T", " ") or "…" for end in ends) if since or until else "",
        links=tuple((address.between(value, ""), label, label == usual) for value, label in WINDOWS),
        moves=window_moves(address, now_ns),
        since=ends[0],
        until=ends[1],
        is_set=bool(since or until),
        clear_href=address.between("", ""),
    )


def window_moves(address: Address, now_ns: int) -> tuple[tuple[str, str, str], ...]:
    """The window before, twice as much around the same middle, the window after."""
    window = address.query.window(now_ns)
    if window.since_ns is None:
        return ()
    until_ns = window.until_ns if window.until_ns is not None else now_ns
    width_ns = until_ns - window.since_ns
    if width_ns <= 0:
        return ()

    def moved(since_ns: int, until_ns: int) -> str:
        return address.between(format_rfc3339(max(0, since_ns)), format_rfc3339(min(until_ns, LAST_NS)))

    return (
        (moved(window.since_ns - width_ns, window.since_ns), "‹ Earlier", "The window before this one"),
        (moved(window.since_ns - width_ns // 2, until_ns + width_ns // 2), "Wider", "Twice as long a window"),
        (moved(until_ns, until_ns + width_ns), "Later ›", "The window after this one"),
    )


def window_words(since: str, until: str, now_ns: int) -> str:
    """A window that is none of the usual ones, short enough for its field.

    >>> [window_words("2026-11-22T14:30:00.5Z", f"2026-11-22T14:40:{second}Z", 0) for second in ("00", "07")]
    ['14:30:00–14:40:00', '14:30:00–14:40:07']
    >>> window_words("3d", "", 0), window_words("2026-11-22T14:30:00Z", "2026-11-22T14:40:00Z", 0)
    ('last 3d', '14:30–14:40')
    >>> window_words("", "2h", 0), window_words("2026-11-22T14:30:00Z", "", 1_795_390_200_000_000_000)
    ('until 2h ago', 'since 14:30:00')
    >>> window_words("2026-11-22T14:30:00Z", "2026-11-23T09:00:00Z", 0)
    '11-22 14:30–11-23 09:00'
    """
    if since and until and _is_absolute(since) and _is_absolute(until):
        ends_ns = (parse_time(since, now_ns), parse_time(until, now_ns))
        if format_day(ends_ns[0]) == format_day(ends_ns[1]):
            shown = 5 if all(end_ns % MINUTE_NS == 0 for end_ns in ends_ns) else 8
            # without the day, for which there is no room: the chart's axis and the rows below name it
            return "–".join(format_clock(end_ns)[:shown] for end_ns in ends_ns)
        return "–".join(_day_and_minute(end_ns) for end_ns in ends_ns)
    if since:
        start = _words(since, now_ns)
        return (f"since {start}" if _is_absolute(since) else f"last {start}") + (" …" if until else "")
    return f"until {_words(until, now_ns)}" + ("" if _is_absolute(until) else " ago")


def _end(text: str, now_ns: int) -> WindowEnd:
    if not text or not _is_absolute(text):
        return WindowEnd(text, "")
    time_ns = parse_time(text, now_ns)
    return WindowEnd(format_zoned(time_ns), f"{moment_of(time_ns):%Y-%m-%dT%H:%M:%S}")


def _is_absolute(text: str) -> bool:
    return text[-1:] not in "smhd"


def _words(text: str, now_ns: int) -> str:
    if not _is_absolute(text):
        return text
    time_ns = parse_time(text, now_ns)
    return format_clock(time_ns)[:8] if format_day(time_ns) == format_day(now_ns) else _day_and_minute(time_ns)


def _day_and_minute(time_ns: int) -> str:
    return f"{format_day(time_ns)[5:]} {format_clock(time_ns)[:5]}"
