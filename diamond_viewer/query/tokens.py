"""The text of a search -> its tokens, each with its place. One pass; nothing is looked at twice."""

import re
from dataclasses import dataclass
from enum import StrEnum

from diamond_viewer.query.mistake import Mistake, shown

_KEY = re.compile(r"[A-Za-z_@$][\w@$./-]*")
_OPERATOR = re.compile(r"\s*(!=|>=|<=|[:=<>~])\s*")
_NO_OPERATOR = re.compile(r"\s*(=~|!~|==|=>|=<|<>|!(?!=))")
_RUN = re.compile(r'[^\s(){}"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {
    "=~": "Regular expressions are not offered: write ~ for a part of the value, or * as a wildcard",
    "!~": "Write -key~part for values without that part",
    "==": "Write =",
    "=>": "Write >=",
    "=<": "Write <=",
    "<>": "Write !=",
    "!": "Write != for a value, - or NOT before what is excluded",
}


class Sort(StrEnum):
    OPEN = "("
    CLOSE = ")"
    SPAN = "span:{"
    END_SPAN = "}"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    WORD = "word"
    QUOTED = "quoted"
    COMPARISON = "comparison"


KEYWORDS = {"AND": Sort.AND, "OR": Sort.OR, "NOT": Sort.NOT}
_SIGNS = {"(": Sort.OPEN, ")": Sort.CLOSE, "}": Sort.END_SPAN}


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` is what it says, without quotation marks; ``key`` and ``operator`` belong to comparisons only."""

    sort: Sort
    position: int
    text: str
    is_quoted: bool = False
    value_position: int = 0
    key: str = ""
    key_is_quoted: bool = False
    operator: str = ""


def tokens_of(text: str) -> list[Token]:
    """Raises ``Mistake``.

    >>> [(t.sort.value, t.key, t.operator, t.text) for t in tokens_of('a.b>=1.5s -"x y"')]
    [('comparison', 'a.b', '>=', '1.5s'), ('NOT', '', '', '-'), ('quoted', '', '', 'x y')]
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        tokens.append(token)
    return tokens


def value_end(text: str, token: Token) -> int:
    """Behind the value of a comparison in the text that it was read from, with its quotation marks."""
    match = (_QUOTED if token.is_quoted else _RUN).match(text, token.value_position)
    assert match  # the token was read there
    return match.end()


def _token(text: str, at: int) -> tuple[Token, int]:
    """The token that begins at ``at``, and where the next may begin."""
    sign = text[at]
    if sign in _SIGNS:
        return Token(_SIGNS[sign], at, sign), at + 1
    if sign == "{":
        raise Mistake(at, "`{` stands only in span:{ ... }, around what must hold on one span.")
    if sign == "-":
        if at + 1 == len(text) or text[at + 1].isspace():
            raise Mistake(at, "`-` stands directly before what it excludes, as in -service:worker.")
        return Token(Sort.NOT, at, sign), at + 1
    key, end = _quoted(text, at) if sign == '"' else _key(text, at)
    if operator := _OPERATOR.match(text, end) if end > at else None:
        if other := _NO_OPERATOR.match(text, end):
            raise Mistake(other.start(1), f"{shown(other[1])} is no operator. {_MEANT[other[1]]}.")
        is_address = operator[1] == ":" and text.startswith("//", operator.end(1))
        if not is_address or sign == '"':
            return _comparison(text, at, key, sign == '"', operator)
    if end > at and (other := _NO_OPERATOR.match(text, end)):
        raise Mistake(other.start(1), f"{shown(other[1])} is no operator. {_MEANT[other[1]]}.")
    if sign == '"':
        return Token(Sort.QUOTED, at, key, is_quoted=True), end
    if operator := _OPERATOR.match(text, at):
        raise Mistake(at, f"{shown(operator[1])} has no key before it. Write for example duration>1s.")
    run = _RUN.match(text, at)
    assert run  # what ends a run was dealt with above
    return Token(KEYWORDS.get(run[0], Sort.WORD), at, run[0]), run.end()


def _key(text: str, at: int) -> tuple[str, int]:
    match = _KEY.match(text, at)
    return (match[0], match.end()) if match else ("", at)


def _quoted(text: str, at: int) -> tuple[str, int]:
    match = _QUOTED.match(text, at)
    if match is None:
        raise Mistake(at, "This quotation mark is never closed.")
    return _ESCAPED.sub(r"\1", match[1]), match.end()


def _comparison(text: str, at: int, key: str, key_is_quoted: bool, operator: re.Match[str]) -> tuple[Token, int]:
    begin = operator.end()
    sign = text[begin : begin + 1]
    if sign == "{":
        if key != "span" or operator[1] != ":":
            raise Mistake(begin, "`{` stands only in span:{ ... }, around what must hold on one span.")
        return Token(Sort.SPAN, at, "span:{"), begin + 1
    if sign in ("", ")", "}"):
        raise Mistake(begin, f"{shown(key + operator[1])} has no value. Write {key}:* for any value.")
    if sign == "(":
        raise Mistake(begin, f"Write each value with its key: ({key}:one OR {key}:other).")
    if sign == '"':
        value, end = _quoted(text, begin)
    else:
        run = _RUN.match(text, begin)
        assert run  # it begins with none of the signs that end one
        value, end = run[0], run.end()
    after = text[end : end + 1]
    if after and not after.isspace() and after not in ")}":
        if sign == '"':
            raise Mistake(end, "A space is missing behind the closing quotation mark.")
        raise Mistake(end, f"A value with {shown(after)} in it stands in quotation marks.")
    token = Token(Sort.COMPARISON, at, value, sign == '"', begin, key, key_is_quoted, operator[1])
    return token, end
