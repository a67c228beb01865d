"""SearchBox: what is wrong with a search and where, and what may be typed next."""

import re
from dataclasses import dataclass

from diamond_viewer.query.keys import Key, Shape
from diamond_viewer.query.language import MAX_CHARACTERS, parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.query.suggestions import Expected, Place, expected_at, matching_keys, written
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_times

MAX_OPTIONS = 12
WORD_FIELDS = ("user", "lesson")  # what readers paste without saying what it is
MIN_WORD = 3  # characters; fewer are in too many values
MAX_PER_WORD_FIELD = 3
SHOWN_BEFORE, SHOWN_AFTER = 40, 60  # characters around a mistake

_REST_OF_WORD = re.compile(r'[^\s(){}"]*')
_REST_OF_QUOTATION = re.compile(r'(?:[^"\\]|\\.)*"?', re.DOTALL)
_OPENED = ("(", '"', "span:{")
_OPERATORS = {Shape.DURATION: ">", Shape.NUMBER: ">="}


@dataclass(frozen=True, slots=True)
class ShownMistake:
    """``before``, ``at`` and ``after`` are the text around the place; ``at`` is never empty."""

    sentence: str
    before: str
    at: str
    after: str
    place: str


@dataclass(frozen=True, slots=True)
class SearchOption:
    """Choosing it makes ``text`` of the whole search and puts the cursor at ``cursor``; ``goes_on`` when a value is next."""

    label: str
    note: str
    text: str
    cursor: str
    goes_on: bool


@dataclass(frozen=True, slots=True)
class SearchBox:
    text: str
    mistake: ShownMistake | None = None
    options: tuple[SearchOption, ...] = ()


def search_box(text: str) -> SearchBox:
    """The box as it stands: every mistake is shown."""
    mistake = _mistake(text)
    return SearchBox(text, _shown(text, mistake) if mistake else None)


def search_hints(store: TraceStore, text: str, cursor: int) -> SearchBox:
    """The box while somebody types: what is merely unfinished is no mistake yet."""
    text = text[: MAX_CHARACTERS + 1]
    cursor = max(0, min(cursor, len(text)))
    mistake = _mistake(text)
    if mistake and _is_unfinished(text, cursor, mistake):
        mistake = None
    return SearchBox(text, _shown(text, mistake) if mistake else None, _options(store, text, cursor))


def _mistake(text: str) -> Mistake | None:
    if not text.strip():
        return None
    try:
        parse(text)
    except Mistake as mistake:
        return mistake
    return None


def _is_unfinished(text: str, cursor: int, mistake: Mistake) -> bool:
    """At or behind the word that the cursor stands in, or something opened that may still be closed."""
    word_start = max(text.rfind(blank, 0, cursor) for blank in " \t\n(){}") + 1
    return mistake.position >= word_start or text.startswith(_OPENED, mistake.position)


def _shown(text: str, mistake: Mistake) -> ShownMistake:
    """
    >>> shown = _shown("status:error lesso:x", Mistake(13, "Unknown key."))
    >>> shown.before, shown.at, shown.after, shown.place
    ('status:error ', 'lesso', ':x', 'Character 14')
    >>> _shown("a AND", Mistake(5, "Missing.")).at
    ' '
    """
    place = min(mistake.position, len(text))
    word = re.match(r"[\w@$./-]+|.", text[place:], re.DOTALL)
    at = word[0] if word else " "
    before, after = text[:place], text[place + len(at) :]
    before = before if len(before) <= SHOWN_BEFORE else f"…{before[-SHOWN_BEFORE:]}"
    after = after if len(after) <= SHOWN_AFTER else f"{after[:SHOWN_AFTER]}…"
    return ShownMistake(mistake.sentence, before, at[:SHOWN_AFTER], after, f"Character {place + 1}")


def _options(store: TraceStore, text: str, cursor: int) -> tuple[SearchOption, ...]:
    place = expected_at(text, cursor)
    if place.expected is Expected.VALUE:
        return tuple(_value_option(text, cursor, place, *pair) for pair in _values(store, place))
    if place.expected is Expected.KEY:
        found = [_key_option(text, cursor, place, key) for key in matching_keys(place.prefix)]
        found += _carried(store, text, cursor, place)
        return tuple(found[:MAX_OPTIONS])
    return ()


def _values(store: TraceStore, place: Place) -> list[tuple[str, str]]:
    """Values and what is said of each."""
    wanted = place.prefix.replace("*", "").replace("\\", "").strip()
    if place.field:
        found = store.values(place.field, wanted, MAX_OPTIONS)
        return [(value, format_times(count, "trace")) for value, count in found]
    return [(choice, "") for choice in place.choices if wanted.lower() in choice][:MAX_OPTIONS]


def _carried(store: TraceStore, text: str, cursor: int, place: Place) -> list[SearchOption]:
    """A word may be a user or a lesson whose key the reader has not thought of."""
    if len(place.prefix) < MIN_WORD:
        return []
    return [
        _option(text, cursor, place, f"{field}:{written(value)}", format_times(count, "trace"))
        for field in WORD_FIELDS
        for value, count in store.values(field, place.prefix, MAX_PER_WORD_FIELD)
    ]


def _key_option(text: str, cursor: int, place: Place, key: Key) -> SearchOption:
    return _option(text, cursor, place, key.name + _OPERATORS.get(key.shape, ":"), key.sentence, goes_on=True)


def _value_option(text: str, cursor: int, place: Place, value: str, note: str) -> SearchOption:
    return _option(text, cursor, place, written(value), note, label=value)


def _option(
    text: str, cursor: int, place: Place, new: str, note: str, label: str = "", goes_on: bool = False
) -> SearchOption:
    """``new`` takes the place of the word that the cursor stands in."""
    is_quoted = text.startswith('"', place.start) and place.start < cursor
    rest = (_REST_OF_QUOTATION if is_quoted else _REST_OF_WORD).match(text, cursor)
    after = text[rest.end() if rest else cursor :]
    if not goes_on and not after:
        new += " "
    before = text[: place.start] + new
    return SearchOption(label or new.strip(), note, before + after, str(len(before)), goes_on)
