"""One scalar of OTLP, from JSON or from a protobuf message, as the collector's file exporter writes it.

A ``read_*`` takes what some SDK wrote in JSON and returns None for what cannot be read: that costs the value, nothing else.
Sources: opentelemetry-proto ``docs/specification.md`` (JSON Protobuf encoding) and pdata's JSON stream.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable

import msgspec

_NUMERAL = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_LONGEST_COUNT = 20  # digits
NO_BYTES = msgspec.Raw(b"")  # the default of a field that is kept as it stands: most are not there
_WHOLE_UNTIL = 1e21  # from there on JavaScript, Go and the collector write an exponent

Scalar = str | int | float | bool


def write_double(value: float) -> Scalar:
    """
    >>> [write_double(value) for value in (3.0, 0.5, -0.0, 1e21, float("nan"), float("-inf"))]
    [3, 0.5, -0.0, 1e+21, 'NaN', '-Infinity']
    """
    if math.isfinite(value):
        is_whole = value == int(value) and abs(value) < _WHOLE_UNTIL and (value or math.copysign(1, value) > 0)
        return int(value) if is_whole else value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def write_id(value: bytes) -> str | None:
    """Lower-case hex; None for an id that is empty or all zeros, which is left out."""
    return value.hex() if value.strip(b"\0") else None


def write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def read_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, dict | list) else str(value)


def read_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def read_double(value: object) -> Scalar | None:
    """Numbers, and texts that are numbers.

    >>> [read_double(value) for value in (1.5, 3.0, 2**53, "0.25", "NaN", "Infinity", None, "many")]
    [1.5, 3, 9007199254740992, 0.25, 'NaN', 'Infinity', None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return write_double(float(value))
    except (ValueError, OverflowError):
        return None


def integer_reader(low: int, high: int) -> Callable[[object], int | None]:
    """Reads integers from ``low`` to ``high``, as JSON numbers or as texts.

    >>> read = integer_reader(-(2**63), 2**63 - 1)
    >>> [read(value) for value in (5, "-7", 1.7e18, 1e21, 2.5, "9" * 19, "x", True, None)]
    [5, -7, 1700000000000000000, None, None, None, None, None, None]
    """

    def read(value: object) -> int | None:
        number: int | None = None
        if isinstance(value, str):
            number = int(value) if _NUMERAL.fullmatch(value) else None
        elif isinstance(value, float):
            number = int(value) if value.is_integer() else None
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        return number if number is not None and low <= number <= high else None

    return read


def id_reader(size_bytes: int) -> Callable[[object], str | None]:
    """Reads hex ids of this size in any case; None for one that is empty, all zeros or broken.

    >>> read = id_reader(8)
    >>> [read(text) for text in ("00F067AA0BA902B7", "", "0" * 16, "00f067aa", "g" * 16, None)]
    ['00f067aa0ba902b7', None, None, None, None, None]
    """

    def read(value: object) -> str | None:
        if not isinstance(value, str) or len(value) != 2 * size_bytes or not _HEX.fullmatch(value):
            return None
        return value.lower() if value.strip("0") else None

    return read


def read_bytes(value: object) -> str | None:
    """Base64 in both alphabets, with or without its padding, as standard base64.

    >>> read_bytes("aGk"), read_bytes("-_8="), read_bytes("*"), read_bytes(5)
    ('aGk=', '+/8=', None, None)
    """
    if not isinstance(value, str):
        return None
    standard = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return write_bytes(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def raw_count(raw: msgspec.Raw) -> int:
    """
    >>> [raw_count(msgspec.Raw(wire)) for wire in (b"", b"7", b'"7"', b"null", b"-1", b"1.5", b"[]", b'"many"')]
    [0, 7, 7, 0, 0, 0, 0, 0]
    """
    if raw is NO_BYTES:
        return 0
    digits = bytes(raw).strip(b'"')
    return int(digits) if digits.isdigit() and len(digits) < _LONGEST_COUNT else 0


def raw_text(raw: msgspec.Raw) -> str:
    """
    >>> [raw_text(msgspec.Raw(wire)) for wire in (b"", b'"a=b"', b"null", b"5", b'["a"]')]
    ['', 'a=b', '', '', '']
    """
    return msgspec.json.decode(raw, type=str) if raw is not NO_BYTES and bytes(raw)[:1] == b'"' else ""
