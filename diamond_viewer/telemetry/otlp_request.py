"""The body of an OTLP export request -> the lines that the collector's file exporter would have written of it.

Source: opentelemetry-proto ``docs/specification.md``, OTLP/HTTP. A request is resources, their scopes, and the records of
those: spans, metrics or log records. The envelope is only cut apart; each record is decoded, checked and written on its own,
so a request never needs much more memory than its bytes and its lines. A broken record is rejected, the rest is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from diamond_viewer.telemetry.otlp_envelopes import (
    Members,
    Raw,
    RequestError,
    TooMuchError,
    cut_json,
    cut_protobuf,
    decoded,
)
from diamond_viewer.telemetry.otlp_shapes import Json, ShapeError, shape_of

__all__ = ["Accepted", "RequestError", "TooMuchError", "lines_from_request"]

MAX_RECORD_BYTES = 8 * 1024**2  # of one span, metric, log record, resource or scope
MAX_LINE_BYTES = 16 * 1024**2  # a request that is longer as JSON becomes several lines
MAX_LINES_BYTES = 256 * 1024**2  # of all lines of a request: no 64 MiB of ordinary telemetry come near it


@dataclass(frozen=True, slots=True)
class Signal:
    """What differs between traces, metrics and logs."""

    members: Members
    record: type[Message]
    refusal: Callable[[Json], str | None]
    size: Callable[[Json], int]  # how many the specification counts in one record


@dataclass(frozen=True, slots=True)
class Accepted:
    """``lines`` without their ends; ``count`` and ``rejected`` are spans, log records or data points, ``why`` a sentence or
    empty.
    """

    lines: tuple[bytes, ...]
    count: int
    rejected: int
    why: str


def _span_refusal(span: Json) -> str | None:
    if "traceId" not in span or "spanId" not in span:
        return "A span has no valid traceId and spanId: 32 and 16 hexadecimal digits, not all zeros."
    return None


def _no_refusal(_: Json) -> None:
    return None


def _point_count(metric: Json) -> int:
    return sum(len(kind.get("dataPoints", ())) for kind in metric.values() if isinstance(kind, dict))


SIGNALS = {
    "traces": Signal(Members("resourceSpans", "scopeSpans", "spans"), Span, _span_refusal, lambda _: 1),
    "metrics": Signal(Members("resourceMetrics", "scopeMetrics", "metrics"), Metric, _no_refusal, _point_count),
    "logs": Signal(Members("resourceLogs", "scopeLogs", "logRecords"), LogRecord, _no_refusal, lambda _: 1),
}


def lines_from_request(
    body: bytes, signal_name: str, *, is_protobuf: bool, max_line_bytes: int = MAX_LINE_BYTES
) -> Accepted:
    """``signal_name`` is traces | metrics | logs. Raises ``RequestError`` for what is no such request, and its
    ``TooMuchError`` for one that would need more memory than its bytes promise.
    """
    signal = SIGNALS[signal_name]
    lines = _Lines(signal.members, max_line_bytes)
    count = rejected = 0
    why = ""
    envelopes, missing = cut_protobuf(body) if is_protobuf else cut_json(body, signal.members)
    decode_record = _decoder(signal.record, is_protobuf=is_protobuf)
    decode_resource = _decoder(Resource, is_protobuf=is_protobuf)
    decode_scope = _decoder(InstrumentationScope, is_protobuf=is_protobuf)
    for envelope in envelopes:
        resource: _Head | None = None
        for scope_envelope in envelope.scopes:
            if not scope_envelope.records:
                continue
            resource = resource or _Head("resource", envelope.resource, envelope.resource_schema_url, decode_resource)
            scope = _Head("scope", scope_envelope.scope, scope_envelope.schema_url, decode_scope)
            for raw in scope_envelope.records:
                record: Json = {}
                refusal: str | None = f"A record has more than {MAX_RECORD_BYTES:,} bytes."
                if len(raw) <= MAX_RECORD_BYTES:
                    record = decode_record(raw)
                    refusal = signal.refusal(record)
                    if refusal is None and not lines.add(resource, scope, orjson.dumps(record)):
                        refusal = "A record with its resource and scope is longer than the longest line."
                size = signal.size(record) if record else 1
                if refusal is None:
                    count += size
                else:
                    rejected, why = rejected + size, why or refusal
    return Accepted(lines.finished(), count, rejected, why or missing)


def _decoder(message_type: type[Message], *, is_protobuf: bool) -> Callable[[Raw], Json]:
    """Decodes one message canonically."""
    shape = shape_of(message_type)

    def from_json(raw: Raw) -> Json:
        try:
            value = decoded(raw)
            return shape.from_wire({} if value is None else value)
        except ShapeError as error:
            raise RequestError(str(error)) from None

    def from_protobuf(raw: Raw) -> Json:
        try:
            return shape.from_message(message_type.FromString(bytes(raw)))
        except DecodeError:
            raise RequestError(f"The body is not protobuf: its {message_type.__name__} cannot be read.") from None

    return from_protobuf if is_protobuf else from_json


class _Head:
    """What stands before and behind the records of one resource or scope, written once."""

    def __init__(self, name: str, raw: Raw, schema_url: str, decode: Callable[[Raw], Json]) -> None:
        if len(raw) > MAX_RECORD_BYTES:
            raise TooMuchError(f"A {name} has more than {MAX_RECORD_BYTES:,} bytes.")
        self.opening = b'{"%s":%s,' % (name.encode(), orjson.dumps(decode(raw)))
        self.closing = b'],"schemaUrl":%s}' % orjson.dumps(schema_url) if schema_url else b"]}"


class _Lines:
    """Puts records behind the heads they belong to, and begins a new line before one gets too long."""

    def __init__(self, members: Members, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._resource_array = b'{"%s":[' % members.resources.encode()
        self._scope_array = b'"%s":[' % members.scopes.encode()
        self._record_array = b'"%s":[' % members.records.encode()
        self._lines: list[bytes] = []
        self._parts: list[bytes] = []
        self._size_bytes = self._all_bytes = 0
        self._resource: _Head | None = None
        self._scope: _Head | None = None

    def add(self, resource: _Head, scope: _Head, record: bytes) -> bool:
        """False when the record does not fit into a line of its own."""
        frame_bytes = sum(len(part) for head in (resource, scope) for part in (head.opening, head.closing)) + 100
        if frame_bytes + len(record) > self._max_line_bytes:
            return False
        if self._parts and self._size_bytes + frame_bytes + len(record) > self._max_line_bytes:
            self._end_line()
        if self._resource is not resource:
            self._close(self._scope, self._resource)
            self._write(b"," if self._parts else self._resource_array)
            self._write(resource.opening + self._scope_array)
            self._resource, self._scope = resource, None
            self._write(scope.opening + self._record_array)
        elif self._scope is not scope:
            self._close(self._scope)
            self._write(b"," + scope.opening + self._record_array)
        else:
            self._write(b",")
        self._scope = scope
        self._write(record)
        return True

    def finished(self) -> tuple[bytes, ...]:
        if self._parts:
            self._end_line()
        return tuple(self._lines)

    def _end_line(self) -> None:
        self._close(self._scope, self._resource)
        self._write(b"]}")
        self._lines.append(b"".join(self._parts))
        self._parts, self._size_bytes = [], 0
        self._resource = self._scope = None

    def _close(self, *heads: _Head | None) -> None:
        for head in heads:
            if head is not None:
                self._write(head.closing)

    def _write(self, part: bytes) -> None:
        self._parts.append(part)
        self._size_bytes += len(part)
        self._all_bytes += len(part)
        if self._all_bytes > MAX_LINES_BYTES:
            raise TooMuchError(f"As JSON the request has more than {MAX_LINES_BYTES:,} bytes.")
