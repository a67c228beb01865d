"""Conditions of one span, asked of the packed rows of a segment.

What no column knows stays open: an answer is two masks, the rows that surely fulfil a condition and those that possibly do.
"""

from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.columns import Column
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.patterns import Compared, Exactly, TextTest, text_passes
from diamond_viewer.query.terms import (
    AllOf,
    AnyOf,
    AttributeIs,
    Condition,
    Field,
    HasText,
    Not,
    SpanCounts,
    SpanFact,
    SpanFigure,
    SpanMarked,
    SpanOfKind,
    SpanSays,
)

MAX_NUMBER = 2**62  # what a column of 64 bits can be compared with; nothing that is counted is larger

_COLUMNS = {
    SpanFact.OPERATION: "name",
    SpanFact.SERVICE: "service",
    SpanFact.USER: "user",
    SpanFact.LESSON: "lesson",
    SpanFact.ROUTE: "route",
}
_WORDS = (SpanFact.OPERATION, SpanFact.SERVICE, SpanFact.EVENT, SpanFact.USER, SpanFact.LESSON)


@dataclass(frozen=True, slots=True)
class Answer:
    surely: Mask
    possibly: Mask

    def __and__(self, other: "Answer") -> "Answer":
        return Answer(self.surely & other.surely, self.possibly & other.possibly)

    def __or__(self, other: "Answer") -> "Answer":
        return Answer(self.surely | other.surely, self.possibly | other.possibly)

    def __invert__(self) -> "Answer":
        return Answer(~self.possibly, ~self.surely)


def known(mask: Mask) -> Answer:
    return Answer(mask, mask)


def needs_originals(condition: Condition) -> bool:
    """True when columns cannot answer all of it."""
    if isinstance(condition, AllOf | AnyOf):
        return any(needs_originals(part) for part in condition.terms)
    if isinstance(condition, Not):
        return needs_originals(condition.term)
    return isinstance(condition, AttributeIs | HasText)


def row_answer(segment: Segment, condition: Condition) -> Answer:
    """Masks over the rows of the segment."""
    spans = segment.spans
    if isinstance(condition, AllOf | AnyOf):
        answer = row_answer(segment, condition.terms[0])
        for part in condition.terms[1:]:
            other = row_answer(segment, part)
            answer = answer & other if isinstance(condition, AllOf) else answer | other
        return answer
    if isinstance(condition, Not):
        return ~row_answer(segment, condition.term)
    if isinstance(condition, SpanSays):
        return known(_says(segment, condition.fact, condition.test))
    if isinstance(condition, SpanCounts):
        column = spans["duration_ns" if condition.figure is SpanFigure.DURATION else "http_status"]
        passes = compared(column, condition.test)
        return known(passes if condition.figure is SpanFigure.DURATION else passes & (column > 0))
    if isinstance(condition, SpanOfKind):
        return known(spans["kind"] == condition.kind)
    if isinstance(condition, SpanMarked):
        return known((spans["marks"] & np.uint8(condition.flag.value)) > 0)
    everything = np.ones(spans.size, bool)
    if isinstance(condition, HasText):
        surely = ~everything
        for fact in _WORDS:
            surely |= _says(segment, fact, condition.test)
        return Answer(surely, everything)
    if isinstance(condition, AttributeIs):
        return Answer(~everything, everything)
    raise AssertionError(f"{condition!r} speaks of no single span.")


def compared(column: Column, test: Compared) -> Mask:
    number = max(-MAX_NUMBER, min(test.number, MAX_NUMBER))
    values = column.astype(np.int64 if isinstance(number, int) else np.float64, copy=False)
    if test.operator == "=":
        passes: Mask = values == number
    elif test.operator in (">", ">="):
        passes = values > number if test.operator == ">" else values >= number
    else:
        passes = values < number if test.operator == "<" else values <= number
    return passes


def passing(segment: Segment, test: TextTest, column: Column) -> Mask:
    """Which values of a column of codes pass; code 0, the empty text, never does."""
    if isinstance(test, Exactly):
        code = segment.dictionary.find(test.text)
        found: Mask = column == code if code else np.zeros(len(column), bool)
        return found
    return segment.remembered.passing(test, segment.dictionary.texts)[column]


def _says(segment: Segment, fact: SpanFact, test: TextTest) -> Mask:
    if fact is SpanFact.EVENT:
        mask = np.zeros(segment.spans.size, bool)
        mask[segment.events["row"][passing(segment, test, segment.events["name"])]] = True
        return mask
    if fact is SpanFact.STATEMENT:
        return _states(segment, test)
    mask = passing(segment, test, segment.spans[_COLUMNS[fact]])
    if fact in (SpanFact.USER, SpanFact.LESSON) and segment.mentions:
        rows, codes = segment.remembered.mentions(Field(fact.value), segment.mentions, segment.is_open)
        mask[rows[passing(segment, test, codes)]] = True
    return mask


def _states(segment: Segment, test: TextTest) -> Mask:
    """A statement is held behind the name of its database and a line feed."""
    column, texts = segment.spans["statement"], segment.dictionary.texts
    said = [code for code in np.unique(column).tolist() if code]
    codes = [code for code in said if text_passes(test, texts[code].partition("\n")[2])]
    is_among = np.zeros(int(column.max(initial=0)) + 1, bool)
    is_among[codes] = True
    found: Mask = is_among[column]
    return found
