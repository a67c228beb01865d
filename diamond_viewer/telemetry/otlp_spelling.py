"""How OTLP/JSON spells what other formats spell otherwise: ids, times, values, and spans grouped under resource and scope."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

Json = dict[str, Any]

KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUS_CODES = {"OK": 1, "ERROR": 2}
ERROR = 2
MAX_NS = 2**63 - 1

_HEX = re.compile(r"[0-9a-fA-F]{1,32}")


def document_of(placed: Iterable[tuple[list[Json], Json, Json]]) -> Json:
    """``(attributes of the resource, scope, span)`` -> one document, what belongs together under one head, in first order."""
    return {"resourceSpans": grouped(placed, "scopeSpans", "spans")}


def grouped(placed: Iterable[tuple[list[Json], Json, Json]], scopes_name: str, items_name: str) -> list[Json]:
    """``(attributes of the resource, scope, item)`` -> items under their scopes under their resources, in first order."""
    heads: dict[bytes, tuple[Json, dict[bytes, Json]]] = {}
    for resource, scope, item in placed:
        head, scopes = heads.setdefault(orjson.dumps(resource), ({"resource": {"attributes": resource}}, {}))
        scopes.setdefault(orjson.dumps(scope), {"scope": scope, items_name: []})[items_name].append(item)
        head[scopes_name] = list(scopes.values())
    return [head for head, _ in heads.values()]


def pair(key: str, value: Json) -> Json:
    return {"key": key, "value": value}


def pairs(values: Mapping[str, Any]) -> list[Json]:
    """Values of JSON as attributes; what is neither text, number nor truth value becomes the text of its JSON.

    >>> pairs({"a": 1, "b": True, "c": "x", "d": [1]})[0::3]
    [{'key': 'a', 'value': {'intValue': '1'}}, {'key': 'd', 'value': {'stringValue': '[1]'}}]
    """
    return [pair(key, _value(value)) for key, value in values.items()]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else orjson.dumps(value).decode()}


def taken(attributes: list[Json], key: str) -> str:
    """The text of an attribute, which is then no longer among them; empty when there is none."""
    for place, one in enumerate(attributes):
        if one["key"] == key:
            del attributes[place]
            return str(next(iter(one["value"].values()), ""))
    return ""


def padded_id(given: Any, digits: int) -> str:
    """
    >>> padded_id("ABC", 16), padded_id("no", 16), padded_id(None, 32), padded_id("f" * 32, 16)
    ('0000000000000abc', '', '', 'ffffffffffffffff')
    """
    return given.lower().rjust(digits, "0")[-digits:] if isinstance(given, str) and _HEX.fullmatch(given) else ""


def us_to_ns(given: Any) -> int:
    """Microseconds, as a number or its text, to nanoseconds; 0 for what is none.

    >>> us_to_ns(1.5), us_to_ns("12"), us_to_ns(None), us_to_ns(True), us_to_ns(-3)
    (1500, 12000, 0, 0, 0)
    """
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 20:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < MAX_NS / 1000:
        return 0
    return given * 1000 if isinstance(given, int) else round(given * 1000)


def text_of(given: Any) -> str:
    return given if isinstance(given, str) else ""
