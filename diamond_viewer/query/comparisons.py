"""One comparison, ``key operator value``, -> its term; or what is wrong with it, at its place."""

import re
from fractions import Fraction

from diamond_viewer.query.keys import SPAN_FLAGS, Key, Shape, key_named, known_keys
from diamond_viewer.query.mistake import Mistake, shown
from diamond_viewer.query.patterns import (
    ANYTHING,
    Compared,
    Contains,
    Exactly,
    Like,
    TextTest,
    ValueTest,
    fold,
    number_of,
)
from diamond_viewer.query.terms import ANY_RULE, AttributeIs, AttributeName, AttributePlace, Not, OnOneSpan, Term
from diamond_viewer.query.tokens import Token
from diamond_viewer.telemetry.model import FLAG_NAMES, flag_names
from diamond_viewer.telemetry.synonyms import spellings
from diamond_viewer.telemetry.trace_ids import trace_id_of

ORDERED = (">", ">=", "<", "<=")
MAX_WILDCARDS = 8  # in one value

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s?([a-zµμ]{0,12})", re.ASCII)
_WRITTEN = {
    Shape.NUMBER: "a number",
    Shape.DURATION: "a duration such as 100ms or 1.2s",
}


def comparison_term(token: Token, is_inside_span: bool) -> Term:
    """Raises ``Mistake``. ``!=`` is the opposite of ``=``: it also holds where the key is absent."""
    if token.operator == "!=":
        return Not(_positive(token, "=", is_inside_span))
    return _positive(token, token.operator, is_inside_span)


def parse_duration(text: str) -> int | None:
    """``1.2s`` -> ns, what is below one ns cut off; None without a number or a known unit.

    >>> [parse_duration(text) for text in ("1.2s", "500us", "2m", "0.1ns", "5", "5 parsecs", "s")]
    [1200000000, 500000, 120000000000, 0, None, None, None]
    """
    match = _DURATION.fullmatch(text)
    unit_ns = _UNIT_NS.get(match[2].replace("μ", "µ")) if match else None
    return None if match is None or unit_ns is None else int(Fraction(match[1]) * unit_ns)


def text_test(token: Token, operator: str) -> TextTest:
    """Of a value behind ``:``, ``=`` or ``~``."""
    if operator == "~":
        return Contains(fold(token.text))
    if token.is_quoted or "*" not in token.text:
        return Exactly(token.text)
    if token.text.count("*") > MAX_WILDCARDS:
        raise Mistake(token.value_position, f"More than {MAX_WILDCARDS} wildcards in one value.")
    parts = tuple(token.text.split("*"))
    return Like(parts) if any(parts) else ANYTHING


def closest(word: str, known: list[str], most: int) -> str:
    """The known word that is at most so many slips away (a letter more, less, other, or two swapped); else nothing.

    >>> closest("lesso", ["lesson", "user"], 1), closest("stauts", ["status"], 1), closest("reason", ["lesson"], 1)
    ('lesson', 'status', '')
    """
    near = [(slips, other) for other in known if (slips := _slips(word.lower(), other, most)) <= most]
    return min(near)[1] if near else ""


def _positive(token: Token, operator: str, is_inside_span: bool) -> Term:
    key = None if token.key_is_quoted else key_named(token.key)
    if key is None:
        return _attribute(token, operator, is_inside_span)
    meaning = key.of_span if is_inside_span else key.of_trace
    if meaning is None:
        raise Mistake(
            token.position, f"{shown(token.key)} speaks of the whole trace: write it outside of span:{{ ... }}."
        )
    if key.shape is Shape.TEXT:
        return meaning(_named_text(token, operator, key))
    if key.shape is Shape.ID:
        return meaning(_trace_id(token, operator))
    if key.shape is Shape.CHOICE:
        return meaning(_choice(token, operator, key, is_inside_span))
    return meaning(_number(token, operator, key))


def _named_text(token: Token, operator: str, key: Key) -> TextTest:
    if operator in ORDERED:
        raise Mistake(
            token.position, f"{shown(token.key)} is a text, which {operator} does not compare. Write {key.example}."
        )
    if not token.text:
        raise Mistake(
            token.value_position, f"An empty value stands for nothing. Write -{token.key}:* for traces without."
        )
    return text_test(token, operator)


def _trace_id(token: Token, operator: str) -> str:
    trace_id = trace_id_of(token.text) if operator in (":", "=") else ""
    if not trace_id:
        raise Mistake(token.value_position, f"{shown(token.text)} is no trace id: that is 32 digits of 0-9 and a-f.")
    return trace_id


def _choice(token: Token, operator: str, key: Key, is_inside_span: bool) -> str:
    choices = tuple(flag_names(sum(SPAN_FLAGS))) if key.name == "flag" and is_inside_span else key.choices
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    if operator not in (":", "="):
        raise Mistake(token.position, f"{shown(token.key)} is {listed}: write {token.key}:{choices[0]}.")
    value = token.text.lower()
    if value in choices:
        return value
    if key.name == "finding" and value == ANY_RULE and not token.is_quoted:
        return ANY_RULE
    if is_inside_span and key.name == "flag" and value in FLAG_NAMES:
        raise Mistake(token.value_position, f"{shown(value)} is said of a whole trace, not of one span.")
    meant = closest(value, list(choices), 2)
    more = f"Did you mean {shown(meant)}?" if meant else f"It is {listed}."
    raise Mistake(token.value_position, f"{shown(token.text)} is no {key.name}. {more}")


def _number(token: Token, operator: str, key: Key) -> Compared:
    written = _WRITTEN[key.shape]
    if operator == "~":
        raise Mistake(token.position, f"{shown(token.key)} is {written}, which has no parts. Write {key.example}.")
    operator = "=" if operator == ":" else operator
    if token.text == "*" and operator == "=" and not token.is_quoted:
        return Compared(">=", 0)
    number = number_of(token.text) if key.shape is Shape.NUMBER else parse_duration(token.text)
    if number is None or number < 0:
        if key.shape is Shape.DURATION and number_of(token.text) is not None:
            raise Mistake(
                token.value_position, f"{shown(token.text)} has no unit. Write {token.text}ms or {token.text}s."
            )
        raise Mistake(token.value_position, f"{shown(token.text)} is not {written}.")
    return Compared(operator, number)


def _attribute(token: Token, operator: str, is_inside_span: bool) -> Term:
    """Any other key is the name of an attribute, unless it is a slip of the pen."""
    if not token.key_is_quoted:
        names = [key.name for key in known_keys()] + ["name"]
        if "." in token.key:
            meant = closest(token.key, [name for name in names if "." in name], 1)
        else:
            meant = closest(token.key, [name for name in names if "." not in name], 1 if len(token.key) < 8 else 2)
        if meant:
            raise Mistake(
                token.position,
                f"Unknown key {shown(token.key)}, did you mean {shown(meant)}? An attribute of that name is written in "
                f'quotation marks: "{token.key[:60]}".',
            )
    test: ValueTest
    if operator in ORDERED:
        number = number_of(token.text)
        if number is None:
            raise Mistake(
                token.value_position, f"{shown(token.text)} is not a number, which {operator} compares. {_unit(token)}"
            )
        test = Compared(operator, number)
    elif operator == "~" and not token.text:
        raise Mistake(token.value_position, f"An empty part is in every text. Write {token.key}:* for any value.")
    else:
        test = text_test(token, operator)
    condition = AttributeIs(attribute_names(token.key), test)
    return condition if is_inside_span else OnOneSpan(condition)


def _unit(token: Token) -> str:
    if parse_duration(token.text) is not None:
        return f"Attributes have no units: write the number as it stands in {shown(token.key)}."
    return "Write for example progress.percent>=90."


def attribute_names(key: str) -> tuple[AttributeName, ...]:
    """``event.x`` is the attribute ``x`` of an event, or an attribute that is called just so."""
    place, _, rest = key.partition(".")
    names = [AttributeName(spelling) for spelling in spellings(key)]
    if rest and place in {place.value for place in AttributePlace}:
        names += [AttributeName(spelling, AttributePlace(place)) for spelling in spellings(rest)]
    return tuple(names)


def _slips(word: str, other: str, most: int) -> int:
    """The optimal string alignment distance (Damerau 1964), or more than ``most``."""
    if abs(len(word) - len(other)) > most:
        return most + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    far = [most + 1] * (len(other) + 1)
    for at, letter in enumerate(word, 1):
        row = [at, *far[1:]]
        # further from the diagonal there are too many slips already
        for place in range(max(1, at - most), min(len(other), at + most) + 1):
            wanted = other[place - 1]
            slips = min(above[place] + 1, row[place - 1] + 1, above[place - 1] + (letter != wanted))
            if at > 1 and place > 1 and letter == other[place - 2] and word[at - 2] == wanted:
                slips = min(slips, before[place - 2] + 1)
            row[place] = slips
        if min(row) > most:
            return most + 1
        before, above = above, row
    return above[-1]
