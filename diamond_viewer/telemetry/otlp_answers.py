"""The answers of OTLP/HTTP, in the encoding of the request.

Source: opentelemetry-proto ``docs/specification.md``: 200 carries the signal's export response, empty or with a partial
success; every error carries a ``google.rpc.Status``.
"""

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

JSON, PROTOBUF = "application/json", "application/x-protobuf"

# google.rpc.Code for an HTTP status, as the collector maps them
_CODES = {400: 3, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 431: 8, 501: 12, 503: 14}
_UNKNOWN_CODE = 2


def success(signal_name: str, media_type: str, rejected: int, why: str) -> bytes:
    """``rejected`` counts spans, data points or log records; with a ``why`` and none rejected it is a warning.

    >>> success("traces", JSON, 0, ""), success("logs", JSON, 2, "Why not.")
    (b'{}', b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"Why not."}}')
    >>> success("traces", PROTOBUF, 0, ""), success("metrics", PROTOBUF, 1, "No.")
    (b'', b'\\n\\x07\\x08\\x01\\x12\\x03No.')
    """
    response_type, member, json_member = _RESPONSES[signal_name]
    if media_type == JSON:
        counted = {json_member: str(rejected)} if rejected else {}
        return orjson.dumps({"partialSuccess": {**counted, "errorMessage": why}} if rejected or why else {})
    response = response_type()
    if rejected or why:
        setattr(response.partial_success, member, rejected)
        response.partial_success.error_message = why
    written: bytes = response.SerializeToString()
    return written


_RESPONSES = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
}


def failure(http_status: int, sentence: str, media_type: str) -> bytes:
    """A ``google.rpc.Status``, whose protobuf is two fields: the code and the message.

    >>> failure(415, "No.", JSON), failure(503, "Full.", PROTOBUF)
    (b'{"code":3,"message":"No."}', b'\\x08\\x0e\\x12\\x05Full.')
    """
    code = _CODES.get(http_status, _UNKNOWN_CODE)
    if media_type == JSON:
        return orjson.dumps({"code": code, "message": sentence})
    message = sentence.encode()
    return b"\x08%c\x12%b%b" % (code, _varint(len(message)), message)


def _varint(number: int) -> bytes:
    """
    >>> _varint(5), _varint(300)
    (b'\\x05', b'\\xac\\x02')
    """
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(written) + bytes([number])
