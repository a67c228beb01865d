"""Freshness: whether what a poll would bring is what the reader already has. If so, the answer is 204 and no page is made."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from diamond_viewer.query.query import Query

SEEN_HEADER = "Diamond-Seen"
MAX_SHARED = 16  # of some 50 kB each


@dataclass(frozen=True, slots=True)
class Seen:
    """``asked`` names the question and the store's version, ``shown`` the answer; both are digests, empty when unknown.

    The question is cheap to compare: nothing is searched and nothing rendered while the store stands still. The answer
    is compared when the store has moved on, because most of what arrives is not what this reader has filtered for.
    """

    asked: str = ""
    shown: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        asked, _, shown = text.partition(".")
        return cls(asked, shown)

    def __str__(self) -> str:
        return f"{self.asked}.{self.shown}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a poll brings. ``is_complete`` is False while a search has not looked at everything that is stored."""

    text: str
    is_complete: bool


class SharedAnswers:
    """The last few answers to polls, by ``Seen.asked``: many readers look at the same list while the store stands still."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def get(self, asked: str) -> Answer | None:
        return self._answers.get(asked)

    def keep(self, asked: str, answer: Answer) -> None:
        self._answers[asked] = answer
        for oldest in list(self._answers)[:-MAX_SHARED]:
            self._answers.pop(oldest, None)


def digest(*parts: object) -> str:
    """
    >>> digest("a", 1) == digest("a", 1) != digest("a1")
    True
    """
    return blake2b("\0".join(map(str, parts)).encode(errors="replace"), digest_size=9).hexdigest()


def moves_with_time(query: Query) -> bool:
    """True when the same question has another answer a second later although nothing came in: ``since=15m``."""
    return any(value[-1:] in ("s", "m", "h", "d") for name in ("since", "until") for value in query.values(name))
