"""TEMPORARY pass-through by the lead so that others can import; the trace-room engineer replaces this whole file."""

from diamond_viewer.telemetry.model import Span


def redact_text(text: str) -> str:
    return text


def redact_span(span: Span) -> Span:
    return span
