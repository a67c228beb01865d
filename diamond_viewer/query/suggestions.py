"""What is expected where the reader types: a key, or a value of which key. For autocomplete; nothing here can be wrong."""

import re
from dataclasses import dataclass
from enum import StrEnum

from diamond_viewer.query.keys import Key, key_named, known_keys

_PIECE = re.compile(r'-*(?:([A-Za-z_@$][\w@$./-]*)(!=|>=|<=|[:=<>~]))?([^\s(){}"]*)\Z')
_KEPT_BARE = re.compile(r"[^\s(){}\"*]+")


class Expected(StrEnum):
    KEY = "key"
    VALUE = "value"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """``prefix`` is what is typed already, from ``start`` to the cursor; ``key`` whose value is expected. ``field`` is the
    question to ``TraceStore.values``, or empty: then ``choices`` are all there is, if any."""

    expected: Expected
    start: int = 0
    prefix: str = ""
    key: str = ""
    field: str = ""
    choices: tuple[str, ...] = ()


def expected_at(text: str, cursor: int) -> Place:
    """
    >>> place = expected_at("status:error -user:usr_0", 24)
    >>> place.expected.value, place.key, place.prefix, place.start, place.field
    ('value', 'user', 'usr_0', 19, 'user')
    >>> expected_at("(les", 4).prefix, expected_at('"in a quotation', 9).expected.value, expected_at("kind:", 5).choices[0]
    ('les', 'nothing', 'server')
    """
    before = text[:cursor]
    quote = _open_quote(before)
    outside = before if quote < 0 else before[:quote]
    begin = max(outside.rfind(sign) for sign in ' \t\r\n(){}"') + 1
    piece = _PIECE.match(outside, begin)
    if piece is None or (quote >= 0 and (not piece[1] or piece[3])):
        return Place(Expected.NOTHING)
    if quote >= 0:
        return _value(piece[1], quote, before[quote + 1 :])
    if piece[1]:
        return _value(piece[1], piece.start(3), piece[3])
    return Place(Expected.KEY, piece.start(3), piece[3])


def matching_keys(prefix: str) -> tuple[Key, ...]:
    """Keys for autocomplete: those that begin with the prefix, then those with it anywhere in their names.

    >>> [key.name for key in matching_keys("dur")]
    ['duration', 'span.duration', 'trace.duration']
    """
    wanted = prefix.lower()
    begins = [key for key in known_keys() if any(name.lower().startswith(wanted) for name in (key.name, *key.aliases))]
    holds = [
        key for key in known_keys() if key not in begins and any(wanted in name for name in (key.name, *key.aliases))
    ]
    return (*begins, *holds)


def written(value: str) -> str:
    """A value as it stands behind a key: in quotation marks where it needs them.

    >>> written("usr_0007"), written('GET "/"'), written("*")
    ('usr_0007', '"GET \\\\"/\\\\""', '"*"')
    """
    if _KEPT_BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value(name: str, start: int, prefix: str) -> Place:
    key = key_named(name)
    return Place(Expected.VALUE, start, prefix, name, key.field if key else "", key.choices if key else ())


def _open_quote(before: str) -> int:
    """Where the quotation mark stands that is still open; -1 when none is."""
    at, opened = 0, -1
    while at < len(before):
        if opened >= 0 and before[at] == "\\":
            at += 1
        elif before[at] == '"':
            opened = at if opened < 0 else -1
        at += 1
    return opened
