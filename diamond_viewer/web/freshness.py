"""Freshness: whether what a poll would bring is what the reader already has. If so, the answer is 204 and no page is made."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from diamond_viewer.query.query import Query
from diamond_viewer.web.compression import packed_text

SEEN_HEADER = "Diamond-Seen"
MAX_SHARED = 64  # questions, of some 100 kB each
MAX_AGE_S = 0.5  # of an answer that is given to who has an older one, while more comes in
MAX_COST = 20  # and at most so many times what it took to make: a question costs a twentieth of a core however many ask


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
    """What a poll brings. ``asked`` and ``shown`` as in ``Seen``; ``packed`` is ``text`` as gzip; ``began_s`` and ``took_s``
    say when it was made, by ``time.monotonic``, and what that cost. ``is_complete`` is False while a search has not looked at
    everything that is stored."""

    asked: str
    text: str
    is_complete: bool
    shown: str
    packed: bytes
    began_s: float
    took_s: float

    @classmethod
    def made(cls, asked: str, make: Callable[[], tuple[str, bool]]) -> Self:
        """``make`` returns the text and whether it is complete."""
        began_s = time.monotonic()
        text, is_complete = make()
        packed = packed_text(text.encode())
        return cls(asked, text, is_complete, digest(text), packed, began_s, time.monotonic() - began_s)

    def is_young(self) -> bool:
        return time.monotonic() - self.began_s < min(MAX_AGE_S, MAX_COST * self.took_s)


class SharedAnswers:
    """The last answer to each of the last few questions. Many readers look at the same list: it is made once for all of them,
    however many ask at the same time, and while much comes in not more often than is worth it.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._locks: dict[str, threading.Lock] = {}

    def of(self, question: str, asked: str, seen: Seen, make: Callable[[], tuple[str, bool]]) -> Answer:
        """The answer to ``question``; ``asked`` names it with the store's version.

        It is of this version or a newer one, or at most ``MAX_AGE_S`` old and news to this reader. So who has seen the last
        answer always gets a new one: a reader alone waits for nobody.
        """
        arrived_s = time.monotonic()
        if (answer := self._fitting(question, asked, seen, arrived_s)) is not None:
            return answer
        with self._lock_of(question):  # who asks meanwhile waits for what is made here
            answer = self._fitting(question, asked, seen, arrived_s)
            if answer is None:
                answer = Answer.made(asked, make)
                self._keep(question, answer)
            return answer

    def _fitting(self, question: str, asked: str, seen: Seen, arrived_s: float) -> Answer | None:
        answer = self._answers.get(question)
        if answer is None:
            return None
        is_same = answer.is_complete and answer.asked == asked
        is_news = seen.asked not in ("", answer.asked)
        fits = is_same or answer.began_s > arrived_s or (is_news and answer.is_young())
        return answer if fits else None

    def _lock_of(self, question: str) -> threading.Lock:
        return self._locks.setdefault(question, threading.Lock())

    def _keep(self, question: str, answer: Answer) -> None:
        self._answers.pop(question, None)
        self._answers[question] = answer
        for oldest in list(self._answers)[:-MAX_SHARED]:
            self._answers.pop(oldest, None)
            self._locks.pop(oldest, None)  # whoever still waits for it makes the answer a second time


def digest(*parts: object) -> str:
    """
    >>> digest("a", 1) == digest("a", 1) != digest("a1")
    True
    """
    return blake2b("\0".join(map(str, parts)).encode(errors="replace"), digest_size=9).hexdigest()


def moves_with_time(query: Query) -> bool:
    """True when the same question has another answer a second later although nothing came in: ``since=15m``."""
    return any(value[-1:] in ("s", "m", "h", "d") for name in ("since", "until") for value in query.values(name))
