"""What stands beside a name of a secret: where it ends, and whether it says anything.

A value may be bare, quoted, or a list or map of its own; and each of these inside the text of another JSON document, where
every quote has a backslash more. What was looked at is not looked at again: each function takes time in proportion to what it
passes.
"""

import re

from diamond_viewer.telemetry.secret_keys import Secrecy

REDACTED = "REDACTED"
GLANCE = 256  # characters of a value that decide what it is, so that what is passed over is not read again and again

# a comma, a quote, a semicolon within a value; not one behind which another name, a space or the end of something follows
_NEXT_NAME = r"[\"']?[\w.-]{1,40}+[\"']?[ \t]?[=:]"
_BARE_VALUE = re.compile(
    rf"(?:[^\s&;,\"'`<>\\]|[;,\"'`](?=[\w%+/~!@$^*#-])(?!.{_NEXT_NAME})|\\\\?(?=[A-Zac-eg-mo-qsv-z0-9!@#$%^*-]))*+"
)
_JSON_VALUE = re.compile(r"[^\s,}\]\"'\\]*+")
_LINE = re.compile(r"[^\r\n\"'`]*+")
_QUOTED_VALUE = {quote: re.compile(rf"(?:[^{quote}\\]|\\.)*+", re.DOTALL) for quote in "\"'`"}
_ENCODED_VALUE = re.compile(r"(?:(?!%(?:25){0,3}(?:26|3[bB]|23|20|22|7[dD]))[^\s&;,\"'`<>\\])*+")
_BRACKET_OR_QUOTE = re.compile(r"\\*[\"']|[\[\](){}]")
_GOES_ON = re.compile(r"\w")
_IS_NAME = re.compile(r"[ \t]{0,4}[:=]")
# numbers, also within a list or a map: 17, "intValue":"17", "prompt": 17, "completion": 3
_QUOTE = r"\\{0,4}[\"']?"
_NUMBERS = re.compile(
    rf"(?:(?:{_QUOTE}[\w.-]{{1,40}}+{_QUOTE}\s{{0,4}}:\s{{0,4}})?{_QUOTE}-?\d{{1,20}}+(?:\.\d{{1,20}}+)?{_QUOTE}(?:\s{{0,4}},\s{{0,4}}|$))+"
)
_SAYS_NOTHING = frozenset(
    (
        *("", "true", "false", "yes", "no", "null", "none", "nil", "undefined", "redacted", "[redacted]", "***"),
        *("missing", "present", "absent", "required", "invalid", "expired", "set", "unset", "empty", "string"),
        *("must", "is", "was", "not", "too", "incorrect", "wrong", "expected"),
    )
)


def end_of_bare(text: str, begin: int, is_encoded: bool) -> int:
    """``is_encoded``: the value ends where ``%26`` says so."""
    return _end(_ENCODED_VALUE if is_encoded else _BARE_VALUE, text, begin)


def end_of_json(text: str, begin: int) -> int:
    return _end(_JSON_VALUE, text, begin)


def end_of_line(text: str, begin: int) -> int:
    return _end(_LINE, text, begin)


def end_of_quoted(text: str, begin: int, delimiter: str) -> int:
    """The place of the closing quote; a text that was cut off before it ends there. A quote that stands twice is a letter, as
    SQL writes it, and one that a letter follows has rather opened than closed, unless a name begins with it.

    >>> [end_of_quoted(text, 1, "'") for text in ("'it''s' b", "'a b='c' d", "'a'b': 'c'", "'a'b", "'a")]
    [6, 7, 2, 2, 2]
    """
    if len(delimiter) > 1:
        end = text.find(delimiter, begin)
        return len(text) if end < 0 else end
    end = _end(_QUOTED_VALUE[delimiter], text, begin)
    while _GOES_ON.match(text, end + 1) or text.startswith(delimiter, end + 1):
        after = end + 1 + text.startswith(delimiter, end + 1)
        further = _end(_QUOTED_VALUE[delimiter], text, after)
        if further == len(text) or _IS_NAME.match(text, further + 1):
            break
        end = further
    return end


def end_of_nested(text: str, begin: int, last: int) -> int:
    """The place of the bracket that closes the one before ``begin``; -1 when none does before ``last``. Brackets within quotes
    are letters.

    >>> [end_of_nested(text, 1, 99) for text in ('["a]",["b"]]', r'{\\"a\\":\\"}\\"}', "['cut off", "[don't]")]
    [11, 12, -1, -1]
    """
    depth, quote = 1, ""
    for found in _BRACKET_OR_QUOTE.finditer(text, begin, last):
        sign = found[0]
        if sign[-1] in "\"'":
            backslashes = len(sign) - 1
            if not quote:
                quote = sign
            elif sign[-1] == quote[-1] and (backslashes == len(quote) - 1 or (len(quote) == 1 and not backslashes % 2)):
                quote = ""
        elif not quote:
            depth += 1 if sign in "[{(" else -1
            if not depth:
                return found.start()
    return -1


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return match.end() if match else begin


def says_nothing(value: str) -> bool:
    """True for a value that only says whether there is a secret.

    >>> [says_nothing(value) for value in ("", "False", "missing", "REDACTED", "hunter2", "f" * 10**6)]
    [True, True, True, True, False, False]
    """
    return len(value) <= GLANCE and value.lower() in _SAYS_NOTHING


def is_telling(text: str, begin: int, end: int, secrecy: Secrecy) -> bool:
    """False for what only says whether there is a secret, and for numbers that are counts."""
    if end - begin > GLANCE:
        return True
    value = text[begin:end].strip()
    return not says_nothing(value) and (secrecy is Secrecy.ALL or not _NUMBERS.fullmatch(value))
