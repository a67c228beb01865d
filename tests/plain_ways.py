"""Ways of people and lessons by plain loops over whole traces: what the index's answers are held against."""

import struct
from collections import Counter
from collections.abc import Mapping, Sequence

from diamond_viewer.telemetry.model import Event, Flag, Span, TraceSummary
from diamond_viewer.telemetry.ways import Trouble, Troubles, Watching, Way, WayEvent, WayStep, percentiles
from tests.plain_trace import LESSON_KEYS, USER_KEYS, detail_of, ids_under

TOLD = {
    *("auth.failed", "auth.credentials.missing", "auth.session.created", "middleware.redirect"),
    *("video.loaded", "video.resume_attempt", "video.resume_position_mismatch", "video.buffering"),
    *("progress.data_received", "progress.validation_failed", "progress.auto_complete_triggered"),
    *("job completed", "job failed"),
}
BAD = (Flag.ERROR, Flag.AUTH_FAILURE, Flag.BUFFERING, Flag.RESUME_MISMATCH)
KEYS = {"user": USER_KEYS, "lesson": LESSON_KEYS}

Traces = Sequence[tuple[TraceSummary, list[Span]]]


def plain_way(traces: Traces, field: str, value: str) -> Way:
    """``traces`` are those that name the value."""
    rows = sorted(traces, key=lambda pair: (pair[0].start_ns, pair[0].trace_id))
    events = []
    for at, (row, spans) in enumerate(rows):
        for span in spans:
            user, lesson = _whose(span, "user", row.user_ids), _whose(span, "lesson", row.lesson_ids)
            if (user if field == "user" else lesson) not in ("", value):
                continue
            failed = row.http_status >= 400 or (row.http_status == 0 and row.error_count > 0)
            for event in span.events:
                if event.name in TOLD:
                    amount, place = _figures(event, span)
                    events.append(
                        WayEvent(
                            event.time_ns,
                            event.name,
                            detail_of(event),
                            at,
                            span.span_id,
                            user,
                            lesson,
                            amount,
                            place,
                            not failed and span.status_code != 2,
                        )
                    )
    events.sort(key=lambda event: (event.time_ns, event.name, rows[event.step][0].trace_id, event.span_id))
    steps = [
        WayStep(
            row.trace_id,
            row.name,
            row.service,
            row.start_ns,
            row.start_ns + row.duration_ns,
            row.flags,
            row.http_status,
            row.user_ids,
            row.lesson_ids,
        )
        for row, _ in rows
    ]
    return Way(tuple(steps), tuple(events))


def plain_troubles(rows: Sequence[TraceSummary], field: str, text: str, limit: int) -> Troubles:
    held: dict[str, list[TraceSummary]] = {}
    for row in rows:
        for value in row.user_ids if field == "user" else row.lesson_ids:
            if all(word in value.casefold() for word in text.casefold().split()):
                held.setdefault(value, []).append(row)
    found = [_trouble(value, theirs) for value, theirs in held.items()]
    found.sort(key=lambda one: (one.bad_traces == 0, -one.last_ns, -one.seen_ns, one.value))
    return Troubles(tuple(found[:limit]), len(found), sum(one.bad_traces > 0 for one in found))


def _trouble(value: str, rows: Sequence[TraceSummary]) -> Trouble:
    counts = {flag: sum(bool(row.flags & flag) for row in rows) for flag in BAD}
    bad_ns = [row.start_ns for row in rows if any(row.flags & flag for flag in BAD)]
    return Trouble(
        value,
        len(rows),
        len(bad_ns),
        {flag: count for flag, count in counts.items() if count},
        min(bad_ns, default=0),
        max(bad_ns, default=0),
        max(row.start_ns for row in rows),
    )


def plain_watching(traces: Traces) -> Watching:
    theirs = [(row, spans) for row, spans in traces if row.lesson_ids]
    happened = [(event, span) for _, spans in theirs for span in spans for event in span.events if event.name in TOLD]
    amounts: dict[str, list[float]] = {}
    for event, span in happened:
        if (amount := _figures(event, span)[0]) is not None:
            amounts.setdefault(event.name, []).append(amount)
    return Watching(
        len({lesson for row, _ in theirs for lesson in row.lesson_ids}),
        len(theirs),
        sum(row.error_count > 0 for row, _ in theirs),
        dict(sorted(Counter(event.name for event, _ in happened).items())),
        percentiles(amounts.get("video.loaded", [])),
        percentiles(amounts.get("video.resume_attempt", [])),
    )


def _whose(span: Span, field: str, of_trace: tuple[str, ...]) -> str:
    own = [str(span.attributes[key]) for key in KEYS[field] if span.attributes.get(key)]
    said = sorted(ids_under([span], KEYS[field]))
    return own[0] if own else said[0] if said else of_trace[0] if len(of_trace) == 1 else ""


def _figures(event: Event, span: Span) -> tuple[float | None, float | None]:
    if event.name == "video.loaded":
        return _figure(event.attributes, "loadTimeMs"), None
    if event.name == "video.buffering":
        return _figure(event.attributes, "stalledMs"), _figure(event.attributes, "position")
    if event.name == "video.resume_attempt":
        own = _figure(event.attributes, "video.resume_time_ms")
        took = _figure(span.attributes, "video.resume_time_ms") if own is None else own
        return took, _figure(event.attributes, "savedPosition")
    if event.name == "progress.data_received":
        return _figure(event.attributes, "watchTime"), _figure(event.attributes, "positionSeconds")
    return None, None


def _figure(attributes: Mapping[str, object], key: str) -> float | None:
    """As the 32 bits of a float have it."""
    value = attributes.get(key)
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    if number is None or not 0 <= number < 1e9:
        return None
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded
