"""Answers of the receiver: to real bodies of SDKs, to what it cannot take, and to web pages."""

import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests import writing
from tests.receive.receiving import JSON, PROTOBUF, VARIANTS, Running, receiving, signal_of, spans_of

BODIES = sorted(
    path
    for folder in ("js-http-json-bodies", "js-proto-bodies", "python-json-bodies", "vercel-otel")
    for path in (VARIANTS / folder).glob("0*")
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with receiving(tmp_path) as receiver:
        yield receiver


def chunked(body: bytes) -> Iterator[bytes]:
    yield body[:100]
    yield body[100:]


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(body) + deflater.flush()


@pytest.mark.parametrize("path", BODIES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_body_of_a_real_sdk_becomes_one_line(running: Running, path: Path) -> None:
    media_type = PROTOBUF if path.suffix == ".bin" else JSON
    answer = running.send(path.read_bytes(), f"/v1/{signal_of(path)}", media_type)
    assert (answer.status, answer.body) == (200, b"" if media_type == PROTOBUF else b"{}")
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (document,) = running.documents()
    member = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}[signal_of(path)]
    assert list(document) == [member]


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:])),
        ("GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("zstd", zstandard.compress),
        ("zstd", lambda body: zstandard.compress(body[:50]) + zstandard.compress(body[50:])),
        ("identity", bytes),
    ],
)
def test_a_compressed_body_is_the_same_body(
    running: Running, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = writing.line(*(writing.span(number) for number in range(1, 200)))
    assert running.send(compress(body), Content_Encoding=encoding).status == 200
    assert running.send(chunked(compress(body)), Content_Encoding=encoding).status == 200
    first, second = running.documents()
    assert first == second
    assert len(spans_of([first])) == 199


def test_an_empty_request_is_fine_and_stores_nothing(running: Running) -> None:
    assert running.send(b"{}").body == b"{}"
    assert running.send(b'{"resourceSpans":[]}').status == 200
    assert running.send(b"", content_type=PROTOBUF).status == 200
    assert running.documents() == []


@pytest.mark.parametrize(
    ("status", "sentence", "request_"),
    [
        (400, "The body is not JSON: expecting property name", {"body": b"{nonsense"}),
        (400, "The body is not JSON: expecting value", {"body": b""}),
        (400, "The body is not an OTLP request in JSON", {"body": b"[]"}),
        (400, "'spans' cannot be read", {"body": b'{"resourceSpans":[{"scopeSpans":[{"spans":5}]}]}'}),
        (400, "The body has 'resourceLogs' instead of 'resourceSpans'", {"body": b'{"resourceLogs":[]}'}),
        (400, "The body is nested too deep", {"body": b'{"a":' * 10_000}),
        (400, "The body is not gzip, or cut off.", {"body": b"{}", "Content_Encoding": "gzip"}),
        (400, "not gzip, or cut off.", {"body": gzip.compress(b"{}")[:-5], "Content_Encoding": "gzip"}),
        (400, "not gzip, or cut off.", {"body": gzip.compress(b"{}") + b"more", "Content_Encoding": "gzip"}),
        (400, "not zstd, or cut off.", {"body": zstandard.compress(b"{}")[:-1], "Content_Encoding": "zstd"}),
        (404, "OTLP/HTTP is received at /v1/traces", {"body": b"{}", "path": "/v1/trace"}),
        (405, "Telemetry is sent with POST.", {"body": None, "method": "GET"}),
        (415, "Content-Type must be application/json or application/x-protobuf.", {"content_type": "text/plain"}),
        (415, "Content-Encoding 'snappy' is not understood", {"Content_Encoding": "snappy"}),
        (415, "Content-Encoding 'gzip, gzip' is not understood", {"Content_Encoding": "gzip, gzip"}),
        (403, "Web pages of 'http://evil.example' may not send", {"Origin": "http://evil.example"}),
        (403, "may not send", {"method": "OPTIONS", "Origin": "http://evil.example"}),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_status_message(
    running: Running, status: int, sentence: str, request_: dict[str, Any]
) -> None:
    answer = running.send(**{"body": b"{}", **request_})
    assert answer.status == status
    assert sentence in answer.sentence
    assert isinstance(json.loads(answer.body)["code"], int)
    assert answer.headers["Content-Type"] == JSON
    assert running.documents() == []


def test_a_wrong_method_hears_which_is_right(running: Running) -> None:
    assert running.send(None, method="GET").headers["Allow"] == "POST"


@pytest.mark.parametrize("body", [b"\xff" * 50, b"\x0a\x03abc", b"\x0a\x04\x12\x02\x12\xff", b'{"resourceSpans":[]}'])
def test_what_is_not_protobuf_is_refused_in_protobuf(running: Running, body: bytes) -> None:
    answer = running.send(body, content_type=PROTOBUF)
    assert (answer.status, answer.headers["Content-Type"]) == (400, PROTOBUF)
    assert answer.body.startswith(b"\x08\x03\x12")
    assert b"The body is not protobuf" in answer.body


def test_a_span_without_valid_ids_is_rejected_and_the_others_are_kept(running: Running) -> None:
    spans = [writing.span(1), writing.span(2, traceId="0" * 32), writing.span(3, spanId="xyz")]
    answer = running.send(writing.line(*spans))
    assert answer.status == 200
    partial = json.loads(answer.body)["partialSuccess"]
    assert partial["rejectedSpans"] == "2"
    assert "no valid traceId and spanId" in partial["errorMessage"]
    assert [span["spanId"] for span in spans_of(running.documents())] == [writing.span_id(1)]


def test_a_partial_success_in_protobuf_can_be_read_by_protobuf(running: Running) -> None:
    span = b"\x12\x08" + bytes(range(8))  # a span id, and no trace id
    body = b"\x0a\x0e\x12\x0c\x12\x0a" + span
    response = ExportTraceServiceResponse.FromString(running.send(body, content_type=PROTOBUF).body)
    assert response.partial_success.rejected_spans == 1
    assert "traceId" in response.partial_success.error_message


def test_a_document_of_something_else_is_accepted_with_a_warning(running: Running) -> None:
    answer = running.send(b'{"spans":[{"id":"1"}]}')
    assert (answer.status, answer.body) == (
        200,
        b'{"partialSuccess":{"errorMessage":"The body has no \'resourceSpans\': nothing was stored."}}',
    )


def test_several_requests_come_over_one_connection(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    for number in range(1, 4):
        connection.request("POST", "/v1/traces", writing.line(writing.span(number)), {"Content-Type": JSON})
        assert connection.getresponse().read() == b"{}"
    connection.close()
    assert len(running.documents()) == 3


def test_a_web_page_may_send_when_its_origin_is_allowed(tmp_path: Path) -> None:
    origin = "http://localhost:3000"
    with receiving(tmp_path, None, origin) as running:
        asked = {
            "Origin": origin,
            "Access_Control_Request_Method": "POST",
            "Access_Control_Request_Headers": "content-type, x-team",
            "Access_Control_Request_Private_Network": "true",
        }
        preflight = running.send(None, method="OPTIONS", **asked)
        assert (preflight.status, preflight.body) == (204, b"")
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        assert preflight.headers["Access-Control-Allow-Headers"] == "content-type, x-team"
        assert preflight.headers["Access-Control-Allow-Private-Network"] == "true"
        sent = running.send(writing.line(writing.span()), Origin=origin)
        assert (sent.status, sent.headers["Access-Control-Allow-Origin"], sent.headers["Vary"]) == (
            200,
            origin,
            "Origin",
        )
        assert running.send(b"{", Origin=origin).headers["Access-Control-Allow-Origin"] == origin
        assert running.send(b"{}", Origin="http://localhost:3001").status == 403
        assert len(running.documents()) == 1


def test_without_an_allowed_origin_no_answer_mentions_one(running: Running) -> None:
    answers = [running.send(b"{}"), running.send(b"{}", Origin="http://localhost:3000")]
    assert [name for answer in answers for name in answer.headers if name.startswith("Access-Control")] == []
