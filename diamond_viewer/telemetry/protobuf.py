"""One OTLP message in protobuf -> the same message as one line of OTLP/JSON, as the collector would have written it."""

import orjson
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from diamond_viewer.telemetry.otlp import LineError
from diamond_viewer.telemetry.otlp_shapes import shape_of

_TRACE_ID_BYTES = 16


def line_from_message(message: bytes) -> bytes:
    """``TracesData``, ``MetricsData`` or ``LogsData`` (or a request of these, the same on the wire) -> a line without its end.

    Nothing in the bytes says which of the three they are, so the first that they fit decides. Raises ``LineError``.
    """
    for parsed in (_traces(message), _logs(message), _metrics(message)):
        if parsed is not None:
            return orjson.dumps(shape_of(type(parsed)).from_message(parsed))
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
