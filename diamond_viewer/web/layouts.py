"""Values laid out so that they can be read: JSON indented, SQL by clause, a URL by parameter, a stack trace by frame."""

import re
from urllib.parse import unquote_plus

import orjson

from diamond_viewer.telemetry.semconv import PATH_KEYS, STATEMENT_KEYS

MAX_LAID_OUT = 20_000  # characters; what is longer is shown as it is
_CLAUSES = re.compile(
    r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\s+(?=(?:FROM|WHERE|(?:LEFT|RIGHT|INNER|FULL|CROSS)\s+(?:OUTER\s+)?JOIN|"""
    r"""(?<!LEFT\s)(?<!RIGHT\s)(?<!INNER\s)(?<!FULL\s)(?<!CROSS\s)(?<!OUTER\s)JOIN|GROUP\s+BY|ORDER\s+BY|HAVING|LIMIT|OFFSET|"""
    r"""VALUES|SET|RETURNING|UNION|ON\s+CONFLICT)\b)""",
    re.IGNORECASE,
)
_FRAME = re.compile(r"^\s+at |^  File |^\tat ")
_FOREIGN = ("node_modules", "node:", "site-packages", "<anonymous>", "(native)")


def laid_out(key: str, text: str) -> tuple[str, str]:
    """The kind of layout ("" for none) and the text in it.

    >>> laid_out("body", '{"a":[1,2]}')
    ('json', '{\\n  "a": [\\n    1,\\n    2\\n  ]\\n}')
    >>> laid_out("db.statement", "SELECT a FROM b WHERE c = 'x FROM y' ORDER BY d")
    ('sql', "SELECT a\\nFROM b\\nWHERE c = 'x FROM y'\\nORDER BY d")
    >>> laid_out("http.target", "/login?from=%2Fa&x=1")
    ('url', '/login\\n  from = /a\\n  x = 1')
    >>> laid_out("name", "plain")
    ('', 'plain')
    """
    if len(text) > MAX_LAID_OUT:
        return "", text
    if key in STATEMENT_KEYS:
        return "sql", text if "\n" in text else _CLAUSES.sub(lambda match: match[1] or "\n", text)
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        try:
            return "json", orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return "", text
    if "?" in text and "\n" not in text and (key in PATH_KEYS or text.startswith(("http://", "https://"))):
        return "url", _by_parameter(text)
    if is_stack(text):
        return "stack", text
    return "", text


def is_stack(text: str) -> bool:
    return text.count("\n") >= 2 and sum(bool(_FRAME.match(line)) for line in text.splitlines()[:12]) >= 2


def stack_lines(text: str) -> tuple[tuple[str, bool], ...]:
    """Each line, and whether it is the application's own or what was said; frames of libraries are not.

    >>> stack_lines("Error: no\\n    at save (/srv/app/save.js:1)\\n    at run (node:internal/x:2)")
    (('Error: no', True), ('    at save (/srv/app/save.js:1)', True), ('    at run (node:internal/x:2)', False))
    """
    return tuple((line, not any(part in line for part in _FOREIGN)) for line in text.splitlines())


def _by_parameter(url: str) -> str:
    address, _, query = url.partition("?")
    query, _, fragment = query.partition("#")
    lines = [address]
    for pair in query.split("&"):
        name, has_value, value = pair.partition("=")
        lines.append(f"  {unquote_plus(name)}{' = ' if has_value else ''}{unquote_plus(value)}")
    return "\n".join([*lines, *([f"#{fragment}"] if fragment else [])])
