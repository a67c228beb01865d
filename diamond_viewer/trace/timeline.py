"""The events of all spans and the logs of the trace as one ordered story, with the silences that matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT
from diamond_viewer.telemetry.sketch import AnyEvent, AnySpan, LogSketch, event_of_log
from diamond_viewer.telemetry.units import NS_PER_MS, format_duration
from diamond_viewer.trace.extent import LAST_TIME_NS, Extent, Scale
from diamond_viewer.trace.tree import Row

RESUME_LIMIT_NS = 500 * NS_PER_MS  # the platform's own rule: a loaded video resumes within half a second
LOADED_EVENT, RESUME_EVENT = "video.loaded", "video.resume_attempt"
SILENCE_SHARE = 0.2  # of the trace; a shorter silence is the normal space between two events
MIN_SILENCE_NS = 500 * NS_PER_MS  # in a trace of a few milliseconds no silence is worth a line
CLOCK_STEP_NS = NS_PER_MS  # JavaScript starts spans on whole milliseconds and times events finer


class Kind(StrEnum):
    AUTH = "auth"
    VIDEO = "video"
    PROGRESS = "progress"
    EXCEPTION = "exception"
    LOG = "log"
    OTHER = "other"


# the first part of an event's name; the middleware redirects those who are not signed in
_KINDS = {
    "auth": Kind.AUTH,
    "middleware": Kind.AUTH,
    "session": Kind.AUTH,
    "video": Kind.VIDEO,
    "progress": Kind.PROGRESS,
    EXCEPTION_EVENT: Kind.EXCEPTION,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place. ``offset_ns`` counts from the beginning of the scale and can be negative.

    ``time_ns`` is where it stands in the story: that of the event, or of its span's start when it has none. ``row`` is the
    place of its span, ``number`` its own place among the events of that span, from 0. A ``log`` stands for itself: its
    ``number`` is that among all logs, and it may belong to no span that is here (``row`` is -1 then).
    """

    offset_ns: int
    time_ns: int
    event: AnyEvent
    span: AnySpan | None
    kind: Kind
    row: int
    number: int
    problems: tuple[str, ...] = ()
    log: LogSketch | None = None


class PlacedLog(msgspec.Struct, frozen=True, gc=False):
    """A log and the row of its span, -1 when that is not here; ``time_ns`` as that span's clock was adjusted."""

    log: LogSketch
    row: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence before the next entry that is worth a line."""

    duration_ns: int
    sentence: str


def kind_of(name: str) -> Kind:
    """
    >>> [str(kind_of(name)) for name in ("auth.failed", "middleware.redirect", "video.loaded", "exception", "tick", "")]
    ['auth', 'auth', 'video', 'exception', 'other', 'other']
    """
    return _KINDS.get(name.partition(".")[0], Kind.OTHER)


def kind_of_log(log: LogSketch) -> Kind:
    """What reports an exception is one, whatever it is called; an ordinary log is a log."""
    if log.is_exception:
        return Kind.EXCEPTION
    kind = kind_of(log.name)
    return Kind.LOG if kind is Kind.OTHER else kind


def tell(
    rows: Sequence[Row],
    extents: Sequence[Extent],
    scale: Scale,
    logs: Sequence[PlacedLog] = (),
    resume_limit_ns: int = RESUME_LIMIT_NS,
) -> tuple[Entry | Gap, ...]:
    """The story in order of time; events of one time in the order of the tree, and of their span, logs behind them.

    A gap stands before the entry that ended it: between a loaded video and its next attempt to resume when that took longer
    than ``resume_limit_ns`` (also with other events between), else between neighbours when the silence is at least half a
    second and a fifth of the trace.
    """
    entries = [
        _entry(event, row.span, extent, scale, place, number)
        for place, (row, extent) in enumerate(zip(rows, extents, strict=True))
        if row.span.has_events
        for number, event in enumerate(row.span.events)
    ]
    entries += [_log_entry(placed, rows, extents, scale, number) for number, placed in enumerate(logs)]
    entries.sort(key=lambda entry: entry.time_ns)  # stable
    silence_ns = max(MIN_SILENCE_NS, round(SILENCE_SHARE * scale.duration_ns))
    story: list[Entry | Gap] = []
    previous: Entry | None = None
    loaded_ns = 0  # when the video that has not been resumed yet was loaded
    for entry in entries:
        if entry.event.name == RESUME_EVENT and loaded_ns and entry.time_ns - loaded_ns > resume_limit_ns:
            story.append(_resume_gap(entry.time_ns - loaded_ns, resume_limit_ns))
        elif previous and entry.time_ns - previous.time_ns >= silence_ns:
            took_ns = entry.time_ns - previous.time_ns
            story.append(Gap(took_ns, f"{format_duration(took_ns)} without an event."))
        if entry.event.name in (LOADED_EVENT, RESUME_EVENT):
            loaded_ns = entry.time_ns if entry.event.name == LOADED_EVENT else 0
        story.append(entry)
        previous = entry
    return tuple(story)


def _log_entry(placed: PlacedLog, rows: Sequence[Row], extents: Sequence[Extent], scale: Scale, number: int) -> Entry:
    log, at = placed.log, placed.row
    event, kind = event_of_log(log, placed.time_ns), kind_of_log(log)
    if at >= 0:
        entry = _entry(event, rows[at].span, extents[at], scale, at, number)
        return Entry(entry.offset_ns, entry.time_ns, event, entry.span, kind, at, number, entry.problems, log)
    time_ns = placed.time_ns
    problems = (f"Its span {log.span_id} is not in the files.",) if log.span_id else ()
    if not 0 < time_ns <= LAST_TIME_NS:
        time_ns, problems = scale.start_ns, (*problems, "It has no time: it is told at the start of the trace.")
    return Entry(time_ns - scale.start_ns, time_ns, event, None, kind, -1, number, problems, log)


def _resume_gap(took_ns: int, limit_ns: int) -> Gap:
    took, limit = format_duration(took_ns), format_duration(limit_ns)
    return Gap(took_ns, f"{took} gap: {LOADED_EVENT} → {RESUME_EVENT} is over {limit}.")


def _entry(event: AnyEvent, span: AnySpan, extent: Extent, scale: Scale, row: int, number: int) -> Entry:
    time_ns = event.time_ns
    problems: tuple[str, ...] = ()
    if not 0 < time_ns <= LAST_TIME_NS:
        time_ns, problems = extent.start_ns, ("It has no time: it is told at the start of its span.",)
    elif time_ns < extent.start_ns - CLOCK_STEP_NS:
        early = format_duration(extent.start_ns - time_ns)
        problems = (f"It happened {early} before its span started.",)
    elif time_ns > extent.end_ns + CLOCK_STEP_NS:
        late = format_duration(time_ns - extent.end_ns)
        problems = (f"It happened {late} after its span ended.",)
    return Entry(time_ns - scale.start_ns, time_ns, event, span, kind_of(event.name), row, number, problems)
