"""Secrets whose names stand elsewhere than before a sign: in an element's tag, in a list beside them, behind two hyphens."""

import re
from collections.abc import Callable

from diamond_viewer.telemetry.secret_keys import Secrecy, parameter_secrecy
from diamond_viewer.telemetry.secret_values import (
    REDACTED,
    end_of_bare,
    end_of_nested,
    end_of_quoted,
    is_telling,
    says_nothing,
)

_NAME = r"[\w.~%\[\] -]{1,80}+"
# <password>x</password>
_ELEMENT = re.compile(r"<(?:[\w.-]{1,40}+:)?([\w.-]{1,80}+)(?:\s[^<>]{0,400}+)?>(?:<!\[CDATA\[)?(?=[^<\s])")
_TEXT_OF_ELEMENT = re.compile(r"[^<]*+")
# {"name": "password", "value": "x"}, <add key="password" value="x">, { name: 'cookie', value: 'x' }
_NAMED_VALUE = re.compile(
    rf"\b(?:name|key|header)\\{{0,4}}[\"']?\s{{0,9}}[=:]\s{{0,9}}\\{{0,4}}[\"']({_NAME})\\{{0,4}}[\"']"
    r"[,\s]{1,9}\\{0,4}[\"']?(?:\w{0,12}value|values|val)\\{0,4}[\"']?\s{0,9}[=:]\s{0,9}"
    r"(?=[\[{]|\\{0,4}[\"'])",
    re.IGNORECASE,
)
# ["x-api-key", "x"], ('x-api-key', b'x'), and headers one after the other: 'Cookie', 'a=b', 'Host', 'c'
_LISTED = re.compile(r"(\\{0,4}[\"']),\s{0,9}b?(?=\1)")
_NAME_BEFORE = re.compile(rf"({_NAME})\\{{0,4}}[\"']b?([\[(, \n])")  # read backwards
_HEADER_NAMES = ("authorization", "cookie", "x-api-key", "x-auth-token", "x-amz-security-token", "x-csrf-token")
_WORD = re.compile(r"[a-z_]*")
# --password x, and with quotes
_FLAG = re.compile(r"(?<![\w-])--?([a-zA-Z][\w-]{2,60}+)[ \t]{1,4}(?![-\s])")
# PASSWORD 'x', IDENTIFIED BY 'x', "password" LIKE 'x'
_SAID = re.compile(
    r"\b(?:password|passwd|passphrase|identified\s{1,9}by(?:\s{1,9}password)?)[\"'`]?\s{1,9}(?:i?like\s{1,9}|b|N)?(?=')",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"\\{0,4}[\"']")


def without_elements(text: str) -> str:
    return _without(_ELEMENT, _in_element, text)


def without_named_values(text: str) -> str:
    return _without(_NAMED_VALUE, _beside_name, text)


def without_listed(text: str) -> str:
    return _without(_LISTED, _behind_name, text)


def without_flags(text: str) -> str:
    return _without(_FLAG, _behind_flag, text)


def without_said(text: str) -> str:
    return _without(_SAID, lambda text, match: _quoted(text, match.end(), Secrecy.ALL), text)


def is_header_name(name: str) -> bool:
    """A name that nothing but a header has, so that what follows it in a list is the header's value."""
    return len(name) <= 80 and name.lower().endswith(_HEADER_NAMES)


Place = tuple[int, int]


def _without(pattern: re.Pattern[str], place_of: Callable[[str, re.Match[str]], Place | None], text: str) -> str:
    kept, start = [], 0
    for match in pattern.finditer(text):
        place = place_of(text, match) if match.start() >= start else None
        if place:
            kept += [text[start : place[0]], REDACTED]
            start = place[1]
    return "".join([*kept, text[start:]]) if kept else text


def _in_element(text: str, match: re.Match[str]) -> Place | None:
    secrecy = parameter_secrecy(match[1])
    if not secrecy:
        return None
    inner = _TEXT_OF_ELEMENT.match(text, match.end())
    end = inner.end() if inner else match.end()
    return (match.end(), end) if is_telling(text, match.end(), end, secrecy) else None


def _beside_name(text: str, match: re.Match[str]) -> Place | None:
    secrecy = parameter_secrecy(match[1])
    if not secrecy:
        return None
    begin = match.end()
    if text[begin] not in "[{":
        return _quoted(text, begin, secrecy)
    end = end_of_nested(text, begin + 1, len(text))
    end = len(text) if end < 0 else end
    return (begin + 1, end) if is_telling(text, begin + 1, end, secrecy) else None


def _behind_name(text: str, match: re.Match[str]) -> Place | None:
    """A header's value, or the second of a pair; not the next column of ``("password", "email")``."""
    delimiter = match[1]
    found = _NAME_BEFORE.match(text[max(0, match.start() - 90) : match.start()][::-1])
    if not found or found[1].count(" ") > 1:  # a sentence, of which JSON holds many
        return None
    name, before = found[1][::-1], found[2]
    secrecy = parameter_secrecy(name)
    place = _quoted(text, match.end(), secrecy) if secrecy else None
    if not place:
        return None
    begin, end = place
    value = text[begin : min(end, begin + 300)]
    if is_header_name(name):
        return place if "=" in value or not _WORD.fullmatch(value) or before == "[" else None
    behind = text[end + len(delimiter) : end + len(delimiter) + 3].lstrip()
    is_pair = (before, behind[:1]) in (("[", "]"), ("(", ")"))
    is_column = before == "(" and (delimiter[-1] == '"' or _WORD.fullmatch(value))
    return place if is_pair and not is_column else None


def _behind_flag(text: str, match: re.Match[str]) -> Place | None:
    if not parameter_secrecy(match[1]):
        return None
    begin = match.end()
    if _DELIMITER.match(text, begin):
        return _quoted(text, begin, Secrecy.ALL)
    end = end_of_bare(text, begin, is_encoded=False)
    return (begin, end) if end > begin and not says_nothing(text[begin:end]) else None


def _quoted(text: str, begin: int, secrecy: Secrecy) -> Place | None:
    delimiter = _DELIMITER.match(text, begin)
    if not delimiter:
        return None
    end = end_of_quoted(text, delimiter.end(), delimiter[0])
    return (delimiter.end(), end) if is_telling(text, delimiter.end(), end, secrecy) else None
