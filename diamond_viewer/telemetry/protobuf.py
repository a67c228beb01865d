"""One OTLP message in protobuf -> the same message as one line of OTLP/JSON, as the collector would have written it.

Source: opentelemetry-proto ``docs/specification.md``, JSON Protobuf encoding: ids as hex instead of base64, enums as numbers.
"""

import base64
import binascii
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from diamond_viewer.telemetry.otlp import LineError

_ID_KEYS = frozenset({"traceId", "spanId", "parentSpanId"})
_TRACE_ID_BYTES = 16


def line_from_message(message: bytes) -> bytes:
    """``TracesData``, ``MetricsData`` or ``LogsData`` (or a request of these, the same on the wire) -> a line without its end.

    Nothing in the bytes says which of the three they are, so the first that they fit decides. Raises ``LineError``.
    """
    for parsed in (_traces(message), _logs(message), _metrics(message)):
        if parsed is not None:
            wire = MessageToDict(parsed, use_integers_for_enums=True)
            _write_ids_as_hex(wire)
            return orjson.dumps(wire)
    raise LineError("not protobuf", "The message is not OTLP in protobuf, though its length prefix looks like one.")


def _traces(message: bytes) -> Message | None:
    parsed = TracesData()
    if not _parse(parsed, message):
        return None
    spans = [span for resource in parsed.resource_spans for scope in resource.scope_spans for span in scope.spans]
    # the other signals may parse too, but their records carry no trace id in a span's place; one broken span may lack it
    has_ids = any(len(span.trace_id) == _TRACE_ID_BYTES for span in spans)
    return parsed if has_ids or not message else None


def _logs(message: bytes) -> Message | None:
    parsed = LogsData()
    if not _parse(parsed, message):
        return None
    records = [
        record for resource in parsed.resource_logs for scope in resource.scope_logs for record in scope.log_records
    ]
    return parsed if any(record.time_unix_nano or record.observed_time_unix_nano for record in records) else None


def _metrics(message: bytes) -> Message | None:
    parsed = MetricsData()
    return parsed if _parse(parsed, message) and parsed.resource_metrics else None


def _parse(into: Message, message: bytes) -> bool:
    try:
        into.ParseFromString(message)
    except DecodeError:
        return False
    return True


def _write_ids_as_hex(wire: dict[str, Any]) -> None:
    waiting: list[Any] = [wire]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in _ID_KEYS & value.keys():
                if isinstance(value[key], str):
                    value[key] = _hex(value[key])
            waiting += [inner for key, inner in value.items() if key != "attributes"]
        elif isinstance(value, list):
            waiting += value


def _hex(encoded: str) -> str:
    """
    >>> _hex("AQIDBAUGBwg=")
    '0102030405060708'
    """
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except binascii.Error:
        return encoded
