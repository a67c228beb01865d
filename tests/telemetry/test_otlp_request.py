"""Requests become the lines that the collector wrote of them; what SDKs write oddly costs a value at most."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from diamond_viewer.telemetry.otlp_request import Accepted, RequestError, lines_from_request
from diamond_viewer.telemetry.protobuf import line_from_message
from tests import writing

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
SPECIAL = VARIANTS / "js-special-values"


def accepted(body: Any, signal: str = "traces", max_line_bytes: int = 2**24) -> Accepted:
    encoded = body if isinstance(body, bytes) else writing.written(body)
    return lines_from_request(encoded, signal, is_protobuf=False, max_line_bytes=max_line_bytes)


def lines_or_refusal(body: bytes, signal: str, *, is_protobuf: bool) -> Accepted | str:
    try:
        return lines_from_request(body, signal, is_protobuf=is_protobuf)
    except RequestError as error:
        return str(error)


def stored_value(value: Any) -> Any:
    """What becomes of one attribute's value."""
    span = writing.span(1, attributes={"before": 1}) | {"attributes": [{"key": "k", "value": value}]}
    (line,) = accepted(writing.document(span)).lines
    return json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]["value"]


@pytest.mark.parametrize(
    ("body", "signal", "line"),
    [
        ("body-js-json.json", "traces", "traces.from-json.json"),
        ("body-js-proto.bin", "traces", "traces.from-proto.json"),
        ("body-js-proto-metrics.bin", "metrics", "metrics.from-proto.json"),
    ],
)
def test_a_request_becomes_the_line_that_the_collector_wrote_of_it(body: str, signal: str, line: str) -> None:
    given_body, expected = (SPECIAL / body).read_bytes(), (SPECIAL / line).read_bytes().splitlines()[0]
    taken = lines_from_request(given_body, signal, is_protobuf=body.endswith(".bin"))
    (written,) = taken.lines
    # with the order of members; the collector alone escapes what JSON does not ask to be escaped
    assert json.dumps(json.loads(written)) == json.dumps(json.loads(expected))
    assert (taken.rejected, taken.why) == (0, "")


@pytest.mark.parametrize(
    "path", [*sorted(VARIANTS.rglob("*-collector-style/*.json")), SPECIAL / "traces.from-json.json"]
)
def test_lines_of_the_collector_are_requests_too_and_stay_as_they_are(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        (once,) = accepted(line).lines
        (twice,) = accepted(once).lines
        assert twice == once
        assert accepted(line).rejected == 0


def test_the_oddities_of_the_javascript_sdk_cost_a_value_and_not_the_batch() -> None:
    taken = accepted((SPECIAL / "body-js-json-with-NaN-null.json").read_bytes())
    assert (taken.count, taken.rejected) == (22, 0)
    assert b'"doubleValue":null' not in taken.lines[0]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param({"doubleValue": None}, {}, id="NaN of JavaScript is lost"),
        pytest.param({"intValue": 1e21}, {"doubleValue": 1e21}, id="a large number of JavaScript stays a number"),
        pytest.param({"intValue": 28091}, {"intValue": "28091"}, id="integer as a number"),
        pytest.param({"intValue": "9007199254740993"}, {"intValue": "9007199254740993"}, id="integer as a text"),
        pytest.param({"intValue": "9" * 30}, {"stringValue": "9" * 30}, id="beyond 64 bits"),
        pytest.param({"intValue": 2.5}, {"doubleValue": 2.5}, id="a fraction"),
        pytest.param({"intValue": 0}, {"intValue": "0"}, id="zero is a value"),
        pytest.param({"boolValue": False}, {"boolValue": False}, id="false is a value"),
        pytest.param({"stringValue": ""}, {"stringValue": ""}, id="an empty text is a value"),
        pytest.param({"doubleValue": "NaN"}, {"doubleValue": "NaN"}, id="NaN in protobuf's words"),
        pytest.param({"doubleValue": 3.0}, {"doubleValue": 3}, id="a whole double"),
        pytest.param({"double_value": 0.5}, {"doubleValue": 0.5}, id="snake case"),
        pytest.param({"bytesValue": "-_8"}, {"bytesValue": "+/8="}, id="bytes of the other alphabet"),
        pytest.param({"bytesValue": "*"}, {}, id="bytes that are none"),
        pytest.param({"arrayValue": {}}, {"arrayValue": {}}, id="an empty array"),
        pytest.param(
            {"arrayValue": {"values": [{}, {"intValue": 1}, {"doubleValue": None}]}},
            {"arrayValue": {"values": [{}, {"intValue": "1"}, {}]}},
            id="an array keeps its places",
        ),
        pytest.param(
            {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}, {"key": "b"}]}},
            {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}, {"key": "b", "value": {}}]}},
            id="a map",
        ),
        pytest.param({"someValue": 1}, {}, id="an unknown type"),
        pytest.param(None, {}, id="null"),
        pytest.param("text", {}, id="no AnyValue at all"),
        pytest.param(
            {"stringValue": "a\x00\x1f\u2028<\U0001f600"}, {"stringValue": "a\x00\x1f\u2028<\U0001f600"}, id="text"
        ),
    ],
)
def test_a_value_is_kept_as_the_collector_spells_it(value: Any, kept: Any) -> None:
    assert stored_value(value) == kept


def test_a_value_of_a_thousand_levels_is_cut_and_the_span_stays() -> None:
    value: Any = {"intValue": "1"}
    for _ in range(200):
        value = {"kvlistValue": {"values": [{"key": "k", "value": value}]}}
    assert json.dumps(stored_value(value)).count("kvlistValue") == 49


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (rb'{"stringValue":"bad \ud83d end"}', "bad \ufffd end"),
        (rb'{"stringValue":"\ud83d\ude00"}', "\U0001f600"),
        (b'{"stringValue":"\xff"}', "\ufffd"),
    ],
)
def test_text_that_is_no_unicode_is_mended(written: bytes, kept: str) -> None:
    body = writing.line(writing.span(1, attributes={"k": 5})).replace(b'{"intValue":"5"}', written)
    (line,) = accepted(body).lines
    assert json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]["value"] == {
        "stringValue": kept
    }


def test_nan_written_as_python_does_is_read() -> None:
    body = writing.line(writing.span(1, attributes={"k": 5})).replace(b'{"intValue":"5"}', b'{"doubleValue":NaN}')
    assert b'{"doubleValue":"NaN"}' in accepted(body).lines[0]


def test_spellings_of_old_and_other_writers_are_understood() -> None:
    span = {
        "trace_id": "4BF92F3577B34DA6A3CE929D0E0E4736",
        "span_id": "00F067AA0BA902B7",
        "parentSpanId": "",
        "kind": "SPAN_KIND_SERVER",
        "start_time_unix_nano": 1_795_358_295_000_000_000,
        "endTimeUnixNano": "1795358295000000001",
        "status": {"code": "STATUS_CODE_ERROR"},
        "unheardOf": {"a": 1},
    }
    document = {
        "resource_spans": [
            {
                "resource": None,
                "instrumentationLibrarySpans": [{"instrumentationLibrary": {"name": "x"}, "spans": [span]}],
            }
        ]
    }
    (line,) = accepted(document).lines
    assert line == (
        b'{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{"name":"x"},"spans":[{"traceId":"4bf92f3577b34da6a3ce92'
        b'9d0e0e4736","spanId":"00f067aa0ba902b7","kind":2,"startTimeUnixNano":"1795358295000000000",'
        b'"endTimeUnixNano":"1795358295000000001","status":{"code":2}}]}]}]}'
    )


def test_schema_urls_stay_with_their_resource_and_scope() -> None:
    document = writing.document(writing.span(1))
    document["resourceSpans"][0]["schemaUrl"] = "https://r"
    document["resourceSpans"][0]["scopeSpans"][0]["schemaUrl"] = "https://s"
    (line,) = accepted(document).lines
    assert line.endswith(b'],"schemaUrl":"https://s"}],"schemaUrl":"https://r"}]}')
    message = TracesData()
    resource = message.resource_spans.add(schema_url="https://r")
    resource.scope_spans.add(schema_url="https://s").spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    (line,) = lines_from_request(message.SerializeToString(), "traces", is_protobuf=True).lines
    assert line.endswith(b'],"schemaUrl":"https://s"}],"schemaUrl":"https://r"}]}')


def test_a_request_longer_than_a_line_becomes_several_with_the_same_heads() -> None:
    spans = [writing.span(number, name="x" * 300) for number in range(1, 41)]
    document = {
        "resourceSpans": [writing.resource_spans(spans[:20], "web"), writing.resource_spans(spans[20:], "worker")]
    }
    taken = accepted(document, max_line_bytes=2_000)
    documents = [json.loads(line) for line in taken.lines]
    assert len(documents) > 5
    assert max(map(len, taken.lines)) <= 2_000
    found = [
        (resource["resource"]["attributes"][0]["value"]["stringValue"], span["spanId"])
        for one in documents
        for resource in one["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert found == [("web" if n <= 20 else "worker", writing.span_id(n)) for n in range(1, 41)]
    assert all(
        scope["scope"] == {"name": "tests"} for one in documents for scope in one["resourceSpans"][0]["scopeSpans"]
    )


def test_a_span_longer_than_the_longest_line_is_rejected() -> None:
    spans = [writing.span(1, name="x" * 3_000), writing.span(2)]
    taken = accepted(writing.document(*spans), max_line_bytes=2_000)
    assert (taken.count, taken.rejected) == (1, 1)
    assert taken.why == "A record with its resource and scope is longer than the longest line."


def test_rejected_metrics_are_counted_in_points() -> None:
    points = [{"timeUnixNano": str(number), "asInt": "1"} for number in range(100)]
    metric = {"name": "m", "gauge": {"dataPoints": points}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    assert accepted(body, "metrics").count == 100
    assert accepted(body, "metrics", 1_000).rejected == 100


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"resourceSpans": 5}, "'resourceSpans' cannot be read"),
        ({"resourceSpans": [5]}, "The body is not an OTLP request in JSON"),
        (
            {"resourceSpans": [{"resource": {"attributes": {}}, "scopeSpans": [{"spans": [{}]}]}]},
            "'attributes' is not an array.",
        ),
        ({"resourceSpans": [{"scopeSpans": [{"spans": ["x"]}]}]}, "A JSON object is missing: 'x' stands in its place."),
        (writing.document(writing.span(1, attributes=None) | {"attributes": ["x"]}), "An attribute is no object"),
        (b'{"resourceSpans":[]} trailing', "The body is not JSON"),
    ],
)
def test_what_has_the_wrong_structure_is_refused_with_a_sentence(body: Any, sentence: str) -> None:
    with pytest.raises(RequestError, match=re.escape(sentence)):
        accepted(body)


@given(st.binary(max_size=200), st.sampled_from(["traces", "metrics", "logs"]), st.booleans())
def test_any_bytes_are_taken_or_refused(body: bytes, signal: str, is_protobuf: bool) -> None:
    outcome = lines_or_refusal(body, signal, is_protobuf=is_protobuf)
    assert isinstance(outcome, Accepted) or outcome.endswith(".")


@given(st.data())
def test_a_damaged_request_is_taken_or_refused(data: st.DataObject) -> None:
    name, is_protobuf = data.draw(st.sampled_from([("js-proto-bodies/00001-traces.bin", True), ("x", False)]))
    body = bytearray(
        (VARIANTS / name).read_bytes() if is_protobuf else writing.line(writing.span(1, attributes={"a": [1]}))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    outcome = lines_or_refusal(bytes(body), "traces", is_protobuf=is_protobuf)
    if isinstance(outcome, Accepted):
        assert all(json.loads(line) for line in outcome.lines)
    else:
        assert outcome.endswith(".")


@pytest.mark.parametrize("path", sorted(VARIANTS.rglob("*traces.bin")), ids=lambda path: path.name)
def test_both_readers_of_protobuf_write_the_same(path: Path) -> None:
    (line,) = lines_from_request(path.read_bytes(), "traces", is_protobuf=True).lines
    assert json.loads(line) == json.loads(line_from_message(path.read_bytes()))
