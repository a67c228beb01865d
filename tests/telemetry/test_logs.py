"""Log records: which belong to a trace, what marks them, and what readers get of them."""

from collections import Counter
from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_logs import logs_as_written, sketch_logs
from tests.writing import A_TIME_NS, Wire, document, line, log, logs_line, span, span_id, trace_id, written

LOGS = Path(__file__).parents[1] / "data" / "diamond-district" / "logs.json"


def test_every_record_of_the_real_logs_belongs_to_its_trace() -> None:
    batches = [decode_line(one) for one in LOGS.read_bytes().splitlines()]
    assert sum(len(batch.logs.marks) for batch in batches) == 138
    assert {batch.signal for batch in batches} == {"logs"}
    severities: Counter[str] = Counter()
    for batch in batches:
        ids = {batch.logs.trace_ids[at : at + 16].hex() for at in range(0, len(batch.logs.trace_ids), 16)}
        severities.update(sketch.whole().severity for one in ids for _, sketch in sketch_logs(batch.original, one))
    assert severities == {"info": 119, "warn": 17, "error": 2}


def test_records_without_a_trace_are_counted_and_kept_like_the_others() -> None:
    written_line = logs_line(log(trace=0), log(trace=0) | {"traceId": "0" * 32}, log(trace=3))
    batch = decode_line(written_line)
    assert (batch.logs.without_trace, batch.original, batch.is_worth_keeping) == (2, written_line, True)
    assert batch.logs.trace_ids == bytes(32) + bytes.fromhex(trace_id(3))


def test_what_the_index_holds_of_a_record_is_read_with_its_line() -> None:
    records = [
        log("a", time_ns=7, severityNumber=13, attributes={"userId": "u1", "lesson.id": "l1", "enduser.id": "other"}),
        log("b", time_ns=0, severityText="ERROR", observedTimeUnixNano="9"),
        log("c", time_ns=2**64 - 1),
    ]
    logs = decode_line(logs_line(*records, service="worker")).logs
    assert (logs.times_ns, tuple(logs.levels), logs.services) == ((7, 9, 0), (4, 5, 0), ("worker",) * 3)
    assert (logs.users, logs.lessons) == (("u1", "", ""), ("l1", "", ""))


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        pytest.param('[{"key":"user.id","value":{"stringValue":"u1"}}]', ("u1", ""), id="as the Collector writes it"),
        pytest.param('[{ "key" : "user.id", "value" : {"stringValue" : "u1"} }]', ("u1", ""), id="with blanks"),
        pytest.param('[{"value":{"stringValue":"u1"},"key":"user.id"}]', ("u1", ""), id="the other way round"),
        pytest.param('[{"key":"user.id","value":{"intValue":"7"}}]', ("7", ""), id="a number"),
        pytest.param('[{"key":"user.id","value":{"stringValue":"a\\"b"}}]', ('a"b', ""), id="a quotation mark"),
        pytest.param('[{"key":"\\u0075ser.id","value":{"stringValue":"u1"}}]', ("u1", ""), id="a key in escapes"),
        pytest.param(
            '[{"key":"c","value":{"kvlistValue":{"values":[{"key":"user.id","value":{"stringValue":"u1"}}]}}}]',
            ("", ""),
            id="a key within a value",
        ),
        pytest.param(
            '[{"key":"enduser.id","value":{"stringValue":"b"}},{"key":"user.id","value":{"stringValue":"a"}}]',
            ("a", ""),
            id="two spellings",
        ),
        pytest.param('[{"key":"user.name","value":{"stringValue":"Ada"}}]', ("", ""), id="a name is no id"),
    ],
)
def test_whom_a_record_names_is_read_however_it_is_written(attributes: str, named: tuple[str, str]) -> None:
    record = written(log("said")).decode().removesuffix("}") + f',"attributes":{attributes}}}'
    logs = decode_line(logs_line(log("other")).replace(written(log("other")), record.encode())).logs
    assert (logs.users, logs.lessons) == ((named[0],), (named[1],))


def test_equal_records_on_one_line_have_marks_of_their_own_and_the_same_ones_again() -> None:
    batch = decode_line(logs_line(log("tick"), log("tick")))
    assert len(set(batch.logs.marks)) == 2
    regrouped = decode_line(logs_line(log("before"), log("tick"), log("tick")))
    assert set(batch.logs.marks) < set(regrouped.logs.marks)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"traceId": trace_id(10).upper()}, id="capitals"),
        pytest.param({"severityNumber": "SEVERITY_NUMBER_ERROR2"}, id="severity by name"),
        pytest.param({"timeUnixNano": 1.5e18, "severityText": 7}, id="numbers and texts the wrong way round"),
        pytest.param({"attributes": {"no": "list"}}, id="attributes that are no list"),
        pytest.param({"log_record_id": 1, "event_name": "video.loaded"}, id="snake case"),
    ],
)
def test_odd_spellings_are_read_and_never_fail_later(odd: dict[str, object]) -> None:
    batch = decode_line(logs_line(log("kept", trace=10) | odd))
    ((_, sketch),) = sketch_logs(batch.original, trace_id(10))
    assert sketch.whole().body == "kept"


def test_a_line_of_both_signals_keeps_both() -> None:
    both = document(span(1)) | {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [log("here", of=1)]}]}]}
    batch = decode_line(written(both))
    assert (batch.signal, batch.span_count, len(batch.logs.marks)) == ("mixed", 1, 1)


def test_secrets_are_taken_out_of_names_bodies_and_attributes() -> None:
    secret = "Bearer abcdefghijklmnop0123456789"
    record = log(
        {"msg": "x", "password": "hunter2"}, attributes={"http.request.header.authorization": secret}, eventName=secret
    )
    ((_, sketch),) = sketch_logs(decode_line(logs_line(record)).original, trace_id(1))
    assert "hunter2" not in repr(sketch.whole())
    assert "abcdefghijklmnop" not in repr(sketch.whole())
    assert "abcdefghijklmnop" not in sketch.name


def test_a_log_that_reports_an_exception_is_known_by_its_attributes() -> None:
    record = log("request failed", attributes={"exception.type": "TypeError"}, severityNumber=17)
    ((_, sketch),) = sketch_logs(decode_line(logs_line(record)).original, trace_id(1))
    assert sketch.is_exception
    assert sketch.whole().severity == "error"


def test_lines_of_spans_name_the_other_traces_that_they_link_to() -> None:
    links = [{"traceId": trace_id(2), "spanId": span_id(5)}, {"traceId": trace_id(1), "spanId": span_id(9)}]
    links += [{"traceId": "0" * 32}, {"traceId": "zz"}, {"traceId": trace_id(2)}]
    batch = decode_line(line(span(8), span(1, links=links), span(3, start_ns=A_TIME_NS + 1)))
    assert (batch.links.rows, batch.links.trace_ids) == ((1,), bytes.fromhex(trace_id(2)))


@pytest.mark.parametrize("number", ["x", "1.5", "9" * 5000])
@pytest.mark.parametrize("member", ["droppedAttributesCount", "flags", "observedTimeUnixNano"])
def test_a_member_of_a_record_that_is_no_number_is_0_and_the_record_is_read(member: str, number: str) -> None:
    batch = decode_line(logs_line(log("said") | {member: number}))
    whole = [sketch.whole() for _, sketch in sketch_logs(batch.original, trace_id(1))]
    assert [one.body for one in whole] == ["said"]
    assert [one.body for one in logs_as_written(batch.original)] == ["said"]
    for one in whole:
        assert (one.dropped_attribute_count, one.flags, one.observed_ns, one.time_ns) == (0, 0, 0, A_TIME_NS)


@pytest.mark.parametrize("of", ["resource", "scope"])
def test_what_a_resource_or_a_scope_dropped_is_0_where_it_is_no_number(of: str) -> None:
    scope_logs = {"scope": {"droppedAttributesCount": "2"}, "logRecords": [log("said")]}
    resource_logs: Wire = {"resource": {"droppedAttributesCount": "3"}, "scopeLogs": [scope_logs]}
    (resource_logs if of == "resource" else scope_logs)[of] = {"droppedAttributesCount": "x"}
    batch = decode_line(written({"resourceLogs": [resource_logs]}))
    found = [sketch.whole() for _, sketch in sketch_logs(batch.original, trace_id(1))]
    counts = [(one.resource.dropped_attribute_count, one.scope.dropped_attribute_count) for one in found]
    assert counts == [(0, 2) if of == "resource" else (3, 0)]
