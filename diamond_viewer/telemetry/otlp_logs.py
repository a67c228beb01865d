"""Log records of OTLP/JSON that belong to a trace: counted by trace for the index, decoded in full and redacted for readers.

OpenTelemetry is moving events from spans into logs, with ``eventName``: the story of a trace needs both. A record without a
trace id belongs to no trace; it is counted only (``docs/decisions/0005-logs-by-trace.md``).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import xxhash

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Log, Resource, Scope
from diamond_viewer.telemetry.otlp_values import attributes_from_wire, value_from_json
from diamond_viewer.telemetry.redact import redact_attributes, redact_resource, redact_scope, redact_text
from diamond_viewer.telemetry.sketch import LogSketch

_NO_BYTES = msgspec.Raw(b"")
_ID_LENGTH = 32
_EXCEPTION = b'"exception.'

SEVERITIES = ("", "trace", "debug", "info", "warn", "error", "fatal")
_STEPS = 4  # numbers of each: 1 to 4 are TRACE, 5 to 8 DEBUG ...


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """The canonical spelling only."""


class _Attributed(_Wire):
    attributes: msgspec.Raw = _NO_BYTES
    dropped_attributes_count: int | str | None = 0


class _Scope(_Attributed):
    name: str | None = ""
    version: str | None = ""


class _Log(_Attributed):
    trace_id: str | None = ""
    span_id: str | None = ""
    event_name: str | None = ""
    time_unix_nano: int | str | None = 0
    observed_time_unix_nano: int | str | None = 0
    severity_number: int | None = 0
    severity_text: str | None = ""
    body: msgspec.Raw = _NO_BYTES
    flags: int | str | None = 0


class _TraceId(_Wire):
    trace_id: str | None = ""


class _ScopeLogs(_Wire):
    scope: _Scope | None = None
    log_records: list[msgspec.Raw] | None = None
    schema_url: str | None = ""


class _ResourceLogs(_Wire):
    resource: _Attributed | None = None
    scope_logs: list[_ScopeLogs] | None = None
    schema_url: str | None = ""


class _Document(_Wire):
    resource_logs: list[_ResourceLogs] | None = None


_DOCUMENT_DECODER = msgspec.json.Decoder(_Document)
_RESOURCES_DECODER = msgspec.json.Decoder(list[_ResourceLogs] | None)
_ID_DECODER = msgspec.json.Decoder(_TraceId)
_LOG_DECODER = msgspec.json.Decoder(_Log)


@dataclass(frozen=True, slots=True)
class LogRecords:
    """The records of one line: 16 bytes of trace id and one 64-bit mark for each that has one.

    A mark is a hash of the record's content; records that say the same on one line have different marks, and the same again
    when the line, or its batch in another grouping, comes a second time.
    """

    trace_ids: bytes = b""
    marks: tuple[int, ...] = ()
    without_trace: int = 0


NO_LOGS = LogRecords()


def count_logs(resource_logs: bytes) -> LogRecords | None:
    """The array under ``resourceLogs`` -> its records; None when it is not spelt as the Collector spells it."""
    ids: list[str] = []
    marks: list[int] = []
    repeats: Counter[int] = Counter()
    without_trace = 0
    for resource in _RESOURCES_DECODER.decode(resource_logs) or ():
        if resource.scope_logs is None:
            return None
        for scope_logs in resource.scope_logs:
            if scope_logs.log_records is None:
                return None
            for raw in scope_logs.log_records:
                wire = _LOG_DECODER.decode(raw)  # whatever is wrong with it must show now, not when it is read
                trace_id = wire.trace_id or ""
                if bytes(wire.attributes)[:1] not in (b"", b"[", b"n"):
                    return None
                if not trace_id.strip("0"):
                    without_trace += 1
                    continue
                if len(trace_id) != _ID_LENGTH:
                    return None
                content = xxhash.xxh3_64_intdigest(raw)
                ids.append(trace_id)
                marks.append(xxhash.xxh3_64_intdigest(raw, repeats[content]))
                repeats[content] += 1
    try:
        packed = bytes.fromhex("".join(ids))
    except ValueError:
        return None
    return LogRecords(packed, tuple(marks), without_trace)


def sketch_logs(original: bytes, trace_id: str) -> Iterator[tuple[int, LogSketch]]:
    """The records of one trace (32 lower-case hex) on a ``Batch.original``, each with its mark."""
    repeats: Counter[int] = Counter()
    for resource_logs in _DOCUMENT_DECODER.decode(original).resource_logs or ():
        resource: Resource | None = None
        for scope_logs in resource_logs.scope_logs or ():
            scope: Scope | None = None
            for raw in scope_logs.log_records or ():
                if (_ID_DECODER.decode(raw).trace_id or "").lower() != trace_id:
                    continue
                content = xxhash.xxh3_64_intdigest(raw)
                mark = xxhash.xxh3_64_intdigest(raw, repeats[content])
                repeats[content] += 1
                wire = _LOG_DECODER.decode(raw)
                resource = resource or _resource(resource_logs)
                scope = scope or _scope(scope_logs)
                name = redact_text(wire.event_name or "")
                span_id = (wire.span_id or "").lower()
                yield (
                    mark,
                    LogSketch(
                        name,
                        _number(wire.time_unix_nano) or _number(wire.observed_time_unix_nano),
                        span_id if span_id.strip("0") else "",
                        _number(wire.severity_number),
                        name == semconv.EXCEPTION_EVENT or _EXCEPTION in bytes(wire.attributes),
                        _WireLog(wire, resource, scope),
                    ),
                )


def logs_as_written(original: bytes) -> Iterator[Log]:
    """All records of a canonical document, those without a trace too, with what is secret in them: for a place that the
    collector itself would write to, and for no reader."""
    for resource_logs in _DOCUMENT_DECODER.decode(original).resource_logs or ():
        resource = _resource(resource_logs)
        for scope_logs in resource_logs.scope_logs or ():
            scope = _scope(scope_logs)
            for raw in scope_logs.log_records or ():
                wire = _LOG_DECODER.decode(raw)
                trace_id, span_id = (wire.trace_id or "").lower(), (wire.span_id or "").lower()
                given_ns, observed_ns = _number(wire.time_unix_nano), _number(wire.observed_time_unix_nano)
                number = _number(wire.severity_number)
                yield Log(
                    trace_id=trace_id if trace_id.strip("0") else "",
                    span_id=span_id if span_id.strip("0") else "",
                    name=wire.event_name or "",
                    time_ns=given_ns or observed_ns,
                    severity=wire.severity_text or severity_words(number),
                    severity_number=number,
                    body=value_from_json(bytes(wire.body)),
                    attributes=attributes_from_wire(bytes(wire.attributes)),
                    resource=resource,
                    scope=scope,
                    service=semconv.service_name(resource.attributes),
                    dropped_attribute_count=_number(wire.dropped_attributes_count),
                    severity_text=wire.severity_text or "",
                    given_ns=given_ns,
                    observed_ns=observed_ns,
                    flags=_number(wire.flags),
                )


class _WireLog(msgspec.Struct, frozen=True, gc=False):
    """A record as it stands on the wire."""

    wire: _Log
    resource: Resource
    scope: Scope

    def whole_log(self) -> Log:
        wire = self.wire
        number = _number(wire.severity_number)
        resource = redact_resource(self.resource)
        body = value_from_json(bytes(wire.body))
        severity_text = redact_text(wire.severity_text or "")
        given_ns, observed_ns = _number(wire.time_unix_nano), _number(wire.observed_time_unix_nano)
        return Log(
            trace_id=(wire.trace_id or "").lower(),
            span_id=(wire.span_id or "").lower(),
            name=redact_text(wire.event_name or ""),
            time_ns=given_ns or observed_ns,
            severity=severity_text or severity_words(number),
            severity_number=number,
            body=redact_attributes({"body": body})["body"],
            attributes=redact_attributes(attributes_from_wire(bytes(wire.attributes))),
            resource=resource,
            scope=redact_scope(self.scope),
            service=redact_text(semconv.service_name(resource.attributes)),
            dropped_attribute_count=_number(wire.dropped_attributes_count),
            severity_text=severity_text,
            given_ns=given_ns,
            observed_ns=observed_ns,
            flags=_number(wire.flags),
        )

    def may_say(self, needle: bytes) -> bool:
        wire = self.wire
        if any(needle in bytes(part).replace(b"\\/", b"/").lower() for part in (wire.attributes, wire.body)):
            return True
        return needle in f"{wire.event_name or ''}\n{wire.severity_text or ''}".lower().encode(errors="replace")


def severity_words(number: int) -> str:
    """
    >>> [severity_words(number) for number in (0, 9, 13, 17, 24, 99)]
    ['', 'info', 'warn', 'error', 'fatal', 'unknown (99)']
    """
    if number > _STEPS * (len(SEVERITIES) - 1):
        return f"unknown ({number})"
    return SEVERITIES[(number + _STEPS - 1) // _STEPS]


def _resource(wire: _ResourceLogs) -> Resource:
    resource = wire.resource or _Attributed()
    return Resource(
        attributes_from_wire(bytes(resource.attributes)),
        wire.schema_url or "",
        _number(resource.dropped_attributes_count),
    )


def _scope(wire: _ScopeLogs) -> Scope:
    scope = wire.scope or _Scope()
    return Scope(
        scope.name or "",
        scope.version or "",
        attributes_from_wire(bytes(scope.attributes)),
        wire.schema_url or "",
        _number(scope.dropped_attributes_count),
    )


def _number(value: int | str | None) -> int:
    return max(0, int(value or 0))
