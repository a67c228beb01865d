"""Why a trace is not there, as far as it can be known: still to be read, gone from memory, or never seen."""

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.units import format_clock, format_day
from diamond_viewer.web.horizon import budget, held_since
from diamond_viewer.web.status import progress_percent


def missing_trace(store: TraceStore, trace_id: str, now_ns: int) -> str:
    """One or two sentences; the page of a trace that is still to come asks again by itself. Of an id that was cut off, the
    beginning, with an ellipsis behind it."""
    health = store.health()
    if left_ns := store.left_ns(trace_id):
        return _evicted(trace_id, left_ns, health, now_ns)
    if not health.feed.ready:
        percent = progress_percent(health.feed)
        return f"Trace {trace_id} has not been read yet: still indexing, {percent:.0f} %. It opens by itself when it comes."
    older = ""
    if health.held_since_ns:
        older = (
            f" Traces from before {held_since(health, now_ns)} UTC are no longer held: --memory is {budget(health)}."
        )
    return (
        f"No trace {trace_id} is held. It may be still to come, or it was dropped or sampled before it reached the files."
        f"{older}"
    )


def _evicted(trace_id: str, left_ns: int, health: Health, now_ns: int) -> str:
    clock, day = format_clock(left_ns)[:8], format_day(left_ns)
    when = clock if day == format_day(now_ns) else f"{day} {clock}"
    since = f", older than what is held (since {held_since(health, now_ns)} UTC)" if health.held_since_ns else ""
    return f"Trace {trace_id} was evicted from memory at {when} UTC{since}: --memory is {budget(health)}."
