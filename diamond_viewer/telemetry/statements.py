"""Database statements without their values: what makes the same query of two users one statement."""

import re

MAX_LENGTH = 400  # characters of a statement that are kept
MAX_READ = 4_000  # characters that are looked at: a bulk insert may be megabytes
_SPACE = re.compile(r"\s+")
_VALUE = re.compile(
    r"'(?:[^']|'')*'?"  # a text; one that was cut off has no end
    r"|\$\d+|@P?\d+\b|:\d+\b"  # numbered parameters
    r"|(?<![\w\".$])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?\b"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|%s\b",
    re.IGNORECASE,
)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_ROWS = re.compile(r"(\((?:\?|\?…)\))(?:\s*,\s*\((?:\?|\?…)\))+")
_KEY_PARTS = re.compile(r"[0-9a-f]{16,}|\d+", re.IGNORECASE)
_COMMAND = re.compile(r"[A-Za-z]+(?:\s+(\S+))?")
_SQL_WORDS = frozenset(
    [
        "select",
        "insert",
        "update",
        "delete",
        "with",
        "begin",
        "commit",
        "rollback",
        "savepoint",
        "release",
        "start",
        "declare",
        "fetch",
        "lock",
        "call",
        "explain",
        "merge",
        "truncate",
        "create",
        "alter",
        "drop",
        "show",
        "values",
    ]
)


def without_values(statement: str) -> str:
    """SQL with ``?`` for each value and one for a whole list; of a Redis command its name and the shape of its key.

    >>> without_values('SELECT "a"  FROM "b" WHERE id = $1 AND n IN ($2,$3, $4) OFFSET 10')
    'SELECT "a" FROM "b" WHERE id = ? AND n IN (?…) OFFSET ?'
    >>> without_values("INSERT INTO t VALUES (1, 'it''s'), (2, 'x')"), without_values("select 'never closed")
    ('INSERT INTO t VALUES (?…)', 'select ?')
    >>> without_values("get url:videos/course-3/lesson-011.mp4 more"), without_values("PING")
    ('get url:videos/course-?/lesson-?.mp? …', 'PING')
    """
    text = statement[:MAX_READ].strip()
    first = text.partition(" ")[0].partition("\n")[0]
    if first.casefold() not in _SQL_WORDS and (command := _COMMAND.match(text)) and not text.startswith("{"):
        key = f" {_KEY_PARTS.sub('?', command[1])}" if command[1] else ""
        more = " …" if len(text) > command.end() else ""
        return f"{first}{key}"[:MAX_LENGTH] + more
    text = _SPACE.sub(" ", _VALUE.sub("?", text))
    text = _ROWS.sub(r"\1", _LIST.sub("(?…)", text))
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH].rstrip()}…"
