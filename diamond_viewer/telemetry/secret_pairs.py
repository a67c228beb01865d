"""Secrets beside their names in text: ``name=value``, ``"name": value``, as addresses, cookies, JSON, logfmt and SQL write it.

A place is found by its separator; what lies before it is looked at for at most 130 characters.
"""

import re

from diamond_viewer.telemetry.own_secrets import rules, words_of
from diamond_viewer.telemetry.secret_keys import Secrecy, parameter_secrecy
from diamond_viewer.telemetry.secret_values import (
    GLANCE,
    REDACTED,
    end_of_bare,
    end_of_json,
    end_of_line,
    end_of_nested,
    end_of_quoted,
    is_telling,
)

_SEPARATOR = re.compile(r"[=:]|%(?:25){0,3}3[aAdD]|\\u003[dD]")
_BLANK = r"[ \t\u00a0\u200b-\u200d\u2060\ufeff]"
_BEHIND_OPERATOR = re.compile(r"[=~>]")
# read backwards from the separator: blanks, a closing quote with its escapes, the name
_BEFORE = re.compile(
    rf"[!<>=:]{{0,2}}(?:{_BLANK}|\s(?=\s{{0,20}}[\"'`])){{0,40}}\\?"
    r"(?:(?P<quote>[\"'`])\\{0,4}(?P<quoted>[\w.~%\[\]\\ -]{1,80}+)|(?P<bare>[\w.~%\[\]+-]{1,80}+))"
)
_AFTER = re.compile(
    rf"{_BLANK}{{0,40}}(?:\s{{1,40}}(?=\\{{0,4}}[\"'`]))?(?:[A-Za-z]{{1,2}}(?=[\"'`]))?(\\{{0,4}}[\"'`])?"
)
_ENCODED_AFTER = re.compile(r"(?:%(?:25){0,3}(?:20|22)|\+)*+")
_PLACEHOLDER = re.compile(r"(?:\$\d{1,3}|\$\{[\w.:-]*\}|\?|%s|\{\{[^{}]*\}\})(?![^\s,;)\]}\"'`:])")
_NAMED_PLACEHOLDER = re.compile(r"[:@]\w")
_NESTED = re.compile(r"\s{0,9}(?:\w{0,20}\(\d{1,9}\)\s)?([\[{(])")  # Map(2) {...} of JavaScript
_SCHEMED = re.compile(r"(?!REDACTED)[A-Za-z][A-Za-z0-9-]{1,20} {1,4}[^\s&;,\"'`]++")
_ANGLED = re.compile(r"<([^<>\s]{1,80})>")
_WORD = re.compile(r"[a-z_-]*")
_FOLDED_LINE = re.compile(r"\r?\n[ \t]{1,8}(?=\S)")
_HEADERS = ("authorization", "cookie", "cookie2", "x-api-key", "x-auth-token")
_PASSWORDS = (
    *("password", "passwd", "pwd", "passphrase", "secret", "apikey", "api_key", "api-key", "api key"),
    *("secretkey", "secret_key", "secret-key", "secret_access_key", "secretaccesskey", "private_key", "privatekey"),
)
_WORDS_ONLY = re.compile(r"[a-z ,.()]*")
_LOOKS_RANDOM = re.compile(r"(?=\D*\d)[\w.~+/=-]{16,}|(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[\w+/=-]{32,}")

MAX_UNQUOTED = 2_000  # characters of { a: 'b' } behind an unquoted name: it may as well belong to a sentence

Place = tuple[int, int]


def without_pairs(text: str) -> str:
    """The same text, ``REDACTED`` in place of values of secret names."""
    kept, start, at = [], 0, 0
    while separator := _SEPARATOR.search(text, at):
        at = separator.end()
        place = _secret_value(text, separator.start(), separator.end())
        if place:
            kept += [text[start : place[0]], REDACTED]
            start = at = place[1]
    return "".join([*kept, text[start:]])


def _secret_value(text: str, separator_start: int, separator_end: int) -> Place | None:
    """Where the secret beside this separator begins and ends."""
    sign = text[separator_start]
    if sign == ":" and (text.startswith("//", separator_end) or text.startswith(r"\/", separator_end)):
        return None
    before = _BEFORE.match(text[separator_start - 130 if separator_start > 130 else 0 : separator_start][::-1])
    if not before:
        return None
    is_quoted = before["quoted"] is not None
    name = (before["quoted"] or before["bare"])[::-1]
    secrecy = parameter_secrecy(name)
    if not secrecy:
        return None
    is_operator = sign == "=" and (
        text[separator_start - 1] in "=!<>" or text[separator_end : separator_end + 1] in "=~>"
    )
    if sign == ":" and text.startswith("=", separator_end):
        sign, separator_end = "=", separator_end + 1
    while is_operator and _BEHIND_OPERATOR.match(text, separator_end):
        separator_end += 1
    after = _AFTER.match(text, separator_end)
    begin = after.end() if after else separator_end
    delimiter = after[1] if after else None
    if _PLACEHOLDER.match(text, begin):
        return None
    if delimiter:
        if sign == "=" and delimiter == '"' and before["quote"] == '"' and not text.startswith(">", separator_end - 1):
            return None  # SQL: a column compared with a column
        end = end_of_quoted(text, begin, delimiter)
        return (begin, end) if is_telling(text, begin, end, secrecy) else None
    if is_operator and not name.endswith("]"):  # print_r of PHP: [password] => x
        return None
    if nested := _NESTED.match(text, begin):
        return _in_brackets(text, nested.end(), is_quoted, secrecy)
    if sign == ":" and not is_quoted:
        return _in_prose(text, begin, name)
    if sign == ":":
        end = end_of_json(text, begin)
    elif sign in "%\\":
        return _encoded(text, separator_start, begin, name, secrecy)
    else:
        if _NAMED_PLACEHOLDER.match(text, begin) and not _is_parameter(text, separator_start, before.end()):
            return None
        if angled := _ANGLED.match(text, begin):
            return None if _WORD.fullmatch(angled[1]) else angled.span(1)  # password=<password> shows how it is used
        if begin > separator_end and "=" in _glance(text, begin, is_encoded=False).rstrip("="):
            return None  # "session= user=ada": nothing stands there, and then the next pair
        end = end_of_bare(text, begin, is_encoded=False)
        if text.startswith(";", end) and name.lower().endswith("cookie"):
            end = end_of_line(text, begin)  # more cookies follow
        elif name.lower().endswith("authorization") and (schemed := _SCHEMED.match(text, begin)):
            end = schemed.end()
    return (begin, end) if is_telling(text, begin, end, secrecy) else None


def _is_parameter(text: str, separator_start: int, name_length: int) -> bool:
    """Of an address, where nothing is bound to ``:name``."""
    at = separator_start - name_length - 1
    return at >= 0 and text[at] in "?&"


def _in_brackets(text: str, begin: int, is_quoted: bool, secrecy: Secrecy) -> Place | None:
    """A list or a map below a secret name is as secret as the name; of JSON that was cut off, up to its end."""
    last = len(text) if is_quoted else min(len(text), begin + MAX_UNQUOTED)
    end = end_of_nested(text, begin, last)
    if end < 0 and not is_quoted and last == len(text):
        return None  # Unexpected token: { in JSON
    end = last if end < 0 else end
    return (begin, end) if is_telling(text, begin, end, secrecy) else None


def _encoded(text: str, separator_start: int, begin: int, name: str, secrecy: Secrecy) -> Place | None:
    """``token%3Dx``, ``%22token%22%3A%22x%22``; a colon without quotes may as well belong to a sentence."""
    is_colon = text[separator_start] == "%" and text[begin - 1] in "aA"
    blanks = _ENCODED_AFTER.match(text, begin) if is_colon else None
    has_quote = blanks is not None and "22" in blanks[0]
    begin = blanks.end() if blanks else begin
    if is_colon and not has_quote and not _is_no_sentence(_glance(text, begin, is_encoded=True), name):
        return None
    end = end_of_bare(text, begin, is_encoded=True)
    return (begin, end) if is_telling(text, begin, end, secrecy) else None


def _in_prose(text: str, begin: int, name: str) -> Place | None:
    """``name: value`` without quotes: a header line, a password, or what looks random; else it is a sentence."""
    if name.lower().endswith(_HEADERS):
        glance = text[begin : begin + GLANCE]
        line = glance[: end_of_line(glance, 0)].strip()
        if not line and (folded := _FOLDED_LINE.match(text, begin)):
            return _in_prose(text, folded.end(), name)  # a header's value may begin on the next line
        is_secret = "=" in line if "cookie" in name.lower()[-7:] else not _WORDS_ONLY.fullmatch(line)
        return (begin, end_of_line(text, begin)) if is_secret and line != REDACTED else None
    if not _is_no_sentence(_glance(text, begin, is_encoded=False), name):
        return None
    end = end_of_bare(text, begin, is_encoded=False)
    return (begin, end) if is_telling(text, begin, end, Secrecy.ALL) else None


def _glance(text: str, begin: int, is_encoded: bool) -> str:
    """As much of a bare value as decides what it is: what is then passed over was not read to its end, and will not be by the
    next name within it."""
    glance = text[begin : begin + GLANCE]
    return glance[: end_of_bare(glance, 0, is_encoded)]


def _is_no_sentence(value: str, name: str) -> bool:
    is_own = rules().names_secret(words_of(name))
    return is_own or name.lower().endswith(_PASSWORDS) or bool(_LOOKS_RANDOM.fullmatch(value))
