"""Which of the values that are held a reader may have meant."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Protocol

from diamond_viewer.query.comparisons import closest
from diamond_viewer.query.demanded import demanded_by
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Page
from diamond_viewer.telemetry.reach import is_all

CORRECTED = {  # fields whose values people type from memory: of what they are, and how that is said
    "lesson": ("trace", "names the lesson"),
    "user": ("trace", "names the user"),
    "service": ("trace", "has the service"),
    "operation": ("span", "is called"),
    "event": ("event", "is called"),
}
MAX_COMPARED = 80  # characters of a value whose spelling is compared
MAX_ASKED = 1_000  # values that contain a piece of what was typed
MAX_MEANT = 3
MAX_CORRECTED = 3  # values of a question
_PIECE = re.compile(r"[^\W\d_]+|\d+")


class HoldsValues(Protocol):
    """A ``TraceStore`` is one."""

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]: ...

    def search(self, query: Query, now_ns: int) -> Page: ...


@dataclass(frozen=True, slots=True)
class Correction:
    """``values`` are held and may have been meant; ``sentence`` says what is not, and goes on with them. Where to put them:
    ``parameter`` takes one of ``settings``, in the same order."""

    parameter: str
    sentence: str
    values: tuple[str, ...]
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A value that is asked for by a filter, or by a condition of a search."""

    parameter: str
    field: str
    value: str
    set_to: Callable[[str], str]  # another value -> that of the parameter with it


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
    """The newest trace that names exactly this value, if there is one: the most frequent values that contain a text
    need not have it among them. Without a trace and not whole (``is_all``) nobody knows yet whether there is one."""
    return store.search(Query(((field, value),), limit=1), 0)  # no window: the time now does not matter


def misspelt(text: str, held: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """The one of the held values that is spelt nearly so: a letter or two apart, with the same numbers in it.

    >>> misspelt("diamond-distrct-web", [("diamond-district-web", 5), ("worker", 9)]), misspelt("lesson-77", [("lesson-78", 1)])
    (('diamond-district-web',), ())
    """
    most = 1 if len(text) < 8 else 2
    numbers = [piece for piece in pieces_of(text) if piece.isdigit()]
    alike = {
        value.lower(): value
        for value, _ in held
        if abs(len(value) - len(text)) <= most and [piece for piece in pieces_of(value) if piece.isdigit()] == numbers
    }
    found = closest(text, list(alike), most) if len(text) <= MAX_COMPARED else ""
    return (alike[found],) if found else ()


def correction(store: HoldsValues, field: str, value: str) -> Correction | None:
    """None when a trace names the value itself, or nothing that is held is like it."""
    return _corrected(store, Asked(field, field, value, str))


def corrections(store: HoldsValues, value_of: Callable[[str], str]) -> tuple[Correction, ...]:
    """For each value that is asked for; ``value_of`` gives what a parameter is set to, or nothing."""
    found = (_corrected(store, asked) for asked in asked_for(value_of))
    return tuple(one for one in found if one is not None)


def asked_for(value_of: Callable[[str], str]) -> tuple[Asked, ...]:
    """By the filters, then by the search ``q``; each value once."""
    filters = [Asked(field, field, value, str) for field in CORRECTED if (value := value_of(field))]
    search = value_of("q")
    found = {(one.field, one.value): one for one in filters}
    for one in demanded_by(search):
        found.setdefault((one.field, one.value), Asked("q", one.field, one.value, partial(one.replaced, search)))
    return tuple(found.values())[:MAX_CORRECTED]


def unheard(field: str, value: str, looked_at: str = "") -> str:
    """That nothing has the value, without the full stop.

    >>> unheard("user", "usr7"), unheard("event", "auth.fail", "that was looked at ")
    ('No trace names the user usr7', 'No event that was looked at is called auth.fail')
    """
    what, said = CORRECTED[field]
    return f"No {what} {looked_at}{said} {value[:60]}"


def _corrected(store: HoldsValues, asked: Asked) -> Correction | None:
    piece = likeliest_piece(asked.value)
    values = meant(asked.value, store.values(asked.field, piece, MAX_ASKED)) if piece else ()
    values = values or misspelt(asked.value, store.values(asked.field, "", MAX_ASKED))
    if not values:
        return None
    page = named_by(store, asked.field, asked.value)
    if page.traces:
        return None
    sentence = unheard(asked.field, asked.value, "" if is_all(page) else "that was looked at ")
    return Correction(asked.parameter, f"{sentence}. Did you mean", values, tuple(map(asked.set_to, values)))
