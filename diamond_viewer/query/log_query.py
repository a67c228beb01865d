"""LogQuery: what one asks of log records, as a value; the query string, and back.

The parameters are a table of their own: a record has a text and a severity, and few of a trace's filters mean anything for it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from diamond_viewer.query.filters import MAX_TEXT, MAX_TIME_NS, FilterError, parse_time
from diamond_viewer.query.patterns import fold, value_texts
from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.severity import LEVEL_NAMES, LEVELS
from diamond_viewer.telemetry.trace_ids import trace_id_of

DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE = 100, 1000, 100_000
MAX_WORDS = 20

_WORD = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the table: what stands in the URL, on the form, and in the documentation."""

    name: str
    label: str
    meaning: str
    example: str


PARAMETERS = (
    Parameter("text", "Text", "words that all stand in the record", '"credentials missing" -health'),
    Parameter("severity", "Severity", f"at least this severe: {', '.join(LEVEL_NAMES)}", "warn"),
    Parameter("service", "Service", "of this service", "diamond-district-web"),
    Parameter("trace", "Trace", "of this trace: 32 hex digits", "64ca9bd24dffecb1bed85b2f6178dd24"),
    Parameter("user", "User ID", "of this user: the record or its trace names the user", "usr_0007"),
    Parameter("lesson", "Lesson ID", "of this lesson: the record or its trace names the lesson", "lesson-011"),
    Parameter("since", "Since", "not before this time", "15m"),
    Parameter("until", "Until", "not after this time", "2026-11-22T14:30:00Z"),
    Parameter("limit", "Show", f"how many on a page, at most {MAX_LIMIT}", "100"),
    Parameter("page", "Page", "which page, from 1", "2"),
    Parameter("anchor", "Anchor", "list nothing newer than this, in ns since 1970", "1795347498184000000"),
)
KNOWN = tuple(row.name for row in PARAMETERS)


@dataclass(frozen=True, slots=True)
class Word:
    """``folded`` stands in the record, whatever the case; or it must not (``is_wanted=False``)."""

    folded: str
    is_wanted: bool = True


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Empty texts mean "not asked"; times are as they were written, so that relative ones stay relative."""

    text: str = ""
    severity: str = ""
    service: str = ""
    trace: str = ""
    user: str = ""
    lesson: str = ""
    since: str = ""
    until: str = ""
    limit: int = DEFAULT_LIMIT
    page: int = 1
    anchor: int = 0

    @classmethod
    def from_args(
        cls, args: Iterable[tuple[str, str]], now_ns: int, strict: bool = False
    ) -> tuple[Self, tuple[str, ...]]:
        """``(parameter, value)`` pairs -> the query, and a sentence for each thing that was ignored; ``strict`` raises
        ``FilterError`` with the first one instead."""
        notices: list[str] = []
        texts: dict[str, str] = {}
        numbers: dict[str, int] = {}
        for name, value in args:
            value = value.strip()
            try:
                if not value:
                    continue
                if name in MOST:
                    numbers[name] = _number(name, value)
                elif name in KNOWN:
                    texts[name] = _checked(name, value, now_ns)
                else:
                    raise FilterError(f"Unknown parameter {name[:60]!r}. Known are {', '.join(KNOWN)}.")
            except FilterError as error:
                if strict:
                    raise
                notices.append(str(error))
        return replace(cls(**texts), **numbers), tuple(dict.fromkeys(notices))  # type: ignore[arg-type]

    @property
    def words(self) -> tuple[Word, ...]:
        return words_of(self.text)

    @property
    def least_level(self) -> int:
        """Place in ``severity.LEVELS``; 0: any."""
        return LEVELS.index(self.severity)

    def window(self, now_ns: int) -> Overlaps:
        """Both ends belong to it; None leaves one open."""
        since, until = (parse_time(text, now_ns) if text else None for text in (self.since, self.until))
        return Overlaps(since, until)

    def but(self, **changes: str | int) -> Self:
        """The same question with other values, from the first page on."""
        return replace(self, **{"page": 1, "anchor": 0, **changes})  # type: ignore[arg-type]  # the names of the table

    @property
    def moves_with_time(self) -> bool:
        """True when the same question has another answer a second later although nothing came in: ``since=15m``."""
        return any(text[-1:] in ("s", "m", "h", "d") for text in (self.since, self.until))

    @property
    def set_filters(self) -> tuple[tuple[str, str], ...]:
        """What narrows the answer, in the table's order."""
        return tuple((name, value) for name in KNOWN if name not in MOST and (value := str(getattr(self, name))))

    def to_args(self) -> str:
        """The query string, without ``?``; defaults are left out.

        >>> LogQuery(text="auth failed", severity="warn", page=2).to_args()
        'text=auth+failed&severity=warn&page=2'
        """
        plain = LogQuery()
        numbers = [(name, getattr(self, name)) for name in MOST if getattr(self, name) != getattr(plain, name)]
        return urlencode([*self.set_filters, *numbers])


MOST: Mapping[str, int] = {"limit": MAX_LIMIT, "page": MAX_PAGE, "anchor": MAX_TIME_NS}


def words_of(text: str) -> tuple[Word, ...]:
    """
    >>> words_of('auth "no cookie" -health hasCookie=false')
    (Word(folded='auth', is_wanted=True), Word(folded='no cookie', is_wanted=True), Word(folded='health', is_wanted=False),
    Word(folded='hascookie=false', is_wanted=True))
    """
    found = [Word(fold(quoted or plain), not minus) for minus, quoted, plain in _WORD.findall(text) if quoted or plain]
    return tuple(dict.fromkeys(word for word in found if word.folded != "-"))


def says(words: Iterable[Word], log: Log) -> bool:
    """Whether a record, as readers see it, says all of it. Attributes, and the members of a structured body, are looked at as
    ``key=value``; resource and scope are not looked at: they are the same for a thousand records."""
    text = fold("\n".join(_texts(log)))
    return all((word.folded in text) is word.is_wanted for word in words)


def _texts(log: Log) -> Iterable[str]:
    yield log.name
    yield log.severity_text  # not the words for its number: they are not written in the record
    yield log.trace_id
    yield log.span_id
    if isinstance(log.body, Mapping):
        for key, value in log.body.items():
            yield from (f"{key}={text}" for text in value_texts(value))
    else:
        yield from value_texts(log.body)
    for key, value in log.attributes.items():
        yield from (f"{key}={text}" for text in value_texts(value))


def _checked(name: str, value: str, now_ns: int) -> str:
    if len(value) > MAX_TEXT:
        raise FilterError(f"A {name} of {len(value)} characters cannot be searched; the most is {MAX_TEXT}.")
    if name in ("since", "until"):
        try:
            parse_time(value, now_ns)
        except FilterError as error:
            raise FilterError(f"{name}={error}") from None
    elif name == "severity":
        value = value.lower()
        if value not in LEVEL_NAMES:
            raise FilterError(f"severity={value[:60]!r} is unknown. Use one of {', '.join(LEVEL_NAMES)}.")
    elif name == "trace":
        if not trace_id_of(value):
            raise FilterError(f"trace={value[:60]!r} is not a trace id: 32 digits of 0-9 and a-f.")
        value = trace_id_of(value)
    elif name == "text":
        if value.count('"') % 2:
            raise FilterError("The text has a quotation mark that is not closed: write another one behind the phrase.")
        if len(words_of(value)) > MAX_WORDS:
            raise FilterError(f"The text has more than {MAX_WORDS} words: leave some out.")
    return value


def _number(name: str, value: str) -> int:
    most = MOST[name]
    if not value.isascii() or not value.isdigit() or len(value) > 19 or not 1 <= int(value) <= most:
        raise FilterError(f"{name}={value[:60]!r} is not a whole number from 1 to {most}.")
    return int(value)
