"""Attribute values as the collector's exporter puts them into tables: as text in maps, with their types in JSON columns."""

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

import orjson

from diamond_viewer.telemetry.model import Attributes, AttributeValue

MAX_WHOLE = 1e21  # from here on a number is written with an exponent, as JavaScript and Go write JSON
MIN_FRACTION = 1e-6
INT64, UINT64 = -(2**63), 2**64


def texts_of(attributes: Attributes) -> dict[str, str]:
    return {key: value if type(value) is str else text_of(value) for key, value in attributes.items()}


def text_of(value: AttributeValue) -> str:
    """What OpenTelemetry calls the string representation of a value (``pcommon.Value.AsString``).

    >>> [text_of(value) for value in ("a", True, 7, None, b"\\x00\\x01", [1, "a"], {"b": 1, "a": None})]
    ['a', 'true', '7', '', 'AAE=', '[1,"a"]', '{"a":null,"b":1}']
    >>> [text_of(value) for value in (0.5, 240.0, 1e-7, 2.5e21)]
    ['0.5', '240', '1e-7', '2.5e+21']
    >>> text_of(float("nan")), text_of(float("-inf"))
    ('NaN', '-Infinity')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if type(value) is int:  # by far the most frequent of what is left
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS).decode()


def plain(value: AttributeValue) -> Any:
    """What JSON can say of a value: bytes as base64, what is no finite number as text, whole numbers without a fraction.

    >>> plain({"a": [240.0, float("inf"), b"\\x00"], "b": 2**70})
    {'a': [240, 'Infinity', 'AA=='], 'b': '1180591620717411303424'}
    """
    root: list[Any] = []
    waiting: list[tuple[AttributeValue, Any, Any]] = [(value, root, None)]
    while waiting:  # a stack, not recursion: values nest as deep as the producer liked
        given, target, key = waiting.pop()
        made: Any = given
        if isinstance(given, Mapping):
            made = dict.fromkeys(given)  # the order of the wire: the stack fills values from the end
            waiting.extend((item, made, name) for name, item in given.items())
        elif isinstance(given, float):
            made = _plain_number(given)
        elif isinstance(given, int) and not INT64 <= given < UINT64:
            made = str(given)
        elif isinstance(given, bytes):
            made = base64.b64encode(given).decode()
        elif isinstance(given, Sequence) and not isinstance(given, str):
            made = [None] * len(given)
            waiting.extend((item, made, place) for place, item in enumerate(given))
        if key is None:
            target.append(made)
        else:
            target[key] = made
    return root[0]


def _plain_number(number: float) -> int | float | str:
    if not isfinite(number):
        return _number(number)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _number(number: float) -> str:
    if not isfinite(number):
        return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0 or MIN_FRACTION <= abs(number) < MAX_WHOLE:
        text = f"{Decimal(repr(number)):f}"
        return text.rstrip("0").removesuffix(".") if "." in text else text
    return repr(number).replace("e-0", "e-")
