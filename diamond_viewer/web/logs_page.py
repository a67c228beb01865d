"""LogsPage: log records as a list, newest first, and when they were."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.resembling import MAX_MEANT, meant, misspelt
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.found_logs import FoundLogs, LogHistogram
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.severity import LEVEL_NAMES, LEVELS, WARN
from diamond_viewer.telemetry.units import (
    LAST_NS,
    format_clock,
    format_count,
    format_date_time,
    format_day,
    format_rfc3339,
    format_times,
    zone_label,
)
from diamond_viewer.web.charts import Chart, Row, chart
from diamond_viewer.web.elsewhere import NEWEST_TIMES, Elsewhere, meant_instead
from diamond_viewer.web.horizon import budget
from diamond_viewer.web.log_address import API_LOGS_PATH, LOGS_PATH, logs_href
from diamond_viewer.web.log_lines import LogLine, log_lines
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.times import in_utc
from diamond_viewer.web.window import WINDOWS

BUCKETS = 60
ERROR = LEVELS.index("error")
MAX_CLOCKED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Chip:
    """A way to fewer records, with how many these are; one that is set leads back."""

    words: str
    count: str
    href: str
    tone: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class LogList:
    """What a poll brings anew. ``anchor`` is the time of the topmost record, ``empty`` why there is none: "" |
    nothing-matches | none | indexing."""

    lines: tuple[LogLine, ...]
    words: str
    levels: tuple[Chip, ...]
    services: tuple[Chip, ...]
    chart: Chart
    anchor: str
    newer: str
    newer_href: str
    partial: str
    go_on_href: str
    shown: str
    first_href: str
    previous_href: str
    next_href: str
    json_href: str
    horizon: str
    empty: str
    clear_href: str
    elsewhere: tuple[Elsewhere, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class LogsPage:
    status: Status
    query: LogQuery
    list: LogList
    windows: tuple[tuple[str, str, bool], ...]
    severities: tuple[tuple[str, str, bool], ...]
    services: tuple[str, ...]
    crosses: tuple[tuple[str, str, str], ...]
    notices: tuple[str, ...]
    clear_href: str


def read_log_query(args: Iterable[tuple[str, str]], now_ns: int) -> tuple[LogQuery, tuple[str, ...]]:
    """Lenient, with times as the reader's clock shows them."""
    pairs = [(name, in_utc(value, now_ns) if name in ("since", "until") else value) for name, value in args]
    return LogQuery.from_args(pairs, now_ns)


def logs_page(store: TraceStore, query: LogQuery, notices: tuple[str, ...], now_ns: int) -> LogsPage:
    health = store.health()
    listed = log_list(store, query, health, now_ns)
    return LogsPage(
        status=status_of(health.feed, now_ns),
        query=query,
        list=listed,
        windows=tuple(
            (logs_href(query.but(since=since, until="")), label, since == query.since and not query.until)
            for since, label in WINDOWS
        ),
        severities=tuple(
            (name, name if name == LEVELS[-1] else f"{name} and worse", name == query.severity) for name in LEVEL_NAMES
        ),
        services=tuple(chip.words for chip in listed.services),
        crosses=tuple(
            (name, value, logs_href(query.but(**{name: ""})))
            for name, value in query.set_filters
            if name not in ("since", "until")
        ),
        notices=notices,
        clear_href=LOGS_PATH if query.set_filters else "",
    )


def log_list(store: TraceStore, query: LogQuery, health: Health, now_ns: int) -> LogList:
    found = store.logs(query, now_ns, BUCKETS)
    first = (query.page - 1) * query.limit
    listed = found.total - found.newer
    # the pages below stand still while records come in above them
    anchor = query.anchor or max((log.time_ns for log in found.logs), default=0)
    empty = ""
    if not found.logs:
        empty = "nothing-matches" if query.set_filters or first else "none" if health.feed.ready else "indexing"
    return LogList(
        lines=log_lines(found.logs, query, now_ns),
        words=_words(found),
        levels=_levels(found, query),
        services=tuple(
            Chip(
                name,
                format_count(count),
                logs_href(query.but(service="" if name == query.service else name)),
                "plain",
                name == query.service,
            )
            for name, count in found.services
        ),
        chart=_chart(found.histogram, query),
        anchor=str(anchor) if anchor else "",
        newer=f"{found.newer:,} newer" if found.newer else "",
        newer_href=logs_href(query.but()),
        partial=_partial(found),
        go_on_href=logs_href(query),
        shown=f"{first + 1:,}–{first + len(found.logs):,} of {listed:,}" if found.logs else "",
        first_href=logs_href(query.but()) if query.page > 1 else "",
        previous_href=logs_href(replace(query, page=query.page - 1)) if query.page > 1 else "",
        next_href=logs_href(replace(query, page=query.page + 1, anchor=anchor)) if first + query.limit < listed else "",
        json_href=logs_href(query, API_LOGS_PATH),
        horizon=_horizon(found, query, health, now_ns),
        empty=empty,
        clear_href=LOGS_PATH,
        elsewhere=_elsewhere(store, query, now_ns) if empty == "nothing-matches" else (),
        is_complete=found.is_complete,
    )


def _elsewhere(store: TraceStore, query: LogQuery, now_ns: int) -> tuple[Elsewhere, ...]:
    asked = {"user": query.user, "lesson": query.lesson}
    ways = meant_instead(
        store, lambda name: asked.get(name, ""), lambda field, value: logs_href(query.but(**{field: value}))
    )
    ways += _service_instead(store, query, now_ns)
    if not query.since and not query.until:
        return ways
    always = query.but(since="", until="")

    def ask() -> tuple[int, bool]:
        found = store.logs(replace(always, limit=1), now_ns, 1)
        return found.logs[0].time_ns if found.logs else 0, found.is_complete

    newest_ns = NEWEST_TIMES.of(store, always, now_ns, ask)
    if not newest_ns:
        return ways
    when = f"{format_date_time(newest_ns)[:19]} {zone_label()}"
    return (*ways, Elsewhere(f"The newest record that matches is of {when}.", (("Show all time", logs_href(always)),)))


def _service_instead(store: TraceStore, query: LogQuery, now_ns: int) -> tuple[Elsewhere, ...]:
    """For a service that has logged nothing at any time: those that have, and are called nearly so, or most."""
    if not query.service:
        return ()
    theirs = store.logs(LogQuery(service=query.service, limit=1), now_ns, 1)
    if theirs.total or not is_all(theirs):
        return ()
    held = store.logs(LogQuery(limit=1), now_ns, 1).services
    alike = meant(query.service, held) or misspelt(query.service, held)
    names = alike or tuple(name for name, _ in held[:MAX_MEANT])
    links = tuple((name, logs_href(query.but(service=name))) for name in names)
    said = f"No record is of the service {query.service[:60]}."
    asks, after = ("Did you mean", "?") if alike else ("Try", ".") if links else ("", "")
    return (Elsewhere(f"{said} {asks}".strip(), links, after),)


def _words(found: FoundLogs) -> str:
    """
    >>> _words(FoundLogs(total=1)), _words(FoundLogs(total=12_000, is_complete=False))
    ('1 record', 'at least 12,000 records')
    """
    return f"{'' if is_all(found) else 'at least '}{format_times(found.total, 'record')}"


def _partial(found: FoundLogs) -> str:
    """How far back was looked, where that is not everything."""
    back = f" to {format_date_time(found.scanned_to_ns)} {zone_label()}" if found.scanned_to_ns else ""
    if not found.is_complete:
        return f"Searched back{back} so far; it goes on by itself."
    return f"Searched back{back}, as far as is looked at once; for older records choose a time." if back else ""


def _levels(found: FoundLogs, query: LogQuery) -> tuple[Chip, ...]:
    """The most severe first. A filter says "at least", so its count is of those and of all that are worse."""
    chips = []
    for level, name in reversed(list(enumerate(LEVELS))):
        if found.levels[level] and name:
            is_set = name == query.severity
            href = logs_href(query.but(severity="" if is_set else name))
            chips.append(Chip(name, format_count(found.levels[level]), href, level_tone(level), is_set))
    if found.levels[0]:
        chips.append(Chip("not said", format_count(found.levels[0]), "", "plain", False))
    return tuple(chips)


def level_tone(level: int) -> str:
    """The ending of a badge's CSS class.

    >>> [level_tone(level) for level in (0, 3, 4, 5, 6)]
    ['plain', 'plain', 'auth', 'error', 'error']
    """
    return "error" if level >= ERROR else "auth" if level == WARN else "plain"


def _chart(histogram: LogHistogram, query: LogQuery) -> Chart:
    """Severe ones stand at the bottom, where heights can be compared. A column leads to its time."""
    counts, first_ns, width_ns = histogram.counts, histogram.start_ns, histogram.width_ns
    slots = len(counts[0]) if counts else 0
    edges = [first_ns + width_ns * at for at in range(slots + 1)] if counts else []
    sums = {
        "error and fatal": [sum(column) for column in zip(*counts[ERROR:], strict=True)],
        "warn": list(counts[WARN]) if counts else [],
        "less severe": [sum(column) for column in zip(*counts[:WARN], strict=True)],
    }
    totals = [sum(column) for column in zip(*counts, strict=True)]
    rows = [
        Row(label, tuple(float(value) if total else None for value, total in zip(values, totals, strict=True)))
        for label, values in sums.items()
    ]
    hrefs = [
        logs_href(query.but(since=format_rfc3339(max(0, since)), until=format_rfc3339(min(until - 1, LAST_NS))))
        for since, until in pairwise(edges)
    ]
    return chart("Records over time", edges, rows, is_stacked=True, empty="No record has a time.", hrefs=hrefs)


def _horizon(found: FoundLogs, query: LogQuery, health: Health, now_ns: int) -> str:
    """What is no longer held, where the question reaches back to it."""
    since_ns = query.window(now_ns).since_ns
    if not found.held_since_ns or (since_ns is not None and since_ns >= found.held_since_ns):
        return ""
    clock = format_clock(found.held_since_ns)[:5]
    day = format_day(found.held_since_ns)
    when = clock if day == format_day(now_ns) else f"{day} {clock}"
    return f"Logs from before {when} are no longer held: --memory is {budget(health)}."
