"""One line in, a batch out: what real and broken producers write, case by case."""

import json
import math
from typing import Any

import pytest

from diamond_viewer.telemetry.otlp import Batch, LineError, decode_line
from diamond_viewer.telemetry.otlp_values import attributes_from_pairs, value_from_wire
from tests.telemetry.readings import rows_of
from tests.writing import A_TIME_NS, Wire, document, event, key_values, line, resource_spans, span, written

MAX_TIME_NS = 2**63 - 1


def decoded_span(**more: Any) -> Batch:
    """A line of a good span and of one that has these members."""
    return decode_line(line(span(1), span(2, 1) | more))


def snake_cased(value: Any) -> Any:
    if isinstance(value, list):
        return [snake_cased(item) for item in value]
    if isinstance(value, dict):
        return {
            "".join("_" + letter.lower() if letter.isupper() else letter for letter in key): snake_cased(item)
            for key, item in value.items()
        }
    return value


FULL = span(
    1,
    2,
    kind=2,
    status_code=2,
    attributes={
        "user.id": "usr_1",
        "lesson.id": "lesson-1",
        "http.route": "/a",
        "http.status_code": 401,
        "db.system": "x",
    },
    events=[event("auth.failed", A_TIME_NS + 5, hasCookie=False, userId="usr_2")],
)


def test_a_span_is_read_with_all_that_the_index_needs() -> None:
    batch = decode_line(line(FULL, service="web"))
    events = (("auth.failed", A_TIME_NS + 5),)
    end_ns = A_TIME_NS + 1_000_000
    assert rows_of(batch) == [(f"{1:032x}", f"{1:016x}", f"{2:016x}", "work", "web", 2, A_TIME_NS, end_ns, 2, events)]
    [facts], [seen] = batch.facts, batch.events
    assert (facts.users, facts.lessons, facts.route, facts.http_status) == (("usr_1",), ("lesson-1",), "/a", 401)
    assert facts.is_database
    assert (seen.facts.users, seen.facts.detail) == (("usr_2",), "no cookie")
    assert (batch.span_count, batch.signal, batch.invalid_spans, batch.repaired) == (1, "traces", 0, False)
    assert batch.original == line(FULL, service="web")


# --- spellings --------------------------------------------------------------------------------------------------------


def old_names(wire: Wire) -> Wire:
    """As a Collector before 0.48 wrote it, with the enums of before 0.63."""
    text = (
        json.dumps(wire)
        .replace("scopeSpans", "instrumentationLibrarySpans")
        .replace('"scope"', '"instrumentationLibrary"')
    )
    text = text.replace('"kind": 2', '"kind": "SPAN_KIND_SERVER"').replace('"code": 2', '"code": "STATUS_CODE_ERROR"')
    result: Wire = json.loads(text)
    return result


def numbers_for_text(value: Any) -> Any:
    """64-bit integers as numbers, as the JavaScript SDK posts them."""
    if isinstance(value, list):
        return [numbers_for_text(item) for item in value]
    if isinstance(value, dict):
        integers = ("intValue", "startTimeUnixNano", "endTimeUnixNano", "timeUnixNano")
        return {key: int(item) if key in integers else numbers_for_text(item) for key, item in value.items()}
    return value


def with_nulls(wire: Wire) -> Wire:
    extra = {"traceState": None, "links": None, "droppedAttributesCount": None}
    return document(FULL | extra) | {"resourceMetrics": None, "resourceLogs": None}


def with_unknown_members(wire: Wire) -> Wire:
    return {"future": [{}], "resourceSpans": [resource_spans([FULL | {"future": {"a": [1]}}]) | {"entityRefs": []}]}


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(written(old_names(document(FULL))), id="names of before 0.48, enums as names"),
        pytest.param(written(snake_cased(document(FULL))), id="snake_case"),
        pytest.param(written(numbers_for_text(document(FULL))), id="integers as numbers"),
        pytest.param(written(with_nulls(document(FULL))), id="null for what is missing"),
        pytest.param(written(with_unknown_members(document(FULL))), id="unknown members"),
        pytest.param(written(resource_spans([FULL])), id="resource and scopeSpans on their own"),
        pytest.param(written([document(FULL)]), id="an array"),
        pytest.param(json.dumps(document(FULL), indent=2).encode(), id="pretty-printed"),
        pytest.param(line(FULL) + b"\r", id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + line(FULL), id="byte order mark"),
        pytest.param(b" \t" + line(FULL) + b" ", id="blanks"),
        pytest.param(line(FULL | {"traceId": f"{1:032X}", "kind": "2", "status": {"code": "2"}}), id="enums as digits"),
        pytest.param(line(FULL | {"kind": "SPAN_KIND_SERVER"}), id="kind as name"),
        pytest.param(line(FULL | {"status": {"code": "STATUS_CODE_ERROR", "message": "no"}}), id="code as name"),
        pytest.param(
            line(FULL | {"flags": 257, "links": [], "droppedEventsCount": 0}), id="members the index passes over"
        ),
        pytest.param(json.dumps(dict(reversed(document(FULL).items()))).encode(), id="another order"),
    ],
)
def test_every_spelling_reads_the_same(spelling: bytes) -> None:
    batch, expected = decode_line(spelling), decode_line(line(FULL))
    assert rows_of(batch) == rows_of(expected)
    assert list(batch.facts) == list(expected.facts)
    assert list(batch.events) == list(expected.events)
    assert (batch.signal, batch.invalid_spans, batch.repaired) == ("traces", 0, False)


def test_what_is_kept_of_a_repaired_line_reads_the_same_again() -> None:
    for spelling in (
        written(old_names(document(FULL))),
        written(snake_cased(document(FULL))),
        b"[{}," + line(FULL) + b"]",
    ):
        batch = decode_line(spelling)
        again = decode_line(batch.original)
        assert rows_of(again) == rows_of(batch)
        assert list(again.facts) == list(batch.facts)
        assert again.original == batch.original


@pytest.mark.parametrize("between", [b"", b" ", b"\t"])
def test_two_documents_on_a_line_are_both_read(between: bytes) -> None:
    batch = decode_line(line(span(1)) + between + line(span(2), service="worker"))
    assert [(row[1], row[4]) for row in rows_of(batch)] == [(f"{1:016x}", "web"), (f"{2:016x}", "worker")]


def test_several_resources_and_scopes_keep_their_services() -> None:
    wire = {"resourceSpans": [resource_spans([span(1)], "web"), resource_spans([span(2)], "worker")]}
    wire["resourceSpans"][0]["scopeSpans"] *= 2
    assert [row[4] for row in rows_of(decode_line(written(wire)))] == ["web", "web", "worker"]


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        (b"{}", "none"),
        (b'{"resourceSpans":[]}', "none"),
        (b'{"resourceSpans":null}', "none"),
        (b'{"resourceSpans":[{"resource":{}}]}', "traces"),
        (b'{"resourceMetrics":[{"scopeMetrics":[]}]}', "metrics"),
        (b'{"resource_logs":[{"scopeLogs":[]}]}', "logs"),
        (b'{"resource":{},"scopeMetrics":[]}', "metrics"),
        (b'{"resourceMetrics":[{}],"resourceLogs":[{}]}', "mixed"),
    ],
)
def test_a_line_without_spans_says_which_signal_it_is(text: bytes, signal: str) -> None:
    batch = decode_line(text)
    assert (batch.span_count, batch.invalid_spans, batch.signal) == (0, 0, signal)


def test_spans_beside_metrics_are_read() -> None:
    batch = decode_line(written(document(span(1)) | {"resourceMetrics": [{"scopeMetrics": []}]}))
    assert (batch.span_count, batch.signal) == (1, "mixed")


# --- ids (faults 59, 60) ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["traceId", "spanId"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("0" * 32, id="zeros"),
        pytest.param("", id="empty"),
        pytest.param(None, id="null"),
        pytest.param("a" * 31, id="31 digits"),
        pytest.param("a" * 33, id="33 digits"),
        pytest.param("g" * 32, id="not hexadecimal"),
        pytest.param("W47/95gDgQPSabYzgT/GDA==", id="base64"),
        pytest.param("é" * 16, id="not ASCII"),
        pytest.param(" " + "a" * 30 + " ", id="blanks"),
        pytest.param(7, id="a number"),
        pytest.param({}, id="an object"),
    ],
)
def test_a_span_without_a_usable_id_costs_that_span(member: str, value: object) -> None:
    if member == "spanId" and isinstance(value, str):
        value = value[16:] if value.isascii() else value[8:]  # off by one there as well
    batch = decoded_span(**{member: value})
    assert [row[1] for row in rows_of(batch)] == [f"{1:016x}"]
    assert batch.invalid_spans == 1


@pytest.mark.parametrize("member", ["traceId", "spanId"])
def test_a_missing_id_costs_that_span(member: str) -> None:
    wire = span(2, 1)
    del wire[member]
    batch = decode_line(line(span(1), wire))
    assert (batch.span_count, batch.invalid_spans) == (1, 1)


def test_ids_in_upper_case_are_the_same_ids() -> None:
    wire = span(0xABC, 0xDEF, trace=0xFED)
    shouted = wire | {key: wire[key].upper() for key in ("traceId", "spanId", "parentSpanId")}
    assert rows_of(decode_line(line(shouted))) == rows_of(decode_line(line(wire)))


@pytest.mark.parametrize("parent", ["", "0" * 16, None])
def test_an_empty_parent_is_a_root(parent: object) -> None:
    [_, (_, _, parent_id, *_)] = rows_of(decoded_span(parentSpanId=parent))
    assert parent_id == ""


@pytest.mark.parametrize("wire", [None, 7, "span", [], {}])
def test_what_is_no_span_at_all_costs_only_itself(wire: object) -> None:
    text = written({"resourceSpans": [{"scopeSpans": [{"spans": [span(1), wire]}]}]})
    batch = decode_line(text)
    assert (batch.span_count, batch.invalid_spans) == (1, 1)


# --- times (fault 65) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "time_ns"),
    [
        (0, 0),
        ("0", 0),
        (None, 0),
        (A_TIME_NS + 1, A_TIME_NS + 1),
        (str(A_TIME_NS + 1), A_TIME_NS + 1),
        (18_429_984_000_000_000_000, MAX_TIME_NS),  # the year 2554: the index counts to 2262
        (str(2**64 - 1), MAX_TIME_NS),
        ("-5", 0),
        (-5, 0),
        ("1e9", 0),
        ("", 0),
        ("soon", 0),
        ("9" * 5_000, 0),
        (1e9, 1_000_000_000),
        (1.5, 1),
        (True, 0),
        ([], 0),
    ],
)
@pytest.mark.parametrize("member", ["startTimeUnixNano", "endTimeUnixNano"])
def test_a_time_that_cannot_be_one_keeps_the_span(member: str, value: object, time_ns: int) -> None:
    batch = decoded_span(**{member: value})
    assert (batch.start_ns if member == "startTimeUnixNano" else batch.end_ns)[1] == time_ns
    assert batch.invalid_spans == 0


@pytest.mark.parametrize("member", ["startTimeUnixNano", "endTimeUnixNano"])
def test_a_missing_time_is_0(member: str) -> None:
    wire = span(1)
    del wire[member]
    batch = decode_line(line(wire))
    assert (batch.start_ns if member == "startTimeUnixNano" else batch.end_ns)[0] == 0


# --- values (faults 68 to 70) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ({"intValue": 5}, 5),
        ({"intValue": "5"}, 5),
        ({"intValue": "-7"}, -7),
        ({"intValue": 0}, 0),
        ({"intValue": str(2**53 + 1)}, 2**53 + 1),
        ({"intValue": 2**53 + 1}, 2**53 + 1),
        ({"intValue": str(2**63 - 1)}, 2**63 - 1),
        ({"intValue": str(-(2**63))}, -(2**63)),
        ({"intValue": str(2**64)}, 2**64),
        ({"intValue": "9" * 5_000}, "9" * 5_000),
        ({"intValue": 1e21}, 10**21),
        ({"intValue": "five"}, "five"),
        ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": 3}, 3.0),
        ({"doubleValue": "3.25"}, 3.25),
        ({"doubleValue": "Infinity"}, math.inf),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"doubleValue": 1e308}, 1e308),
        ({"doubleValue": None}, None),
        ({"stringValue": ""}, ""),
        ({"stringValue": "ü\u2028"}, "ü\u2028"),
        ({"boolValue": False}, False),
        ({"boolValue": True}, True),
        ({"bytesValue": "AAH/"}, b"\x00\x01\xff"),
        ({"bytesValue": "AA"}, b"\x00"),
        ({"bytesValue": "not base64!"}, "not base64!"),
        ({"bytesValue": ""}, b""),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}, {}]}}, [1, "a", None]),
        ({"kvlistValue": {}}, {}),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {}}}, {"key": "b"}]}}, {"a": [], "b": None}),
        ({}, None),
        (None, None),
        ({"futureValue": 1}, None),
        ({"stringValue": "a", "futureValue": 1}, "a"),
    ],
)
def test_every_any_value_is_read_without_loss(wire: object, value: object) -> None:
    read = value_from_wire(wire)
    assert (read, type(read)) == (value, type(value))


def test_doubles_that_compare_strangely_are_kept() -> None:
    nan, minus_zero = value_from_wire({"doubleValue": "NaN"}), value_from_wire({"doubleValue": -0.0})
    assert isinstance(nan, float)
    assert math.isnan(nan)
    assert isinstance(minus_zero, float)
    assert math.copysign(1, minus_zero) == -1


def test_an_any_value_with_two_members_is_one_of_them() -> None:
    assert value_from_wire({"stringValue": "a", "intValue": "1"}) in ("a", 1)


def test_a_key_given_twice_takes_its_last_value() -> None:
    assert attributes_from_pairs(key_values({"a": 1}) + key_values({"a": 2})) == {"a": 2}
    text = line(span(1, name="first")).replace(b'"name":"first"', b'"name":"first","name":"last"')
    assert decode_line(text).names[0] == "last"


@pytest.mark.parametrize("depth", [10, 300])
def test_nested_values_are_read_to_the_bottom(depth: int) -> None:
    wire: Wire = {"stringValue": "bottom"}
    for _ in range(depth):
        wire = {"arrayValue": {"values": [wire]}}
    value: Any = value_from_wire(wire)
    for _ in range(depth):
        [value] = value
    assert value == "bottom"
    batch = decode_line(
        line(span(1, attributes={"user.id": "usr_1"}) | {"links": [{"attributes": [{"key": "a", "value": wire}]}]})
    )
    assert batch.facts[0].users == ("usr_1",)


def test_values_of_the_wrong_type_do_not_cost_the_line() -> None:
    strange = [
        {"key": "user.id", "value": "bare"},
        {"key": 5},
        "pair",
        None,
        {"key": "lesson.id", "value": {"stringValue": 7}},
    ]
    batch = decode_line(line(span(1), span(2) | {"attributes": strange}))
    assert batch.span_count == 2
    not_a_list: list[object] = [None, {}, "text", 7]
    for attributes in not_a_list:
        batch = decode_line(line(span(1), span(2) | {"attributes": attributes}))
        assert (batch.span_count, batch.facts[1].users) == (2, ())


def test_nan_and_infinity_as_bare_words_are_read() -> None:
    text = line(span(1, attributes={"a": 0.5, "user.id": "usr_1"}))
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        batch = decode_line(text.replace(b"0.5", word))
        assert batch.facts[0].users == ("usr_1",)


# --- kinds, statuses, services, events, links (faults 71, 74, 75) -------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (0, 0),
        (5, 5),
        ("SPAN_KIND_CLIENT", 3),
        ("SPAN_KIND_UNSPECIFIED", 0),
        ("4", 4),
        (99, 99),
        (None, 0),
        ("SPAN_KIND_NEW", 0),
    ],
)
def test_kinds_are_numbers_or_names(kind: object, number: int) -> None:
    assert decoded_span(kind=kind).kinds[1] == number


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({}, 0),
        (None, 0),
        ({"code": 1}, 1),
        ({"code": 2, "message": "no"}, 2),
        ({"code": "STATUS_CODE_ERROR"}, 2),
        ({"code": "STATUS_CODE_OK"}, 1),
        ({"code": "2"}, 2),
        ({"code": None}, 0),
        ({"code": 99}, 99),
        ({"message": "no"}, 0),
    ],
)
def test_statuses_are_numbers_or_names(status: object, code: int) -> None:
    assert decoded_span(status=status).status_codes[1] == code


def test_missing_members_are_their_zero() -> None:
    [row] = rows_of(decode_line(line({"traceId": f"{1:032x}", "spanId": f"{1:016x}"})))
    assert row == (f"{1:032x}", f"{1:016x}", "", "", "web", 0, 0, 0, 0, ())


@pytest.mark.parametrize("service", [None, "", [], {}])
def test_a_resource_without_a_usable_name_is_an_unknown_service(service: Any) -> None:
    wire = resource_spans([span(1)], None)
    if service is not None:
        wire["resource"] = {"attributes": key_values({"service.name": service})}
    assert decode_line(written({"resourceSpans": [wire]})).services[0] == "unknown_service"
    del wire["resource"]
    assert decode_line(written({"resourceSpans": [wire]})).services[0] == "unknown_service"


def test_a_service_name_of_10_kb_does_not_cost_the_line() -> None:
    [name] = decode_line(line(span(1), service="s" * 10_000)).services
    assert name.startswith("s" * 100)


@pytest.mark.parametrize("name", ["", "a\nb", "n" * 5_000, "Übung 🎬", "\u0000", "<script>"])
def test_names_are_kept_as_they_are(name: str) -> None:
    batch = decode_line(line(span(1, name=name, events=[event(name)])))
    assert (batch.names[0], batch.events[0].name) == (name, name)


def test_odd_events_and_links_do_not_cost_their_span() -> None:
    odd_events = [event("early", 1), {"name": "timeless"}, {}, {"timeUnixNano": "soon", "name": None}]
    links = [{"traceId": "0" * 32, "spanId": ""}, {"traceId": f"{1:032x}", "spanId": f"{2:016x}"}, {}]
    batch = decoded_span(events=odd_events, links=links)
    assert [(seen.row, seen.name, seen.time_ns) for seen in batch.events] == [(1, "early", 1), (1, "timeless", 0)] + [
        (1, "", 0)
    ] * 2
    assert batch.span_count == 2


@pytest.mark.parametrize("events", [None, {}, "text", [None], ["text", 5]])
def test_what_is_no_event_is_passed_over(events: object) -> None:
    batch = decoded_span(events=events)
    assert (batch.span_count, list(batch.events)) == (2, [])


# --- bytes (faults 44 to 55) --------------------------------------------------------------------------------------------


def test_invalid_utf8_costs_the_character() -> None:
    batch = decode_line(line(span(1, name="caf?", attributes={"user.id": "usr_1"})).replace(b"caf?", b"caf\xe9"))
    assert (batch.names[0], batch.repaired, batch.invalid_spans) == ("caf\ufffd", True, 0)
    batch.original.decode()


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\uDFFF", rb"\ud800x", rb"\udc00\ud800"])
def test_a_lone_surrogate_costs_the_character(escape: bytes) -> None:
    batch = decode_line(line(span(1, name="NAME", attributes={"user.id": "NAME"})).replace(b"NAME", escape))
    assert "\ufffd" in batch.names[0]
    assert "\ufffd" in batch.facts[0].users[0]
    assert batch.repaired
    batch.original.decode()


def test_a_lone_surrogate_in_an_attribute_only_is_repaired_too() -> None:
    text = line(span(1, attributes={"note": "NOTE", "user.id": "usr_1"})).replace(b"NOTE", rb"\ud800")
    batch = decode_line(text)
    assert batch.facts[0].users == ("usr_1",)
    assert batch.span_count == 1


def test_a_whole_surrogate_pair_is_one_character_and_no_repair() -> None:
    batch = decode_line(line(span(1, name="NAME")).replace(b"NAME", rb"\ud83c\udfac"))
    assert (batch.names[0], batch.repaired) == ("🎬", False)


def test_a_replacement_character_of_the_producer_is_no_repair() -> None:
    assert not decode_line(line(span(1, name="\ufffd"))).repaired


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"42",
        b'"text"',
        b"true",
        b"[null]",
        b"[[]]",
        b"{",
        b'{"resourceSpans":[',
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"serv',
        line(span(1))[:-1],
        b"not json",
        b'{"resourceSpans":[]} trailing',
        b'{"level":"info","message":"started"}',
        b"\x00\x00\x01\x0a",
        b"\x28\xb5\x2f\xfd\x04\x00",
        b"\x1f\x8b\x08\x00",
        b"[" * 1_025 + b"]" * 1_025,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5_000,
        b"1e400",
        b"\xff\xfe",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_telemetry_is_refused_with_a_sentence(text: bytes) -> None:
    with pytest.raises(LineError) as refused:
        decode_line(text)
    sentence = str(refused.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert 15 < len(sentence) < 200
    assert refused.value.kind


@pytest.mark.parametrize("depth", [1_025, 20_000])
def test_a_value_nested_too_deep_is_refused_or_read_but_never_breaks(depth: int) -> None:
    deep = b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth
    text = line(span(1, attributes={"deep": "DEEP"})).replace(b'{"stringValue":"DEEP"}', deep)
    with pytest.raises(LineError, match="nested"):
        decode_line(text)


def test_a_line_that_is_cut_off_says_so() -> None:
    text = line(span(1, attributes={"user.id": "usr_1"}))
    for end in range(20, len(text) - 1):
        with pytest.raises(LineError, match="cut off"):
            decode_line(text[:end])


def test_a_json_line_of_another_kind_names_what_it_holds() -> None:
    with pytest.raises(LineError, match="'level'"):
        decode_line(b'{"level":"info","message":"started"}')
