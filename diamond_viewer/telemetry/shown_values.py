"""Values of attributes as people read them, on pages, in a terminal and in a ticket, and as JSON has them."""

from base64 import b64encode
from collections.abc import Mapping

import orjson

from diamond_viewer.telemetry.model import AttributeValue
from diamond_viewer.telemetry.otlp_json import MAX_DEPTH


def value_text(value: AttributeValue) -> str:
    """
    >>> [value_text(value) for value in (True, None, 2**60, float("nan"), b"hi", ["a", 1], {"k": [None]})]
    ['true', 'null', '1152921504606846976', 'nan', 'aGk= (2 bytes)', '["a",1]', '{"k":[null]}']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"{b64encode(value).decode()} ({len(value):,} bytes)"
    if isinstance(value, int | float):
        return str(value)
    return orjson.dumps(plain_value(value), option=orjson.OPT_NON_STR_KEYS).decode()


def plain_value(value: AttributeValue, depth: int = 0) -> object:
    """What orjson can write: bytes as base64, integers beyond 64 bits as text, not deeper than it nests."""
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: plain_value(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [plain_value(inner, depth + 1) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value
