"""AnyValues: whatever producers put into an attribute is read without loss and costs nothing else (faults 68 to 70)."""

import math
from typing import Any

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_values import attributes_from_pairs, value_from_wire
from tests.writing import Wire, key_values, line, span


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
