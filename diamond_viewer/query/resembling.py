"""Which of the values that are held a reader may have meant."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Page
from diamond_viewer.telemetry.reach import is_all

CORRECTED = ("lesson", "user")  # filters whose values people type from memory
MAX_ASKED = 1_000  # values that contain a piece of what was typed
MAX_MEANT = 3
_PIECE = re.compile(r"[^\W\d_]+|\d+")


class HoldsValues(Protocol):
    """A ``TraceStore`` is one."""

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]: ...

    def search(self, query: Query, now_ns: int) -> Page: ...


@dataclass(frozen=True, slots=True)
class Correction:
    """``values`` are held and may have been meant; ``sentence`` says what is not, and goes on with them."""

    field: str
    sentence: str
    values: tuple[str, ...]


def words_of(text: str) -> tuple[str, ...]:
    """What a value must contain, each of them, whatever its case.

    >>> words_of(" Lesson 11 "), words_of("")
    (('lesson', '11'), ())
    """
    return tuple(dict.fromkeys(text.casefold().split()))


def contains_words(value: str, words: Sequence[str]) -> bool:
    """
    >>> contains_words("lesson-011", words_of("11 LESS")), contains_words("lesson-012", words_of("11 less"))
    (True, False)
    """
    folded = value.casefold()
    return all(word in folded for word in words)


def pieces_of(text: str) -> tuple[str, ...]:
    """Runs of letters and of digits, without the zeros before a number.

    >>> pieces_of("Lesson_011"), pieces_of("usr7"), pieces_of("--")
    (('lesson', '11'), ('usr', '7'), ())
    """
    return tuple(piece.lstrip("0") or "0" if piece.isdigit() else piece for piece in _PIECE.findall(text.casefold()))


def meant(text: str, held: Iterable[tuple[str, int]], limit: int = MAX_MEANT) -> tuple[str, ...]:
    """Those of the held values (with how often each is) that contain every piece of the text: first those that hold all its
    numbers as they are, then the most frequent.

    >>> held = [("lesson-110", 9), ("lesson-011", 2), ("lesson-1", 5), ("intro", 7)]
    >>> meant("11", held), meant("lesson 11", held), meant("LESSON011", held), meant("lesson-12", held), meant("?", held)
    (('lesson-011', 'lesson-110'), ('lesson-011', 'lesson-110'), ('lesson-011', 'lesson-110'), (), ())
    """
    wanted = pieces_of(text)
    if not wanted:
        return ()
    found = []
    for value, count in held:
        pieces = pieces_of(value)
        if all(any(piece in own for own in pieces) for piece in wanted):
            is_exact = all(piece in pieces for piece in wanted if piece.isdigit())
            found.append((not is_exact, -count, value))
    return tuple(value for *_, value in sorted(found)[:limit])


def likeliest_piece(text: str) -> str:
    """The piece that leaves fewest values: what the store is asked for. Empty when there is none.

    >>> likeliest_piece("lesson-11"), likeliest_piece("usr7"), likeliest_piece("intro"), likeliest_piece("")
    ('11', '7', 'intro', '')
    """
    by_kind = {
        is_number: list(group)
        for is_number, group in groupby(sorted(pieces_of(text), key=str.isdigit), key=str.isdigit)
    }
    return max(by_kind.get(True) or by_kind.get(False) or [""], key=len)


def named_by(store: HoldsValues, field: str, value: str) -> Page:
    """The newest trace that names exactly this user or lesson, if there is one: the most frequent values that contain a text
    need not have it among them. Without a trace and not whole (``is_all``) nobody knows yet whether there is one."""
    return store.search(Query(((field, value),), limit=1), 0)  # no window: the time now does not matter


def correction(store: HoldsValues, field: str, value: str) -> Correction | None:
    """None when a trace names the value itself, or nothing that is held is like it."""
    piece = likeliest_piece(value)
    values = meant(value, store.values(field, piece, MAX_ASKED)) if piece else ()
    if not values:
        return None
    page = named_by(store, field, value)
    if page.traces:
        return None
    trace = "trace" if is_all(page) else "trace that was looked at"
    return Correction(field, f"No {trace} names the {field} {value[:60]}. Did you mean", values)


def corrections(store: HoldsValues, value_of: Callable[[str], str]) -> tuple[Correction, ...]:
    """For each of ``CORRECTED``; ``value_of`` gives what it is filtered by, or nothing."""
    asked = ((field, value_of(field)) for field in CORRECTED)
    found = (correction(store, field, value) for field, value in asked if value)
    return tuple(one for one in found if one is not None)
