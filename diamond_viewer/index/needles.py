"""What bytes must stand in an original if a span in it is to fulfil a condition: looked for before anything is decoded.

Only texts count that every JSON encoder writes as they are, and that redaction cannot have brought in. So a needle that is
not there proves that nothing is there; one that is there proves nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from diamond_viewer.query.patterns import Compared, Contains, Exactly, TextTest, number_of
from diamond_viewer.query.terms import AllOf, AnyOf, AttributeIs, AttributeName, AttributePlace, Condition, HasText
from diamond_viewer.telemetry.redact import REDACTED

_RUN = re.compile(r"[A-Za-z0-9_-]+")
_NUMERIC = re.compile(r"[0-9eE-]*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.:-]+")
_ODD_ESCAPE = re.compile(rb"\\u00[2-7]")  # a letter of ASCII written as an escape: nobody does, but anybody may
# a text that stands for these in the answer may stand otherwise in the original
_SPELT_OTHERWISE = (REDACTED.lower(), "infinity", "nan", "true", "false")


@dataclass(frozen=True, slots=True)
class Needle:
    """``any_case``: in lower case, to be looked for in lower case."""

    text: bytes
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Needles:
    """All of the parts, or any of them."""

    parts: tuple["Needle | Needles", ...]
    all_needed: bool


Wanted = Needle | Needles | None  # None: no bytes can be named


class Haystack:
    """Bytes of originals: a block, a line, what stands around a span."""

    __slots__ = ("_lower", "_text", "is_odd")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._lower: bytes | None = None
        self.is_odd = b"\\u00" in text and _ODD_ESCAPE.search(text) is not None

    def left_over(self, wanted: Wanted) -> Wanted:
        """What is still wanted beside these bytes; None: nothing."""
        if isinstance(wanted, Needle):
            return None if self._holds(wanted) else wanted
        if wanted is None:
            return None
        parts = tuple(left for part in wanted.parts if (left := self.left_over(part)) is not None)
        is_enough = not parts if wanted.all_needed else len(parts) < len(wanted.parts)
        return None if is_enough else Needles(parts, wanted.all_needed)

    def _holds(self, needle: Needle) -> bool:
        if self.is_odd:
            return True
        if not needle.any_case:
            return needle.text in self._text
        if self._lower is None:
            self._lower = self._text.lower()
        return needle.text in self._lower


def may_hold(text: bytes, wanted: Wanted) -> bool:
    """The same for a few bytes without odd escapes."""
    if isinstance(wanted, Needle):
        return wanted.text in (text.lower() if wanted.any_case else text)
    if wanted is None:
        return True
    for part in wanted.parts:
        if may_hold(text, part) is not wanted.all_needed:
            return not wanted.all_needed
    return wanted.all_needed


def needles_of(condition: Condition) -> Wanted:
    """
    >>> from diamond_viewer.query.language import parse
    >>> needles_of(parse("progress.count>1").condition)
    Needles(parts=(Needle(text=b'"progress.count"', any_case=False),), all_needed=False)
    >>> needles_of(parse('"Cannot read ü"').condition)
    Needle(text=b'cannot', any_case=True)
    """
    if isinstance(condition, AllOf):
        named = tuple(wanted for part in condition.terms if (wanted := needles_of(part)) is not None)
        return Needles(named, all_needed=True) if named else None
    if isinstance(condition, AnyOf):
        all_named = [needles_of(part) for part in condition.terms]
        named = tuple(wanted for wanted in all_named if wanted is not None)
        return Needles(named, all_needed=False) if len(named) == len(all_named) else None
    if isinstance(condition, AttributeIs):
        return _of_attribute(condition)
    return _of_text(condition.test) if isinstance(condition, HasText) else None


def _of_attribute(condition: AttributeIs) -> Wanted:
    keys = [_of_key(name) for name in condition.names]
    named = tuple(dict.fromkeys(key for key in keys if key is not None))
    by_key = Needles(named, all_needed=False) if len(keys) == sum(key is not None for key in keys) else None
    by_value = None if isinstance(condition.test, Compared) else _of_text(condition.test)
    if by_key is None or by_value is None:
        return by_key or by_value
    return Needles((by_key, by_value), all_needed=True)


def _of_key(name: AttributeName) -> Needle | None:
    if name.place is AttributePlace.SCOPE and name.key in ("name", "version"):
        return None
    return Needle(f'"{name.key}"'.encode()) if _PLAIN_KEY.fullmatch(name.key) else None


def _of_text(test: TextTest) -> Needle | None:
    """The longest run of plain characters."""
    if isinstance(test, Exactly) and number_of(test.text) is not None:
        return None  # 1 finds 1.0 and 1e0
    longest = max(_runs(test), key=len, default="")
    return Needle(longest.encode(), any_case=isinstance(test, Contains)) if longest else None


def _runs(test: TextTest) -> Iterator[str]:
    texts = (test.text,) if isinstance(test, Exactly) else (test.folded,) if isinstance(test, Contains) else test.parts
    for text in texts:
        for run in _RUN.findall(text):
            lower = run.lower()
            is_doubtful = any(lower in other or other in lower for other in _SPELT_OTHERWISE)
            if not is_doubtful and not _NUMERIC.fullmatch(run):
                yield run
