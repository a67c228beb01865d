"""A line of OTLP/JSON as lines for a terminal: one per span, log record and metric, without secrets and control characters."""

from collections.abc import Iterator
from typing import Any

import orjson

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.harmless import harmless
from diamond_viewer.telemetry.model import Attributes
from diamond_viewer.telemetry.otlp_values import attributes_from_pairs, value_from_wire
from diamond_viewer.telemetry.redact import redact_attributes, redact_text
from diamond_viewer.telemetry.units import format_clock, format_duration

MAX_TEXT_LENGTH = 200  # characters of a name, a message or a body

_ERROR = 2  # the status code


def sentences(line: bytes) -> Iterator[str]:
    """``line`` is as ``lines_from_request`` writes it.

    >>> span = b'{"traceId":"ab","spanId":"cd","name":"GET /","startTimeUnixNano":"1000000","endTimeUnixNano":"3000000"}'
    >>> list(sentences(b'{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[%b]}]}]}' % span))
    ['00:00:00.001  unknown_service  GET /  2 ms  trace ab span cd']
    """
    document = orjson.loads(line)
    for member, scopes, records, describe in _SIGNALS:
        for resource in document.get(member, ()):
            attributes = attributes_from_pairs(resource["resource"].get("attributes"))
            service = _shown(semconv.service_name(attributes))
            for scope in resource[scopes]:
                for record in scope[records]:
                    yield describe(record, service)


def _span(span: dict[str, Any], service: str) -> str:
    start_ns, end_ns = int(span.get("startTimeUnixNano", 0)), int(span.get("endTimeUnixNano", 0))
    attributes = redact_attributes(attributes_from_pairs(span.get("attributes")))
    status = span.get("status", {})
    error = f"error: {_shown(status.get('message', ''))}".rstrip(": ") if status.get("code") == _ERROR else ""
    return _joined(
        format_clock(start_ns),
        service,
        _shown(span.get("name", "")),
        format_duration(end_ns - start_ns),
        error,
        _of_whom(attributes),
        f"trace {span['traceId']} span {span['spanId']}",
    )


def _log_record(record: dict[str, Any], service: str) -> str:
    time_ns = int(record.get("timeUnixNano") or record.get("observedTimeUnixNano") or 0)
    # under a name of its own: what is nested in a body is redacted by its keys too
    body = redact_attributes({"body": value_from_wire(record.get("body"))})["body"]
    trace = f"trace {record['traceId']}" if "traceId" in record else ""
    severity = _shown(record.get("severityText", ""))
    attributes = redact_attributes(attributes_from_pairs(record.get("attributes")))
    words = _shown(record.get("eventName", "")), _shown("" if body is None else str(body))
    return _joined(format_clock(time_ns), service, "log", severity, *words, _of_whom(attributes), trace)


def _metric(metric: dict[str, Any], service: str) -> str:
    points = [point for kind in metric.values() if isinstance(kind, dict) for point in kind.get("dataPoints", ())]
    time_ns = max((int(point.get("timeUnixNano", 0)) for point in points), default=0)
    count = f"{len(points)} point{'s' if len(points) != 1 else ''}"
    return _joined(
        format_clock(time_ns), service, "metric", _shown(metric.get("name", "")), count, _shown(metric.get("unit", ""))
    )


_SIGNALS = (
    ("resourceSpans", "scopeSpans", "spans", _span),
    ("resourceLogs", "scopeLogs", "logRecords", _log_record),
    ("resourceMetrics", "scopeMetrics", "metrics", _metric),
)


def _of_whom(attributes: Attributes) -> str:
    named = (("user", semconv.users_of(attributes)), ("lesson", semconv.lessons_of(attributes)))
    return " ".join(f"{noun} {_shown(', '.join(ids))}" for noun, ids in named if ids)


def _joined(*words: str) -> str:
    return "  ".join(word for word in words if word)


def _shown(text: str) -> str:
    """On one line, harmless to a terminal, and not endless.

    >>> _shown("a\\nb\\x1b[31m"), _shown("https://u:secret@h/"), len(_shown("x" * 1000))
    ('a�b�[31m', 'https://REDACTED:REDACTED@h/', 201)
    """
    text = redact_text(text[: 10 * MAX_TEXT_LENGTH])
    text = text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}…"
    return harmless(text)
