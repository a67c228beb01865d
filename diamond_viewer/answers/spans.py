"""One span as JSON, for who follows spans: flat, with what the viewer makes of its attributes."""

from typing import Any

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import STATUS_ERROR, Span
from diamond_viewer.telemetry.units import NS_PER_MS


def span_row(span: Span) -> dict[str, Any]:
    """Names are those of ``trace_row`` where they mean the same. ``span`` is redacted, as every ``Span`` is."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "name": span.name,
        "service": span.service,
        "start_unix_nano": str(span.start_ns),
        "duration_ms": span.duration_ns / NS_PER_MS,
        "status": "error" if span.status_code == STATUS_ERROR else "ok",
        "status_message": span.status_message,
        "events": [event.name for event in span.events],
        "user_ids": semconv.users_of(span.attributes),
        "lesson_ids": semconv.lessons_of(span.attributes),
    }
