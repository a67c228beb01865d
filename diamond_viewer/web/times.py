"""Times as readers write them."""

import re

from diamond_viewer.query.filters import FilterError, parse_time
from diamond_viewer.telemetry.units import format_clock, format_day, format_rfc3339, zone_label, zoned

_TIME_OF_DAY = re.compile(r"\d?\d:\d\d(:\d\d)?")


def as_of(now_ns: int) -> str:
    """What a page says of itself that is not drawn anew while it is open.

    >>> as_of(1_795_390_200_000_000_000)
    'as of 23:30:00 UTC'
    """
    return f"as of {format_clock(now_ns)[:8]} {zone_label()}"


def in_utc(text: str, now_ns: int) -> str:
    """A time as a reader writes it, by the clock that the page shows -> as it stands in links. What is none stays.

    >>> in_utc("2026-11-22 14:30", 0), in_utc("14:30", 1_795_390_200_000_000_000), in_utc("15m", 0), in_utc("noon", 0)
    ('2026-11-22T14:30:00Z', '2026-11-22T14:30:00Z', '15m', 'noon')
    """
    text = text.strip()
    if not text[-1:].isdigit():  # relative, or in UTC already
        return text
    if _TIME_OF_DAY.fullmatch(text):
        text = f"{format_day(now_ns)}T{text:0>5}" if len(text) < 6 else f"{format_day(now_ns)}T{text:0>8}"
    try:
        return format_rfc3339(parse_time(text, now_ns, zoned))
    except FilterError:
        return text
