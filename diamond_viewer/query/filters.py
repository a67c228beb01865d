"""The table of filters: one row each, read by the form, the chips, the matcher, the API, the command line and the docs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from diamond_viewer.query.keys import flagged
from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import FilterError as FilterError
from diamond_viewer.query.terms import Carries, Field, HasFinding, HasFlag, LastsBetween, Overlaps, Term
from diamond_viewer.telemetry.model import FLAG_NAMES, Flag
from diamond_viewer.telemetry.rules import RULE_NAMES

NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000
MAX_TEXT = 512  # characters; longer values are no id of anything
MAX_TIME_NS = 2**63 - 1

_RELATIVE = re.compile(r"(\d{1,9})(s|m|h|d)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filter:
    """A row of the table.

    ``term(value, now_ns)`` gives the predicate or raises ``FilterError``; ``sentence`` describes a set filter, with
    ``{}`` for its value; ``repeatable`` filters may be given several times and must all hold.
    """

    parameter: str
    label: str
    sentence: str
    example: str
    term: Callable[[str, int], Term]
    repeatable: bool = False
    choices: tuple[str, ...] = ()


def parse_time(text: str, now_ns: int, zoned: Callable[[datetime], datetime] = _in_utc) -> int:
    """RFC 3339 or relative to now (``90s``, ``15m``, ``2h``, ``1d``) -> ns since 1970. A time without zone is UTC, unless
    ``zoned`` says otherwise.

    >>> parse_time("15m", 3600 * NS_PER_SECOND) // NS_PER_SECOND
    2700
    >>> parse_time("1970-01-01T00:00:01.000000005Z", 0)
    1000000005
    >>> parse_time("yesterdayish", 0)
    Traceback (most recent call last):
    ...
    diamond_viewer.query.filters.FilterError: 'yesterdayish' is not a time. Write 15m, 2h, 1d or 2026-11-22T14:30:00Z.
    """
    if match := _RELATIVE.fullmatch(text):
        return max(0, now_ns - int(match[1]) * _UNIT_SECONDS[match[2]] * NS_PER_SECOND)
    # datetime stops at microseconds: the digits beyond it are cut off and added back as ns
    match = re.fullmatch(r"(.+?\d:\d\d(?::\d\d)?)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)?|\d{4}-\d\d-\d\d", text)
    try:
        if match is None:
            raise ValueError
        day_or_second = (match[1] or text) + (match[3] or "").replace("z", "Z")
        moment = datetime.fromisoformat(day_or_second)
        delta = zoned(moment) - datetime(1970, 1, 1, tzinfo=UTC)
        nanoseconds = int((match[2] or "0").ljust(9, "0"))
        return max(0, (delta.days * 86400 + delta.seconds) * NS_PER_SECOND + nanoseconds)
    except (ValueError, OverflowError):
        raise FilterError(f"{text[:60]!r} is not a time. Write 15m, 2h, 1d or 2026-11-22T14:30:00Z.") from None


def parse_duration_ms(text: str) -> int:
    """Milliseconds, whole or with decimals -> ns.

    >>> parse_duration_ms("0.5")
    500000
    """
    if not _NUMBER.fullmatch(text):
        raise FilterError(f"{text[:60]!r} is not a number of milliseconds. Write for example 250 or 0.5.")
    whole, _, decimals = text.partition(".")
    return int(whole) * NS_PER_MS + int(decimals.ljust(9, "0")) * NS_PER_MS // 10**9


def _carries(field: Field) -> Callable[[str, int], Term]:
    def term(value: str, now_ns: int) -> Term:
        if len(value) > MAX_TEXT:
            raise FilterError(f"A {field.value} of {len(value)} characters cannot be searched; the most is {MAX_TEXT}.")
        return Carries(field, value)

    return term


def _named(parameter: str, term: Callable[[str, int], Term]) -> Callable[[str, int], Term]:
    """What is wrong with a bare number or time does not say whose it is."""

    def named(value: str, now_ns: int) -> Term:
        try:
            return term(value, now_ns)
        except FilterError as error:
            raise FilterError(f"{parameter}={error}") from None

    return named


def _status(value: str, now_ns: int) -> Term:
    if value not in ("error", "ok"):
        raise FilterError(f"status={value[:60]!r} is unknown. Use error or ok.")
    return HasFlag(Flag.ERROR, wanted=value == "error")


def _flag(value: str, now_ns: int) -> Term:
    if value not in FLAG_NAMES:
        raise FilterError(f"flag={value[:60]!r} is unknown. Use one of {', '.join(FLAG_NAMES)}.")
    return flagged(value)


def _finding(value: str, now_ns: int) -> Term:
    if value not in RULE_NAMES:
        raise FilterError(f"finding={value[:60]!r} is unknown. Use one of {', '.join(RULE_NAMES)}.")
    return HasFinding(value)


FILTERS: tuple[Filter, ...] = (
    Filter("lesson", "Lesson ID", "lesson is {}", "lesson-011", _carries(Field.LESSON)),
    Filter("user", "User ID", "user is {}", "usr_0007", _carries(Field.USER)),
    Filter("status", "Status", "status is {}", "error", _status, choices=("error", "ok")),
    Filter("service", "Service", "a span is of service {}", "diamond-district-web", _carries(Field.SERVICE)),
    Filter("operation", "Operation", "a span is named {}", "api.video.access", _carries(Field.OPERATION)),
    Filter("event", "Event", "an event is named {}", "auth.failed", _carries(Field.EVENT)),
    Filter("flag", "Flag", "the flag {} is set", "slow", _flag, repeatable=True, choices=tuple(FLAG_NAMES)),
    Filter("finding", "Finding", "a finding is {}", "redirect-loop", _finding, repeatable=True, choices=RULE_NAMES),
    Filter(
        "min_ms",
        "Slower than",
        "it lasts at least {} ms",
        "1000",
        _named("min_ms", lambda v, now: LastsBetween(low_ns=parse_duration_ms(v))),
    ),
    Filter(
        "max_ms",
        "Faster than",
        "it lasts at most {} ms",
        "50",
        _named("max_ms", lambda v, now: LastsBetween(high_ns=parse_duration_ms(v))),
    ),
    Filter("q", "Search", "it matches {}", "status:error duration>1s", lambda v, now: parse(v)),
    Filter("since", "Since", "since {}", "15m", _named("since", lambda v, now: Overlaps(since_ns=parse_time(v, now)))),
    Filter(
        "until",
        "Until",
        "until {}",
        "2026-11-22T14:30:00Z",
        _named("until", lambda v, now: Overlaps(until_ns=parse_time(v, now))),
    ),
)

FILTER_BY_PARAMETER = {row.parameter: row for row in FILTERS}
