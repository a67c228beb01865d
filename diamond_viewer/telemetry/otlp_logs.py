"""Log records of OTLP/JSON: columns for the index, decoded in full and redacted for readers.

OpenTelemetry is moving events from spans into logs, with ``eventName``: the story of a trace needs both. A record without a
trace id belongs to no trace; it is found by its time, severity, service and text.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import xxhash

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import Log, Resource, Scope
from diamond_viewer.telemetry.otlp_values import attributes_from_wire, chosen_attributes, value_from_json
from diamond_viewer.telemetry.redact import redact_attributes, redact_resource, redact_scope, redact_text
from diamond_viewer.telemetry.severity import level_of, severity_words
from diamond_viewer.telemetry.sketch import LogSketch

_NO_BYTES = msgspec.Raw(b"")
_ID_LENGTH = 32
_NO_ID = "0" * _ID_LENGTH
_EXCEPTION = b'"exception.'
_MAX_TIME_NS = 2**63 - 1  # as in ``otlp``: what lies beyond the year 2262 was never a clock
_MAX_SERVICE_LENGTH = 5_000  # likewise, characters
_ODD = (b'"kvlistValue"', b"\\u")  # a key within a value, or in escapes
_KEY, _KEY_AND_TEXT = b'"key"', b'"key":"'
_NOBODY, _EMPTY = ("", ""), len("[]")
_ODD_LEVEL = 25  # OpenTelemetry's numbers end before it
_LEVELS = tuple(level_of(number) for number in range(_ODD_LEVEL))


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


class _RawDocument(_Wire):
    resource_logs: msgspec.Raw = _NO_BYTES


_DOCUMENT_DECODER = msgspec.json.Decoder(_Document)
_RAW_DOCUMENT_DECODER = msgspec.json.Decoder(_RawDocument)
_RESOURCES_DECODER = msgspec.json.Decoder(list[_ResourceLogs] | None)
_ID_DECODER = msgspec.json.Decoder(_TraceId)
_LOG_DECODER = msgspec.json.Decoder(_Log)


@dataclass(frozen=True, slots=True)
class LogRecords:
    """The records of one line as columns: position ``i`` of each belongs to the line's record ``i``.

    ``trace_ids`` holds 16 bytes a record, zeros for one that names no trace. ``levels`` are places in ``severity.LEVELS``,
    times ns, 0 for none. ``users`` and ``lessons`` are those that the record itself names, empty for most.

    A mark is a hash of the record's content; records that say the same on one line have different marks, and the same again
    when the line, or its batch in another grouping, comes a second time.
    """

    trace_ids: bytes = b""
    marks: tuple[int, ...] = ()
    times_ns: tuple[int, ...] = ()
    levels: bytes = b""
    services: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    without_trace: int = 0


NO_LOGS = LogRecords()


def count_logs(resource_logs: bytes) -> LogRecords | None:
    """The array under ``resourceLogs`` -> its records; None when it is not spelt as the Collector spells it."""
    ids: list[str] = []
    marks: list[int] = []
    times_ns: list[int] = []
    levels = bytearray()
    services: list[str] = []
    named: list[tuple[str, str]] = []
    repeats: dict[int, int] = {}
    decode, digest = _LOG_DECODER.decode, xxhash.xxh3_64_intdigest
    for resource in _RESOURCES_DECODER.decode(resource_logs) or ():
        if resource.scope_logs is None:
            return None
        service = _service(bytes(resource.resource.attributes) if resource.resource else b"")
        for scope_logs in resource.scope_logs:
            if scope_logs.log_records is None:
                return None
            for raw in scope_logs.log_records:
                wire = decode(raw)  # whatever is wrong with it must show now, not when it is read
                trace_id, attributes = wire.trace_id or "", bytes(wire.attributes)
                if attributes[:1] not in (b"[", b"", b"n"):
                    return None
                if len(trace_id) != _ID_LENGTH or trace_id == _NO_ID:
                    if trace_id.strip("0"):
                        return None
                    trace_id = _NO_ID
                content = digest(raw)
                ids.append(trace_id)
                # a seed of 0 is the content's own hash, and nearly every record is the first of its kind
                marks.append(digest(raw, repeats[content]) if content in repeats else content)
                repeats[content] = repeats.get(content, 0) + 1
                try:
                    times_ns.append(_time_of(wire))
                except ValueError:  # a number in a text that is none, or of more digits than Python reads
                    return None
                number = wire.severity_number or 0
                levels.append(
                    _LEVELS[number] if 0 < number < _ODD_LEVEL else level_of(number, wire.severity_text or "")
                )
                named.append(_named(attributes) if len(attributes) > _EMPTY else _NOBODY)
            services += [service] * len(scope_logs.log_records)
    try:
        packed = bytes.fromhex("".join(ids))
    except ValueError:
        return None
    return LogRecords(
        packed,
        tuple(marks),
        tuple(times_ns),
        bytes(levels),
        tuple(services),
        tuple(user for user, _ in named),
        tuple(lesson for _, lesson in named),
        ids.count(_NO_ID),
    )


@lru_cache(maxsize=256)
def _service(blob: bytes) -> str:
    return semconv.service_name(attributes_from_wire(blob) if len(blob) > 2 else {})[:_MAX_SERVICE_LENGTH]


def _named(attributes: bytes) -> tuple[str, str]:
    """The user and the lesson that a record names itself; of several the first.

    >>> _named(b'[{"key":"user.id","value":{"stringValue":"u1"}},{"key":"lesson.id","value":{"intValue":"7"}}]')
    ('u1', '7')
    """
    if (plainly := _plainly_named(attributes)) is not None:
        return plainly
    chosen = chosen_attributes(attributes, semconv.carried_keys().all)
    users, lessons = semconv.users_of(chosen), semconv.lessons_of(chosen)
    return users[0] if users else "", lessons[0] if lessons else ""


def _plainly_named(attributes: bytes) -> tuple[str, str] | None:
    """The same without decoding, as the Collector writes it; None where it is written otherwise."""
    if any(odd in attributes for odd in _ODD) or attributes.count(_KEY) != attributes.count(_KEY_AND_TEXT):
        return None
    users: list[bytes] = []
    lessons: list[bytes] = []
    keys = semconv.carried_keys()
    for key, text in _naming(keys.all).findall(attributes):
        if not text:
            return None
        (users if key.decode() in keys.user else lessons).append(text)
    if len(users) > 1 or len(lessons) > 1:
        return None
    user, lesson = (found[0].decode()[: semconv.MAX_ID_LENGTH] if found else "" for found in (users, lessons))
    return user, lesson


@lru_cache(maxsize=4)
def _naming(keys: frozenset[str]) -> re.Pattern[bytes]:
    """One of these keys, and its value where that is a plain text."""
    either = b"|".join(re.escape(key.encode()) for key in sorted(keys))
    return re.compile(rb'"key":"(' + either + rb')"(?:,"value":\{"stringValue":"([^"\\]*)"\})?')


def logs_alone(original: bytes) -> bytes:
    """A document of several signals -> one with its logs and nothing else."""
    return b'{"resourceLogs":' + bytes(_RAW_DOCUMENT_DECODER.decode(original).resource_logs) + b"}"


def read_logs(
    original: bytes, places: Collection[int], may: Callable[[bytes], bool]
) -> Iterator[tuple[int, LogSketch]]:
    """Of the records on a ``Batch.original`` those at these places, counted over the line; ``may`` is asked of the bytes of
    each whether it is worth decoding."""
    place = -1
    for resource_logs in _DOCUMENT_DECODER.decode(original).resource_logs or ():
        resource: Resource | None = None
        for scope_logs in resource_logs.scope_logs or ():
            scope: Scope | None = None
            for raw in scope_logs.log_records or ():
                place += 1
                if place in places and may(bytes(raw)):
                    resource = resource or _resource(resource_logs)
                    scope = scope or _scope(scope_logs)
                    yield place, _sketch(_LOG_DECODER.decode(raw), resource, scope)


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
                resource = resource or _resource(resource_logs)
                scope = scope or _scope(scope_logs)
                yield mark, _sketch(_LOG_DECODER.decode(raw), resource, scope)


def _sketch(wire: _Log, resource: Resource, scope: Scope) -> LogSketch:
    name = redact_text(wire.event_name or "")
    return LogSketch(
        name,
        _time_of(wire),
        _id(wire.span_id),
        _number(wire.severity_number),
        name == semconv.EXCEPTION_EVENT or _EXCEPTION in bytes(wire.attributes),
        _WireLog(wire, resource, scope),
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
            trace_id=_id(wire.trace_id),
            span_id=_id(wire.span_id),
            name=redact_text(wire.event_name or ""),
            time_ns=_time_of(wire),
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


def _id(text: str | None) -> str:
    """Empty for none, which some write in zeros."""
    return text.lower() if text and text.strip("0") else ""


def _time_of(wire: _Log) -> int:
    """When it was, or else when it was observed. ``count_logs`` repairs a line where this raises ValueError."""
    time_ns = int(wire.time_unix_nano or 0) or int(wire.observed_time_unix_nano or 0)
    return time_ns if 0 < time_ns <= _MAX_TIME_NS else 0


def _number(value: int | str | None) -> int:
    """0 for what is no number: what is beside the record must not keep it from its readers.

    >>> [_number(value) for value in (7, "7", None, -1, "many")]
    [7, 7, 0, 0, 0]
    """
    try:
        return max(0, int(value or 0))
    except (ValueError, OverflowError, TypeError):
        return 0
