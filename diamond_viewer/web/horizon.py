"""What is no longer held: said where the reader asks for it, and on the health page."""

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.units import format_bytes, format_clock, format_day


def beyond_memory(health: Health, query: Query, now_ns: int) -> tuple[str, ...]:
    """A sentence when the query reaches back to where traces had to leave memory, else nothing.

    >>> from diamond_viewer.telemetry.model import FeedState
    >>> noon_ns = 1_795_348_800_000_000_000
    >>> health = Health(1, 0, 0, 0, 0, 0, FeedState(), budget_bytes=1024**3, held_since_ns=noon_ns)
    >>> beyond_memory(health, Query(), noon_ns + 60_000_000_000)
    ('Traces from before 12:00 are no longer held: --memory is 1 GiB.',)
    >>> beyond_memory(health, Query((("since", "1m"),)), noon_ns + 60_000_000_000)
    ()
    """
    since_ns = query.window(now_ns).since_ns
    if not health.held_since_ns or (since_ns is not None and since_ns >= health.held_since_ns):
        return ()
    return (f"Traces from before {held_since(health, now_ns)} are no longer held: --memory is {budget(health)}.",)


def held_since(health: Health, now_ns: int) -> str:
    """A time of day; with its day when that is not today."""
    clock = format_clock(health.held_since_ns)[:5]
    day = format_day(health.held_since_ns)
    return clock if day == format_day(now_ns) else f"{day} {clock}"


def budget(health: Health) -> str:
    """As a reader would have written it behind ``--memory``."""
    for unit_bytes, unit in ((1024**3, "GiB"), (1024**2, "MiB")):
        if health.budget_bytes and health.budget_bytes % unit_bytes == 0:
            return f"{health.budget_bytes // unit_bytes:,} {unit}"
    return format_bytes(health.budget_bytes)
