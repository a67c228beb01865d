"""What a value is held against: a text, a text with gaps, a part of it, a number. Every check takes linear time."""

import base64
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from diamond_viewer.telemetry.model import AttributeValue

_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# their lower case lies in ASCII or begins there: whoever looks for ASCII bytes could not find them again
_LEFT_AS_THEY_ARE = {0x130: 0xF8130, 0x212A: 0xF812A}


@dataclass(frozen=True, slots=True)
class Exactly:
    """This text, letter for letter; or for a number the same number (``1`` and ``1.0``)."""

    text: str


@dataclass(frozen=True, slots=True)
class Like:
    """The parts in this order, with anything between them; at least two parts. ``("a", "")`` is ``a*``."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """This part anywhere, whatever the case; ``folded`` is what ``fold`` makes of it."""

    folded: str


@dataclass(frozen=True, slots=True)
class Compared:
    """``operator`` is one of ``= > >= < <=``."""

    operator: str
    number: int | float


TextTest = Exactly | Like | Contains
ValueTest = TextTest | Compared

ANYTHING = Like(("", ""))


def fold(text: str) -> str:
    """Without the difference of upper and lower case."""
    return text.lower() if text.isascii() else text.translate(_LEFT_AS_THEY_ARE).lower()


def text_passes(test: TextTest, text: str) -> bool:
    """
    >>> [text_passes(Like(("api.", "", "s")), text) for text in ("api.video.access", "api.s", "api", "Api.s")]
    [True, True, False, False]
    """
    if isinstance(test, Exactly):
        return text == test.text
    if isinstance(test, Contains):
        return test.folded in fold(text)
    head, *middle, tail = test.parts
    at, end = len(head), len(text) - len(tail)
    if at > end or not text.startswith(head) or not text.endswith(tail):
        return False
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def number_passes(test: Compared, number: int | float) -> bool:
    """NaN passes nothing."""
    if test.operator == "=":
        return number == test.number
    if test.operator == ">":
        return number > test.number
    if test.operator == ">=":
        return number >= test.number
    return number < test.number if test.operator == "<" else number <= test.number


def value_passes(test: ValueTest, value: AttributeValue) -> bool:
    """Of a list or a map any member, however deep.

    >>> [value_passes(test, [1.0, "720p"]) for test in (Exactly("1"), Contains("20p"), Compared(">", 1))]
    [True, True, False]
    >>> value_passes(ANYTHING, None), value_passes(Exactly("None"), None)
    (True, False)
    """
    if test == ANYTHING:
        return True
    return any(_scalar_passes(test, scalar) for scalar in _scalars(value))


def value_texts(value: AttributeValue) -> Iterator[str]:
    """The texts of a value: as it is written, ``true`` and ``false``, numbers in digits, bytes in base64."""
    return map(_text, _scalars(value))


@lru_cache(maxsize=1024)
def number_of(text: str) -> int | float | None:
    """A number in digits -> its value; None for any other text.

    >>> [number_of(text) for text in ("404", "-7.5", "1e3", "0x1", "٤", "", "1_000", "9" * 41)]
    [404, -7.5, 1000.0, None, None, None, None, None]
    """
    if not _NUMBER.fullmatch(text):
        return None
    digits = text.lstrip("+-")
    return int(text) if digits.isdigit() else float(text)


def _scalar_passes(test: ValueTest, scalar: bool | int | float | str | bytes) -> bool:
    number = scalar if isinstance(scalar, int | float) and not isinstance(scalar, bool) else None
    if isinstance(test, Compared):
        if isinstance(scalar, str):
            number = number_of(scalar)
        return number is not None and number_passes(test, number)
    if isinstance(test, Exactly) and number is not None:
        wanted = number_of(test.text)
        return number == wanted if wanted is not None else _text(scalar) == test.text
    return text_passes(test, _text(scalar))


def _scalars(value: AttributeValue) -> Iterator[bool | int | float | str | bytes]:
    waiting: list[AttributeValue] = [value]
    while waiting:  # a stack, not recursion: values nest as deep as the producer liked
        given = waiting.pop()
        if isinstance(given, bool | int | float | str | bytes):
            yield given
        elif isinstance(given, Mapping):
            waiting.extend(given.values())
        elif given is not None:
            waiting.extend(given)


def _text(scalar: bool | int | float | str | bytes) -> str:
    if isinstance(scalar, str):
        return scalar
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    if isinstance(scalar, bytes):
        return base64.b64encode(scalar).decode()
    if isinstance(scalar, float) and not math.isfinite(scalar):
        return "NaN" if math.isnan(scalar) else "Infinity" if scalar > 0 else "-Infinity"
    return f"{scalar}"
