"""What a message of OTLP looks like on a line of the collector, taken from opentelemetry-proto's own descriptors.

A shape writes one message canonically, from protobuf or from decoded JSON: fields in the order of the ``.proto`` file, which
is pdata's; 64-bit integers as texts, ids as hex, enums as numbers; what is empty or zero is left out, except for what pdata
always writes. Unknown members are ignored, as the specification asks; a scalar that cannot be read costs that scalar.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList

from diamond_viewer.telemetry import otlp_scalars as scalars

Json = dict[str, Any]

MAX_DEPTH = 48  # levels of a value, four of JSON each, of which orjson writes 254; what nests deeper is left out

_ALWAYS_WRITTEN = frozenset({"status", "body", "positive", "negative", "value"})  # messages that pdata never leaves out
_OLD_NAMES = {"scopeSpans": "instrumentationLibrarySpans", "scope": "instrumentationLibrary"}  # before 2022
_ID_BYTES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_INT32, _INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_RANGES = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}


class ShapeError(ValueError):
    """A member has the wrong structure, so what follows cannot be trusted. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class _Field:
    """``write`` takes protobuf's value, ``read`` JSON's; both give what goes on the line, None for nothing."""

    name: str
    json_name: str
    is_repeated: bool
    has_presence: bool
    is_message: bool
    is_always_written: bool
    write: Callable[[Any, int], Any]
    read: Callable[[Any, int], Any]


@dataclass(slots=True)
class Shape:
    """Made by ``shape_of``; filled afterwards, because values contain values."""

    fields: list[_Field] = field(default_factory=list)
    other_names: dict[str, str] = field(default_factory=dict)  # spelling -> JSON name

    def from_message(self, message: Message, depth: int = 0) -> Json:
        """A parsed message -> what stands on the line."""
        wire: Json = {}
        for shaped in self.fields:
            if shaped.has_presence and not message.HasField(shaped.name):
                if shaped.is_always_written:
                    wire[shaped.json_name] = {}
                continue
            given = getattr(message, shaped.name)
            if shaped.is_repeated:
                if given:
                    wire[shaped.json_name] = [shaped.write(item, depth) for item in given]
            elif given or shaped.has_presence:
                written = shaped.write(given, depth)
                if written is not None:
                    wire[shaped.json_name] = written
        return wire

    def from_wire(self, given: Any, depth: int = 0) -> Json:
        """Decoded JSON of any SDK -> what stands on the line. Raises ``ShapeError`` where structure is wrong."""
        if not isinstance(given, dict):
            raise ShapeError(f"A JSON object is missing: {str(given)[:40]!r} stands in its place.")
        if any(name in self.other_names for name in given):
            given = {self.other_names.get(name, name): value for name, value in given.items()}
        wire: Json = {}
        for shaped in self.fields:
            value = given.get(shaped.json_name)
            if value is None:
                if shaped.is_always_written:
                    wire[shaped.json_name] = {}
            elif shaped.is_repeated:
                if not isinstance(value, list):
                    raise ShapeError(f"'{shaped.json_name}' is not an array.")
                items = [item for item in (shaped.read(one, depth) for one in value) if item is not None]
                if items:
                    wire[shaped.json_name] = items
            else:
                written = shaped.read(value, depth)
                if written is not None and (shaped.has_presence or written not in ("", "0", 0, False)):
                    wire[shaped.json_name] = written
                elif written is None and shaped.is_always_written:
                    wire[shaped.json_name] = {}
        return wire


def shape_of(message_type: type[Message]) -> Shape:
    """How messages of this type are written."""
    return _shape_of(cast(Descriptor, message_type.DESCRIPTOR))  # of which protobuf has two classes that do the same


def _shape_of(descriptor: Descriptor) -> Shape:
    """One shape per type of message, made once."""
    shape = _shapes.get(descriptor.full_name)
    if shape is None:
        shape = _shapes[descriptor.full_name] = Shape()
        shape.fields += [_field(one) for one in descriptor.fields]
        for one in shape.fields:
            spellings = {one.name, _OLD_NAMES.get(one.json_name, one.name)} - {one.json_name}
            shape.other_names.update(dict.fromkeys(spellings, one.json_name))
    return shape


_shapes: dict[str, Shape] = {}


def _field(descriptor: FieldDescriptor) -> _Field:
    write, read = _converters(descriptor)
    is_message = descriptor.type == FieldDescriptor.TYPE_MESSAGE
    return _Field(
        name=descriptor.name,
        json_name=descriptor.json_name,
        is_repeated=descriptor.is_repeated,
        has_presence=descriptor.has_presence,
        is_message=is_message,
        is_always_written=is_message and not descriptor.is_repeated and descriptor.name in _ALWAYS_WRITTEN,
        write=write,
        read=read,
    )


def _converters(descriptor: FieldDescriptor) -> tuple[Callable[[Any, int], Any], Callable[[Any, int], Any]]:
    """How a value of this field is written from protobuf, and read from JSON; the second argument is the depth."""
    kind, message_type = descriptor.type, descriptor.message_type
    if message_type is not None:
        if message_type.name == "AnyValue":
            return _value_from_message, _value_from_wire
        if message_type.name == "KeyValue":
            return _pair_from_message, _pair_from_wire
        shape = _shape_of(message_type)
        return shape.from_message, shape.from_wire
    if kind == FieldDescriptor.TYPE_BYTES:
        if size_bytes := _ID_BYTES.get(descriptor.name):
            read_id = scalars.id_reader(size_bytes)
            return lambda value, _: scalars.write_id(value), lambda value, _: read_id(value)
        return lambda value, _: scalars.write_bytes(value), lambda value, _: scalars.read_bytes(value)
    if descriptor.enum_type is not None:
        numbers = {one.name: one.number for one in descriptor.enum_type.values}
        read_number = scalars.integer_reader(*_INT32)
        return _as_it_is, lambda value, _: numbers[value] if value in numbers else read_number(value)
    if kind in _RANGES:
        read_integer = scalars.integer_reader(*_RANGES[kind])
        if "64" in _TYPE_NAMES[kind]:
            return lambda value, _: str(value), lambda value, _: _text(read_integer(value))
        return _as_it_is, lambda value, _: read_integer(value)
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return lambda value, _: scalars.write_double(value), lambda value, _: scalars.read_double(value)
    if kind == FieldDescriptor.TYPE_BOOL:
        return _as_it_is, lambda value, _: scalars.read_bool(value)
    return _as_it_is, lambda value, _: scalars.read_text(value)


_TYPE_NAMES = {number: name for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}


def _as_it_is(value: Any, _: int) -> Any:
    return value


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _pair_from_message(pair: Message, depth: int) -> Json:
    """A KeyValue: the most frequent message by far, so it does without its shape."""
    value = _value_from_message(pair.value, depth)  # type: ignore[attr-defined]
    key: str = pair.key  # type: ignore[attr-defined]
    return {"key": key, "value": value} if key else {"value": value}


def _pair_from_wire(pair: Any, depth: int) -> Json:
    if not isinstance(pair, dict):
        raise ShapeError(f"An attribute is no object with key and value: {str(pair)[:40]!r}.")
    value = _value_from_wire(pair.get("value"), depth)
    key = scalars.read_text(pair.get("key"))
    return {"key": key, "value": value} if key else {"value": value}


def _value_from_message(value: Message, depth: int) -> Json:
    """An AnyValue; ``{}`` is no value."""
    member = value.WhichOneof("value")
    if member == "string_value":
        return {"stringValue": value.string_value}  # type: ignore[attr-defined]
    if member is None:
        return {}
    given = getattr(value, member)
    if member == "int_value":
        return {"intValue": str(given)}
    if member == "bool_value":
        return {"boolValue": given}
    if member == "double_value":
        return {"doubleValue": scalars.write_double(given)}
    if member == "bytes_value":
        return {"bytesValue": scalars.write_bytes(given)}
    if member in ("array_value", "kvlist_value"):  # protobuf itself refuses what nests deeper than 100 messages
        return {f"{member.partition('_')[0]}Value": shape_of(type(given)).from_message(given, depth + 1)}
    return {}


_read_integer = scalars.integer_reader(*_INT64)
_VALUE_NAMES = {one.name: one.json_name for one in AnyValue.DESCRIPTOR.fields}
_CONTAINERS = {"arrayValue": ArrayValue, "kvlistValue": KeyValueList}


def _value_from_wire(value: Any, depth: int) -> Json:
    """An AnyValue of any SDK. JavaScript writes NaN as null, which is lost, and a big number as an integer, which is kept."""
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return {}
    for name, given in value.items():
        name = _VALUE_NAMES.get(name, name)
        if name == "stringValue":
            read: Any = scalars.read_text(given)
        elif name == "intValue":
            read = _text(_read_integer(given))
            if read is None and isinstance(given, float):
                name, read = "doubleValue", scalars.read_double(given)
            elif read is None and isinstance(given, str):
                name, read = "stringValue", given
        elif name == "boolValue":
            read = scalars.read_bool(given)
        elif name == "doubleValue":
            read = scalars.read_double(given)
        elif name == "bytesValue":
            read = scalars.read_bytes(given)
        elif name in _CONTAINERS:
            read = shape_of(_CONTAINERS[name]).from_wire(given, depth + 1) if isinstance(given, dict) else None
        else:
            continue
        if read is not None:
            return {name: read}
    return {}
