"""One line in, a batch out: what real and broken producers write, case by case."""

import json
from typing import Any

import pytest

from diamond_viewer.telemetry.otlp import Batch, decode_line
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
        (MAX_TIME_NS, MAX_TIME_NS),
        (MAX_TIME_NS + 1, 0),  # the year 2262 ends
        (18_429_984_000_000_000_000, 0),
        (str(2**64 - 1), 0),
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
