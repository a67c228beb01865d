"""Numbers into the words a reader would choose: durations, times of day, sizes, shares.

Times of day and days are those of the reader's zone (``in_zone``), UTC when nobody said another; RFC 3339 is always UTC.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, tzinfo

NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_NS = 253_402_214_399 * NS_PER_SECOND  # a day before the end of year 9999, where datetime stops in every zone

# Like decimal's context: a sentence deep in a diagnosis must name the same time of day as the page around it.
_ZONE: ContextVar[tzinfo] = ContextVar("zone", default=UTC)

_STEPS = ((1, "ns"), (1_000, "µs"), (NS_PER_MS, "ms"), (NS_PER_SECOND, "s"))
_LONG_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


@contextmanager
def in_zone(zone: tzinfo) -> Iterator[None]:
    """Inside, times are shown as the clocks of ``zone`` show them.

    >>> from datetime import timezone
    >>> with in_zone(timezone(timedelta(hours=2))):
    ...     format_date_time(0), format_rfc3339(0), format_zoned(0), zone_label()
    ('1970-01-01 02:00:00.000', '1970-01-01T00:00:00Z', '1970-01-01T02:00:00+02:00', 'UTC+02:00')
    >>> format_date_time(0), zone_label()
    ('1970-01-01 00:00:00.000', 'UTC')
    """
    token = _ZONE.set(zone)
    try:
        yield
    finally:
        _ZONE.reset(token)


def zone_label() -> str:
    """What is written behind a time, short: ``UTC``, or the city of ``Europe/Berlin``."""
    return str(_ZONE.get()).rpartition("/")[2].replace("_", " ")


def zoned(moment: datetime) -> datetime:
    """A time without a zone is one of the reader's zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=_ZONE.get())


def format_duration(duration_ns: int) -> str:
    """Three significant digits, in the unit a reader would choose.

    >>> [format_duration(ns) for ns in (0, 999, 1_500, 12_345_678, 45_200_000, 999_999_999, 1_840_000_000)]
    ['0 ns', '999 ns', '1.5 µs', '12.3 ms', '45.2 ms', '1 s', '1.84 s']
    >>> [format_duration(s * NS_PER_SECOND) for s in (60, 61, 3_600, 7_320, 90_000, -2)]
    ['1 min', '1 min 1 s', '1 h', '2 h 2 min', '1 d 1 h', '-2 s']
    >>> [format_duration(ns) for ns in (59_949_999_999, 59_950_000_000, 3_599_500_000_000, 86_399_999_999_999, 2**64 - 1)]
    ['59.9 s', '1 min', '1 h', '1 d', '213,503 d 23 h']
    """
    if duration_ns < 0:
        return "-" + format_duration(-duration_ns)
    if duration_ns >= 59_950_000_000:  # what would round to 60 s
        seconds = (duration_ns + NS_PER_SECOND // 2) // NS_PER_SECOND
        for size, unit, small_size, small_unit in _LONG_STEPS:
            if seconds >= size:
                rest = seconds % size // small_size
                return f"{seconds // size:,} {unit}" + (f" {rest} {small_unit}" if rest else "")
    for (size, unit), (next_size, _) in zip(_STEPS, (*_STEPS[1:], (60 * NS_PER_SECOND, "")), strict=True):
        if duration_ns < next_size:
            text = _three_digits(duration_ns / size)
            if text != "1000":
                return f"{text} {unit}"
    return "1 min"


def _three_digits(number: float) -> str:
    decimals = 2 if number < 9.995 else 1 if number < 99.95 else 0
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def format_clock(time_ns: int) -> str:
    """The time of day with milliseconds, cut off, never rounded into the next second.

    >>> format_clock(1_795_347_498_184_999_999)
    '11:38:18.184'
    """
    return moment_of(time_ns).isoformat(timespec="milliseconds")[11:23]  # a third of what strftime takes


def format_offset(offset_ns: int) -> str:
    """How long after the beginning; what lies before it has a minus. Three digits stay three, so that a column of them aligns.

    >>> [format_offset(ns) for ns in (0, 110_000_000, 1_100_000_000, 12_345_678, -2_000_000, 999_999_999, 61 * NS_PER_SECOND)]
    ['+0', '+110 ms', '+1.10 s', '+12.3 ms', '-2.00 ms', '+1.00 s', '+1 min 1 s']
    """
    sign, distance_ns = "-" if offset_ns < 0 else "+", abs(offset_ns)
    words = format_duration(distance_ns)
    number, _, unit = words.partition(" ")
    if not distance_ns:
        return "+0"
    if unit in ("µs", "ms", "s") and len(digits := number.replace(".", "")) < 3:
        number = (number if "." in number else number + ".") + "0" * (3 - len(digits))
        words = f"{number} {unit}"
    return sign + words


def format_date_time(time_ns: int) -> str:
    """
    >>> format_date_time(1_795_347_498_184_999_999), format_date_time(0), format_date_time(2**64 - 1)
    ('2026-11-22 11:38:18.184', '1970-01-01 00:00:00.000', '2554-07-21 23:34:33.709')
    """
    return f"{format_day(time_ns)} {format_clock(time_ns)}"


def format_minute(time_ns: int) -> str:
    """
    >>> format_minute(1_795_347_498_184_999_999)
    '11:38'
    """
    return moment_of(time_ns).isoformat()[11:16]


def format_day(time_ns: int) -> str:
    """
    >>> format_day(1_795_347_498_184_999_999)
    '2026-11-22'
    """
    return moment_of(time_ns).isoformat()[:10]


def is_today(now_ns: int, *times_ns: int) -> bool:
    """Whether all of these are of the day that the reader's clock shows now: only then a time of day alone says when.

    >>> is_today(86_399 * NS_PER_SECOND, 0, 5), is_today(86_400 * NS_PER_SECOND, 0, 86_400 * NS_PER_SECOND)
    (True, False)
    """
    today = format_day(now_ns)
    return all(format_day(time_ns) == today for time_ns in times_ns)


def format_rfc3339(time_ns: int) -> str:
    """Exact to the nanosecond, without trailing zeros, so that it can be given back as ``since`` or ``until``.

    >>> format_rfc3339(1_795_347_498_184_000_000), format_rfc3339(1_000_000_005)
    ('2026-11-22T11:38:18.184Z', '1970-01-01T00:00:01.000000005Z')
    """
    time_ns = min(max(time_ns, 0), LAST_NS)
    return _exactly(_moment_in_utc(time_ns), time_ns) + "Z"


def format_zoned(time_ns: int) -> str:
    """As ``format_rfc3339``, but by the clocks of the reader's zone, with their distance from UTC."""
    if _ZONE.get() is UTC:
        return format_rfc3339(time_ns)
    moment = moment_of(time_ns)
    return _exactly(moment, time_ns) + moment.isoformat()[-6:]


def moment_of(time_ns: int) -> datetime:
    """In the reader's zone. What datetime cannot hold (before 1970, after 9999) is shown as the nearest it can."""
    zone = _ZONE.get()
    return _moment_in_utc(time_ns) if zone is UTC else _moment_in_utc(time_ns).astimezone(zone)


def _moment_in_utc(time_ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=min(max(time_ns, 0), LAST_NS) // 1000)


def _exactly(moment: datetime, time_ns: int) -> str:
    decimals = f"{time_ns % NS_PER_SECOND:09}".rstrip("0")
    return moment.isoformat()[:19] + (f".{decimals}" if decimals else "")


def format_bytes(size_bytes: int) -> str:
    """Decimal units, as disks and ``ls --si`` count.

    >>> [format_bytes(size) for size in (0, 999, 1_963_352, 612_000_000, 1_500_000_000_000)]
    ['0 B', '999 B', '1.96 MB', '612 MB', '1.5 TB']
    """
    size: float = size_bytes
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{_three_digits(size)} {unit}"
        size /= 1000
    return f"{_three_digits(size)} TB"


def format_count(count: int) -> str:
    """
    >>> format_count(1204)
    '1,204'
    """
    return f"{count:,}"


def format_share(part: int, whole: int) -> str:
    """A percentage with one decimal below 10; what is not nothing is never shown as nothing.

    >>> [format_share(*pair) for pair in ((0, 0), (28, 1204), (1, 5000), (33, 314), (314, 314))]
    ['0 %', '2.3 %', '<0.1 %', '11 %', '100 %']
    """
    return format_percent(100 * part / whole if whole else 0.0)


def format_percent(percent: float) -> str:
    """A share that is known as a percentage already.

    >>> [format_percent(percent) for percent in (0.0, 0.01, 2.34, 9.96, 99.96, 100.0)]
    ['0 %', '<0.1 %', '2.3 %', '10 %', '100 %', '100 %']
    """
    if 0 < percent < 0.05:
        return "<0.1 %"
    text = f"{percent:.1f}" if percent < 9.95 else f"{percent:.0f}"
    return text.removesuffix(".0") + " %"


def format_rate(count: int, duration_ns: int) -> str:
    """How often, in the unit in which it is at least one; "" when there is no time to count in.

    >>> [format_rate(count, 60 * NS_PER_SECOND) for count in (0, 1, 30, 78, 60_000, 90_000_000)]
    ['0/s', '1/min', '30/min', '1.3/s', '1,000/s', '1,500,000/s']
    >>> format_rate(2, 86_400 * NS_PER_SECOND), format_rate(1, 30 * 86_400 * NS_PER_SECOND), format_rate(5, 0)
    ('2/d', '<1/d', '')
    """
    if duration_ns <= 0:
        return ""
    if not count:
        return "0/s"
    for unit_s, unit in ((1, "s"), (60, "min"), (3_600, "h"), (86_400, "d")):
        rate = count * unit_s * NS_PER_SECOND / duration_ns
        if rate >= 0.9995:
            return f"{_three_digits(rate) if rate < 999.5 else f'{rate:,.0f}'}/{unit}"
    return "<1/d"


def format_times(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> format_times(1, "span"), format_times(1200, "span"), format_times(2, "query", "queries")
    ('1 span', '1,200 spans', '2 queries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
