"""What people paste: the format is found out, other formats are converted, and what is no telemetry is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_pasted import NotTelemetryError, read_pasted
from tests import writing

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
MANY = 1_000_000


def spans_in(content: bytes) -> list[dict[str, Any]]:
    return [
        span | {"resource": resource["resource"].get("attributes", []), "scope": scope.get("scope", {})}
        for line in read_pasted(content, MANY).lines
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def values_of(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in attributes}


@pytest.mark.parametrize(
    ("name", "format_", "spans"),
    [
        ("rotation-timberjack-names/traces.json", "lines of a collector", 304),
        ("one-file-three-signals/telemetry.json", "lines of a collector", 3252),
        ("cut-off/traces-crlf-bom.json", "lines of a collector", 343),
        ("cut-off/traces-pretty-printed.json", "OTLP request in JSON", 3),
        ("cut-off/traces-json-array.json", "OTLP request in JSON", 343),
        ("js-http-json-bodies/00003-traces.json", "OTLP request in JSON", 322),
        ("js-special-values/body-js-json-with-NaN-null.json", "OTLP request in JSON", 22),
        ("js-proto-bodies/00007-traces.bin", "OTLP request in protobuf", 12),
        ("js-proto-bodies/00014-metrics.bin", "OTLP request in protobuf", 0),
        ("jaeger/trace.json", "Jaeger's JSON", 2),
        ("zipkin/js-zipkin-body.json", "Zipkin's JSON", 3),
    ],
)
def test_a_real_file_is_recognised_and_all_its_spans_are_read(name: str, format_: str, spans: int) -> None:
    pasted = read_pasted((VARIANTS / name).read_bytes(), MANY)
    assert pasted.format == format_
    assert sum(decode_line(line).span_count for line in pasted.lines) == spans
    assert pasted.lines
    assert (pasted.rejected, pasted.why) == (0, "")


def test_jaeger_s_tags_logs_and_references_become_what_they_were() -> None:
    root, check = spans_in((VARIANTS / "jaeger/trace.json").read_bytes())
    assert (root["spanId"], root["name"], root["kind"]) == ("00000000000000a1", "GET /api/video/[lessonId]", 2)
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == ("1795358295457123000", "1795358295502353000")
    assert (root["scope"], root["traceState"]) == ({"name": "next.js", "version": "16.4.6"}, "a=1")
    assert values_of(root["attributes"]) == {
        "user.id": {"stringValue": "usr_0007"},
        "lesson.id": {"stringValue": "lesson-012"},
        "http.response.status_code": {"intValue": "401"},
        "share": {"doubleValue": 0.5},
        "cold": {"boolValue": False},
        "blob": {"bytesValue": "AAAwOQ=="},
    }
    assert values_of(root["resource"])["host.name"] == {"stringValue": "facet-1"}
    assert (check["parentSpanId"], check["status"]) == (root["spanId"], {"message": "no session", "code": 2})
    assert check["links"] == [{"traceId": "0" * 30 + "ff", "spanId": "00000000000000c3"}]
    failed, said = check["events"]
    assert (failed["name"], values_of(failed["attributes"])) == ("auth.failed", {"hasCookie": {"boolValue": False}})
    assert (said["name"], failed["timeUnixNano"]) == ("log", "1795358295458500000")


def test_zipkin_s_spans_become_what_they_were() -> None:
    spans = {span["name"]: span for span in spans_in((VARIANTS / "zipkin/js-zipkin-body.json").read_bytes())}
    root, check = spans["GET /api/video/[lessonId]"], spans["auth.session.check"]
    assert (root["kind"], spans["pg.query:SELECT diamond"]["kind"]) == (2, 3)
    assert check["parentSpanId"] == root["spanId"]
    assert check["status"] == {"message": "no session", "code": 2}
    assert [event["name"] for event in check["events"]] == ["auth.failed", "exception"]
    assert values_of(root["resource"]) == {"service.name": {"stringValue": "diamond-district-web"}}
    assert values_of(root["attributes"])["user.id"] == {"stringValue": "usr_0007"}


def test_a_client_and_a_server_that_share_an_id_in_zipkin_are_two_spans() -> None:
    client = {"traceId": "a" * 16, "id": "b" * 16, "kind": "CLIENT", "timestamp": 5, "duration": 3}
    server = client | {"kind": "SERVER", "shared": True, "remoteEndpoint": {"ipv4": "10.0.0.1", "port": 80}}
    first, second = spans_in(json.dumps([[client, server]]).encode())
    assert (first["traceId"], first["spanId"]) == ("0" * 16 + "a" * 16, "b" * 16)
    assert second["parentSpanId"] == first["spanId"] != second["spanId"]
    assert values_of(second["attributes"])["network.peer.port"] == {"intValue": "80"}


def test_a_span_without_ids_costs_that_span() -> None:
    trace = json.loads((VARIANTS / "jaeger/trace.json").read_bytes())["data"][0]
    trace["spans"][0]["spanID"], trace["spans"][1]["startTime"] = "no id", "soon"
    trace["spans"].append(5)
    pasted = read_pasted(json.dumps(trace).encode(), MANY)
    assert (pasted.rejected, sum(decode_line(line).span_count for line in pasted.lines)) == (1, 1)
    assert "no valid traceId and spanId" in pasted.why


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ((VARIANTS / "js-console-exporter.txt").read_bytes(), "what the JavaScript SDK's console exporter prints"),
        (b'{\n  "name": "job",\n  "context": {\n    "trace_id": "0x1"}}', "the Python SDK's console exporter"),
        (b"", "It is empty."),
        (b" \n\t\n", "It is empty."),
        (b"Dear support, I can't watch lesson 77.", "This is text, no telemetry"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "This is binary data, no telemetry"),
        (b"\n\x00\x01\x02", "no OTLP request in protobuf"),
        (b'{"traceID": ', "This is no JSON"),
        (b"[]", "This is JSON, but no telemetry"),
        (b'{"name": "x", "version": 1}', "an object with 'name', 'version'"),
        (b'[{"traceId": "1", "id": "2", "binaryAnnotations": []}]', "version 1"),
        (b"[" * 60 + b"]" * 60, "more than 50 objects and arrays"),
    ],
)
def test_what_is_no_telemetry_is_named(content: bytes, sentence: str) -> None:
    with pytest.raises(NotTelemetryError) as refusal:
        read_pasted(content, 50)
    assert sentence in str(refusal.value)


def test_what_is_nested_too_deep_is_no_json() -> None:
    with pytest.raises(NotTelemetryError, match="This is no JSON"):
        read_pasted(b'{"a":' * 5_000, MANY)


def test_a_half_line_does_not_spoil_the_others() -> None:
    whole = writing.line(writing.span())
    assert read_pasted(whole[:200] + b"\n" + whole + b"\n", MANY).lines[-1] == whole
