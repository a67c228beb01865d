"""OTLP/JSON's AnyValue and KeyValue -> plain Python values, without loss and without recursion."""

import base64
import binascii
from collections.abc import Container, Mapping
from operator import attrgetter
from typing import Any

import msgspec
import orjson

from diamond_viewer.telemetry.model import AttributeValue

_DECODER = msgspec.json.Decoder(list[Any])
_VALUE_DECODER = msgspec.json.Decoder(Any)


class _Pair(msgspec.Struct, gc=False):
    key: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _AnyValue(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    int_value: Any = None
    bool_value: Any = None
    double_value: Any = None
    array_value: Any = None
    kvlist_value: Any = None
    bytes_value: Any = None


class _KeyValue(msgspec.Struct, gc=False):
    key: str = ""
    value: _AnyValue | None = None


_PAIRS_DECODER = msgspec.json.Decoder(list[_Pair])
_TYPED_DECODER = msgspec.json.Decoder(list[_KeyValue])
_KEY_OF = attrgetter("key")


def attributes_from_wire(blob: bytes) -> dict[str, AttributeValue]:
    """A JSON array of ``{"key", "value"}`` -> a dict; a key given twice takes its last value, an empty blob gives ``{}``.

    Raises ``msgspec.DecodeError`` when the blob is no JSON array.

    >>> attributes_from_wire(b'[{"key":"a","value":{"intValue":"9007199254740993"}},{"key":"b","value":{}}]')
    {'a': 9007199254740993, 'b': None}
    """
    if not blob or blob == b"null":
        return {}
    try:
        return {pair.key: _typed_value(pair.value) for pair in _TYPED_DECODER.decode(blob)}
    except (msgspec.DecodeError, RecursionError):
        pass  # what is no KeyValue is passed over below
    try:
        pairs = _DECODER.decode(blob)
    except RecursionError:
        pairs = _deep_array(blob)
    return attributes_from_pairs(pairs)


def _typed_value(wire: _AnyValue | None) -> AttributeValue:
    """As ``value_from_wire``, which gets what is neither text nor a plain number."""
    if wire is None:
        return None
    if wire.string_value is not None:
        return wire.string_value
    if wire.int_value is not None:
        return _integer(wire.int_value)
    if wire.bool_value is not None:
        return _flag(wire.bool_value)
    if wire.double_value is not None:
        return _double(wire.double_value)
    if wire.array_value is not None:
        return value_from_wire({"arrayValue": wire.array_value})
    if wire.kvlist_value is not None:
        return value_from_wire({"kvlistValue": wire.kvlist_value})
    return None if wire.bytes_value is None else _bytes(wire.bytes_value)


def chosen_attributes(blob: bytes, keys: Container[str]) -> dict[str, AttributeValue]:
    """Like ``attributes_from_wire``, only these keys: a third of the time when few of them are there.

    >>> chosen_attributes(b'[{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{}},{"key":"c"}]', ("a", "c"))
    {'a': 1, 'c': None}
    """
    try:
        return {
            pair.key: value_from_wire(_VALUE_DECODER.decode(pair.value))
            for pair in _PAIRS_DECODER.decode(blob)
            if pair.key in keys
        }
    except (msgspec.DecodeError, RecursionError):  # null, a pair that is none, a value that is nested deeply
        return {key: value for key, value in attributes_from_wire(blob).items() if key in keys}


def first_look(blob: bytes, keys: Container[str]) -> tuple[dict[str, AttributeValue], bool]:
    """``chosen_attributes``, and whether any key, chosen or not, is given twice.

    >>> first_look(b'[{"key":"a","value":{"intValue":"1"}},{"key":"b"},{"key":"b"}]', ("a",))
    ({'a': 1}, True)
    """
    try:
        pairs = _PAIRS_DECODER.decode(blob)
        chosen = {pair.key: _value(pair.value) for pair in pairs if pair.key in keys}
        return chosen, len(set(map(_KEY_OF, pairs))) < len(pairs)
    except (msgspec.DecodeError, RecursionError):  # as above; such blobs are rare enough not to be asked
        return chosen_attributes(blob, keys), False


def _value(raw: msgspec.Raw) -> AttributeValue:
    """``value_from_wire`` of JSON, texts and whole numbers at once."""
    wire: object = _VALUE_DECODER.decode(raw)
    if isinstance(wire, dict) and len(wire) == 1:
        text, number = wire.get("stringValue"), wire.get("intValue")
        if isinstance(text, str):
            return text
        if isinstance(number, int) and not isinstance(number, bool):
            return number
    return value_from_wire(wire)


def attributes_holding(blob: bytes, needle: bytes) -> dict[str, AttributeValue]:
    """Like ``attributes_from_wire``, at least those whose key or value as JSON holds ``needle`` (ASCII, in lower case).

    >>> attributes_holding(b'[{"key":"a","value":{"stringValue":"SELECT"}},{"key":"b","value":{"intValue":"1"}}]', b"select")
    {'a': 'SELECT'}
    """
    try:
        return {
            pair.key: value_from_wire(_VALUE_DECODER.decode(pair.value))
            for pair in _PAIRS_DECODER.decode(blob)
            if needle in bytes(pair.value).replace(b"\\/", b"/").lower() or needle in pair.key.lower().encode()
        }
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return attributes_from_wire(blob)


def attributes_from_pairs(pairs: object) -> dict[str, AttributeValue]:
    """Decoded KeyValues -> a dict. What is no KeyValue is passed over."""
    attributes: dict[str, AttributeValue] = {}
    if isinstance(pairs, list):
        for pair in pairs:
            if isinstance(pair, dict) and isinstance(key := pair.get("key", ""), str):
                attributes[key] = value_from_wire(pair.get("value"))
    return attributes


def value_from_json(blob: bytes) -> AttributeValue:
    """One AnyValue as JSON -> its value; nothing is None.

    >>> value_from_json(b'{"stringValue":"saved"}'), value_from_json(b"")
    ('saved', None)
    """
    if not blob:
        return None
    try:
        return value_from_wire(_VALUE_DECODER.decode(blob))
    except RecursionError:
        return value_from_wire(_deep_array(b"[" + blob + b"]")[0])


def value_from_wire(any_value: object) -> AttributeValue:
    """One AnyValue -> its value. ``{}`` and null are None, bytes come from base64 (or stay text where that fails), an
    intValue beyond 64 bits stays exact, NaN and the infinities come as strings on the wire and as floats from here.

    >>> value_from_wire({"arrayValue": {"values": [{"intValue": 1}, {"doubleValue": "NaN"}, {"boolValue": False}]}})
    [1, nan, False]
    >>> value_from_wire({"kvlistValue": {"values": [{"key": "k", "value": {"bytesValue": "AAE="}}]}})
    {'k': b'\\x00\\x01'}
    """
    root: list[AttributeValue] = []
    waiting: list[tuple[object, Any, str | None]] = [(any_value, root, None)]
    while waiting:  # a stack, not recursion: values nest as deep as the producer liked
        wire, target, key = waiting.pop()
        value: Any
        if not isinstance(wire, Mapping):
            value = None if wire is None else wire if isinstance(wire, str | bool | int | float) else repr(wire)
        elif (text := wire.get("stringValue")) is not None:
            value = text if isinstance(text, str) else str(text)
        elif (number := wire.get("intValue")) is not None:
            value = _integer(number)
        elif (flag := wire.get("boolValue")) is not None:
            value = _flag(flag)
        elif (double := wire.get("doubleValue")) is not None:
            value = _double(double)
        elif (array := wire.get("arrayValue")) is not None:
            value = []
            items = _values(array)
            value.extend([None] * len(items))
            waiting.extend((item, value, str(place)) for place, item in enumerate(items))
        elif (pairs := wire.get("kvlistValue")) is not None:
            value = {}
            for pair in _values(pairs):
                if isinstance(pair, Mapping):
                    name = str(pair.get("key", ""))
                    value[name] = None  # keeps the order of the wire: the stack fills values from the end
                    waiting.append((pair.get("value"), value, name))
        elif (blob := wire.get("bytesValue")) is not None:
            value = _bytes(blob)
        else:
            value = None
        if key is None:
            target.append(value)
        elif isinstance(target, list):
            target[int(key)] = value
        else:
            target[key] = value
    return root[0]


def _values(container: object) -> list[Any]:
    values = container.get("values") if isinstance(container, Mapping) else container
    return values if isinstance(values, list) else []


def _integer(number: object) -> AttributeValue:
    """Integers exactly, as number or string; JavaScript writes 1e21 as a float; anything else stays as it is written."""
    if isinstance(number, int):
        return int(number)
    if isinstance(number, float):
        return int(number) if number.is_integer() else number
    text = str(number)
    if len(text) <= 40:
        try:
            return int(text)
        except ValueError:
            pass
    return text


def _flag(flag: object) -> bool:
    return flag if isinstance(flag, bool) else flag in ("true", 1)


def _double(double: object) -> AttributeValue:
    if isinstance(double, int | float):
        return float(double) if abs(double) < 1e308 or isinstance(double, float) else str(double)
    try:
        return float(str(double))
    except ValueError:
        return str(double)


def _bytes(blob: object) -> AttributeValue:
    text = str(blob)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return text


def _deep_array(blob: bytes) -> list[Any]:
    """orjson nests to 1,024 levels without using Python's stack; deeper than that is refused as unreadable."""
    try:
        pairs = orjson.loads(blob)
    except orjson.JSONDecodeError:
        raise msgspec.DecodeError("nested deeper than 1,024 levels") from None
    return pairs if isinstance(pairs, list) else []
