"""Tags as Grafana sends them: ``key=value`` with blanks between, values with blanks in quotation marks (logfmt)."""

import re
from collections.abc import Iterator

from diamond_viewer.query.mistake import Mistake, shown

_PAIR = re.compile(r'\s*(?P<key>[^\s="]+)(?:=(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]*))?(?=\s|$)')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def pairs_of(text: str) -> Iterator[tuple[str, str]]:
    r"""Raises ``Mistake``. A key alone is true.

    >>> list(pairs_of('service.name=web http.url="/a b" msg="say \\"hi\\"" error'))
    [('service.name', 'web'), ('http.url', '/a b'), ('msg', 'say "hi"'), ('error', 'true')]
    >>> list(pairs_of('a="b'))
    Traceback (most recent call last):
    ...
    diamond_viewer.query.mistake.Mistake: At character 1: invalid tags: `a="b` is not key=value.
    """
    at = 0
    while text[at:].strip():
        match = _PAIR.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise Mistake(place, f"invalid tags: {shown(text[place:])} is not key=value.")
        value = match["value"]
        if value is None:
            yield match["key"], "true"
        elif value.startswith('"'):
            yield match["key"], re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value[1:-1])
        else:
            yield match["key"], value
        at = match.end()
