"""StatsStrip: the figures over everything that matches, each a link that filters by what it counts."""

from dataclasses import dataclass

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Stats
from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    NS_PER_SECOND,
    format_count,
    format_duration,
    format_rate,
    format_rfc3339,
    format_share,
    format_times,
)
from diamond_viewer.web.address import Address
from diamond_viewer.web.busy_time import BusyTime

SAME_POINTS = 0.05  # percentage points: a smaller change is shown as none


@dataclass(frozen=True, slots=True)
class Figure:
    """``tone`` is a CSS class's ending or empty; ``title`` says what a click does; ``is_set`` when it is filtered by;
    ``key`` is the key that presses it."""

    label: str
    value: str
    note: str
    tone: str
    href: str
    title: str
    is_set: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class StatsStrip:
    figures: tuple[Figure, ...]


def stats_strip(address: Address, store: TraceStore, stats: Stats, busy: BusyTime, now_ns: int) -> StatsStrip:
    """``stats`` of the address's query, and when nearly all of its traces began."""
    query = address.query
    before = previous_window(query, now_ns)
    change = error_change(stats, store.stats(before, now_ns)) if before is not None else ""
    errors_set, auth_set = query.value("status") == "error", "auth-failure" in query.values("flag")
    slow_set = "slow" in query.values("flag")
    return StatsStrip(
        (
            Figure(
                "Traces",
                format_count(stats.traces),
                rate(stats, query, busy, now_ns),
                "",
                address.filtered("status") if query.value("status") else address.newest(),
                f"{format_times(stats.spans, 'span')}; show traces of any status",
            ),
            Figure(
                "Error traces",
                format_share(stats.error_traces, stats.traces),
                " · ".join(part for part in (format_count(stats.error_traces), change) if part),
                "error" if stats.error_traces else "",
                address.filtered("status", *(() if errors_set else ("error",))),
                f"{format_times(stats.error_spans, 'span')} failed; show only traces in which any span failed",
                errors_set,
                "e",
            ),
            Figure(
                "Auth failures",
                format_count(stats.auth_failure_traces),
                format_times(stats.auth_failure_users, "user") if stats.auth_failure_users else "",
                "auth" if stats.auth_failure_traces else "",
                address.without("flag", "auth-failure") if auth_set else address.adding("flag", "auth-failure"),
                "auth.failed, missing credentials or HTTP 401; show only these",
                auth_set,
                "a",
            ),
            _percentile("p50", "half of the traces take longer", stats.p50_ns, stats, address),
            _percentile("p95", "one trace in twenty takes longer", stats.p95_ns, stats, address),
            Figure(
                "Slow > 1 s",
                format_count(stats.slow_traces),
                f"DB {format_count(stats.slow_db_traces)}" if stats.slow_db_traces else "",
                "slow" if stats.slow_traces else "",
                address.without("flag", "slow") if slow_set else address.adding("flag", "slow"),
                f"traces with a span over 1 s; {format_count(stats.slow_db_traces)} with a database span over 100 ms",
                slow_set,
            ),
        )
    )


def previous_window(query: Query, now_ns: int) -> Query | None:
    """The same question about the window of the same length just before; None when no start is set."""
    window = query.window(now_ns)
    if window.since_ns is None:
        return None
    until_ns = window.until_ns if window.until_ns is not None else now_ns
    width_ns = until_ns - window.since_ns
    if width_ns <= 0 or window.since_ns - width_ns < 0:
        return None
    earlier = query.with_values("since", format_rfc3339(window.since_ns - width_ns))
    return earlier.with_values("until", format_rfc3339(window.since_ns - 1))


def error_change(stats: Stats, before: Stats) -> str:
    """How the share of traces with errors moved, in percentage points.

    >>> error_change(Stats(traces=100, error_traces=4), Stats(traces=100, error_traces=2))
    '▲ 2.0'
    >>> error_change(Stats(traces=10), Stats())
    ''
    """
    if not stats.traces or not before.traces:
        return ""
    points = 100 * (stats.error_traces / stats.traces - before.error_traces / before.traces)
    return "± 0" if abs(points) < SAME_POINTS else f"{'▲' if points > 0 else '▼'} {abs(points):.1f}"


def rate(stats: Stats, query: Query, busy: BusyTime, now_ns: int) -> str:
    """Traces per second, minute or hour over the window, or over the time that the matches span. When nearly all of them began
    within a small part of that, their rate then, and how long that was."""
    if not busy.is_whole:
        found = format_rate(busy.count, busy.width_ns)
        return f"{found} in {format_duration(busy.width_ns)}" if found else ""
    window = query.window(now_ns)
    since_ns = window.since_ns if window.since_ns is not None else stats.first_start_ns
    until_ns = window.until_ns if window.until_ns is not None else stats.last_start_ns
    if window.since_ns is not None and window.until_ns is None:
        until_ns = max(now_ns, until_ns)
    seconds = (until_ns - since_ns) / NS_PER_SECOND
    if stats.traces < 2 or seconds < 1:
        return ""
    per_second = stats.traces / seconds
    for scale, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_second * scale >= 1 or unit == "h":
            figure = per_second * scale
            return f"{figure:,.1f}/{unit}" if figure < 10 else f"{figure:,.0f}/{unit}"
    raise AssertionError("the last unit always answers")


def _percentile(label: str, meaning: str, duration_ns: int, stats: Stats, address: Address) -> Figure:
    shown = format_duration(duration_ns) if stats.traces else "–"
    bound = f"{duration_ns / NS_PER_MS:.6f}".rstrip("0").rstrip(".") if duration_ns else ""
    is_set = bool(bound) and address.query.value("min_ms") == bound
    href = address.filtered("min_ms", *(() if is_set or not bound else (bound,)))
    return Figure(label, shown, "", "", href, f"{meaning}; show only those", is_set)
