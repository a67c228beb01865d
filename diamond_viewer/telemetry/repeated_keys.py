"""Keys that stand twice where each may stand once: in a JSON object, or in a list of attributes. The last one counts.

RFC 8259 (section 4) leaves open what a repeated name means, and OTLP forbids repeated attribute keys without saying what
becomes of them. Typed decoding takes the last one in silence, which costs nothing; who wants to know asks here.
"""

import json
from collections.abc import Iterable
from typing import Any

MAX_NAMED = 5
MAX_KEY_LENGTH = 100  # characters


class ObjectReader:
    """An ``object_pairs_hook`` for ``json`` that notes the keys that an object gives more than once.

    A hook in Python has a second use: while C code reads a text of 60 MB nobody else may run, and at each object others may.
    """

    def __init__(self) -> None:
        self.has_repeats = False

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        wire = dict(pairs)
        self.has_repeats = self.has_repeats or len(wire) < len(pairs)
        return wire


class _Namer(ObjectReader):
    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, None] = {}

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._note(key for key, _ in pairs)
        for _, value in pairs:
            if isinstance(value, list):
                self._note(key for item in value if isinstance(item, dict) and isinstance(key := item.get("key"), str))
        return super().__call__(pairs)

    def _note(self, keys: Iterable[str]) -> None:
        seen: set[str] = set()
        for key in keys:
            if key in seen and len(self.keys) < MAX_NAMED:
                self.keys[key[:MAX_KEY_LENGTH]] = None
            seen.add(key)


def repeated_keys(text: bytes) -> tuple[str, ...]:
    """The first few keys that are given more than once in one object or one list of attributes of a JSON text.

    Empty for what is no JSON, or nested too deep to be looked into.

    >>> repeated_keys(b'{"name":"a","attributes":[{"key":"k","value":{}},{"key":"k","value":{}}],"name":"b"}')
    ('name', 'k')
    >>> repeated_keys(b'[{"key":"k"}]'), repeated_keys(b'{')
    ((), ())
    """
    namer = _Namer()
    try:
        json.loads(text, strict=False, object_pairs_hook=namer)
    except (ValueError, RecursionError):
        return ()
    return tuple(namer.keys)
