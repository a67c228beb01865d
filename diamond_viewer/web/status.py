"""Status: the live pill and the sentence about the sources, in the header of every page."""

from dataclasses import dataclass
from pathlib import PurePath

from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.units import (
    NS_PER_SECOND,
    format_bytes,
    format_count,
    format_duration,
    format_minute,
    format_times,
)

STALE_AFTER_NS = 600 * NS_PER_SECOND  # without a new line: something upstream has probably stopped
MAX_NAMES = 3
SHOWN_LAG_NS = 100_000_000  # less is "now" for a reader

IMPORTED = "imported"  # the state of a source that was pasted or dropped: it never grows
READABLE_STATES = ("reading", "live", "done", IMPORTED)


@dataclass(frozen=True, slots=True)
class Paused:
    """Since when the reader has frozen the page, and what has come in above its list since; None where there is no list."""

    since_ns: int
    new_count: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """``state`` is live | paused | indexing | stale | waiting | failed, a CSS class's ending; ``progress`` is 0 to 100 or
    None; ``unreadable`` says how many sources cannot be read, empty when all can.
    """

    state: str
    words: str
    detail: str
    progress: str | None
    sources: str
    bad_lines: str
    has_bad_lines: bool
    unreadable: str
    banner: str
    is_demo: bool


def status_of(feed: FeedState, now_ns: int, paused: Paused | None = None) -> Status:
    state, words, detail = _pill(feed, now_ns, paused)
    percent = progress_percent(feed)
    failed_count = sum(source.state == "failed" for source in feed.sources)
    return Status(
        state=state,
        words=words,
        detail=detail,
        progress=f"{percent:.1f}" if state == "indexing" else None,
        sources=_sources_sentence(feed),
        bad_lines="" if is_elsewhere(feed) else format_times(feed.bad_lines, "bad line"),
        has_bad_lines=feed.bad_lines > 0,
        unreadable=""
        if is_elsewhere(feed) or not failed_count
        else f"{format_times(failed_count, 'source')} cannot be read",
        banner=feed.notice,
        is_demo=feed.is_demo,
    )


def is_elsewhere(feed: FeedState) -> bool:
    """The only source is a store that others write to, not a file.

    >>> from diamond_viewer.telemetry.model import SourceState
    >>> is_elsewhere(FeedState(sources=(SourceState("clickhouse://a.test:8123/otel.otel_traces", "live"),)))
    True
    """
    return len(feed.sources) == 1 and "://" in feed.sources[0].path


def progress_percent(feed: FeedState) -> float:
    """How much of the backlog has been read, 0 to 100. It is only 100 when the feed says that it is ready.

    >>> progress_percent(FeedState(bytes_read=43, bytes_total=100)), progress_percent(FeedState(ready=True))
    (43.0, 100.0)
    """
    if feed.ready:
        return 100.0
    return min(99.9, 100 * feed.bytes_read / feed.bytes_total) if feed.bytes_total else 0.0


def has_nothing_to_read(feed: FeedState) -> bool:
    """True when the files have been looked for and none of them has ever given a line."""
    return feed.ready and not feed.lines and not any(source.state in READABLE_STATES for source in feed.sources)


def waiting_for(feed: FeedState) -> tuple[str, ...]:
    """The paths that are to appear. A pattern that matches nothing has none; then the feed's notice names it."""
    return tuple(source.path for source in feed.sources if source.state == "waiting")


def reasons(feed: FeedState) -> tuple[str, ...]:
    """A sentence for each source that is there and cannot be read."""
    failed = (source for source in feed.sources if source.state == "failed")
    return tuple(dict.fromkeys(problem.sentence for source in failed for problem in source.problems))


def _pill(feed: FeedState, now_ns: int, paused: Paused | None) -> tuple[str, str, str]:
    if paused is not None:
        new = "" if paused.new_count is None else f"{format_count(paused.new_count)} new"
        return "paused", f"Paused at {format_minute(paused.since_ns)}", new
    if not feed.ready:
        return "indexing", "Indexing backlog", f"{progress_percent(feed):.0f} %"
    if has_nothing_to_read(feed):
        missing = waiting_for(feed)
        if missing or not feed.sources:
            return "waiting", "Waiting for", PurePath(missing[0]).name if missing else "a file"
        return "failed", "The cluster cannot answer" if is_elsewhere(feed) else "Nothing can be read", ""
    if all(source.state == IMPORTED for source in feed.sources) and feed.sources:
        return IMPORTED, "Imported", "read-only"
    if silence := silence_of(feed, now_ns):
        return "stale", silence, ""
    return "live", "Live", f"{behind(feed.lag_ns)} behind" if feed.lag_ns >= SHOWN_LAG_NS else ""


def silence_of(feed: FeedState, now_ns: int) -> str:
    """The sentence about a feed without new lines, empty while there are some. Whole minutes: a pill that changes each second
    would be read aloud each second.

    >>> silence_of(FeedState(last_line_ns=1), 659 * NS_PER_SECOND + 1), silence_of(FeedState(), 1)
    ('No new data for 10 min', '')
    """
    idle_ns = now_ns - feed.last_line_ns
    if not feed.last_line_ns or idle_ns < STALE_AFTER_NS:
        return ""
    minute_ns = 60 * NS_PER_SECOND
    return f"No new data for {format_duration(idle_ns // minute_ns * minute_ns)}"


def behind(lag_ns: int) -> str:
    """Seconds with a tenth, so that the pill keeps its width while it changes.

    >>> behind(300_000_000), behind(75 * NS_PER_SECOND)
    ('0.3 s', '1 min 15 s')
    """
    return f"{lag_ns / NS_PER_SECOND:.1f} s" if lag_ns < 59 * NS_PER_SECOND else format_duration(lag_ns)


def _sources_sentence(feed: FeedState) -> str:
    if is_elsewhere(feed):
        (source,) = feed.sources
        spans = f" · {format_times(source.lines, 'span')}" if source.lines else ""
        return f"{source.path.partition('://')[2]}{spans}"
    readable = [source for source in feed.sources if source.state in READABLE_STATES]
    if not readable:
        return "no file yet"
    live = [PurePath(source.path).name for source in readable if source.state != "done"]
    names = live or [PurePath(readable[0].path).name]
    rotated = len(readable) - len(names)
    size_bytes = sum(max(source.size_bytes, source.bytes_read) for source in readable)
    said = ", ".join(names) if len(names) <= MAX_NAMES else f"{names[0]} and {len(names) - 1:,} more"
    return f"{said}{f' + {rotated:,} rotated' if rotated else ''} · {format_bytes(size_bytes)}"
