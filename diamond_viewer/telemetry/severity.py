"""How severe a log record is: OpenTelemetry's 24 numbers as six levels, and the texts that stand in for them.

Source: OpenTelemetry's logs data model, "SeverityNumber". Many loggers and collectors' parsers write a text alone.
"""

LEVELS = ("", "trace", "debug", "info", "warn", "error", "fatal")  # by level; 0: it does not say
LEVEL_NAMES = LEVELS[1:]
WARN = LEVELS.index("warn")
_STEPS = 4  # numbers of each: 1 to 4 are TRACE, 5 to 8 DEBUG ...

_LEVEL_OF_TEXT = {
    **{name: level for level, name in enumerate(LEVELS) if name},
    **dict.fromkeys(("verbose", "finest", "silly"), LEVELS.index("trace")),
    **dict.fromkeys(("dbg", "fine", "finer"), LEVELS.index("debug")),
    **dict.fromkeys(("information", "informational", "notice", "log"), LEVELS.index("info")),
    **dict.fromkeys(("warning", "wrn"), WARN),
    **dict.fromkeys(("err", "severe", "failure"), LEVELS.index("error")),
    **dict.fromkeys(("critical", "crit", "alert", "emerg", "emergency", "panic"), LEVELS.index("fatal")),
}


def level_of(number: int, text: str = "") -> int:
    """The place in ``LEVELS`` of a severity's number, or of its text where there is no number.

    >>> [level_of(number) for number in (0, 1, 9, 13, 17, 24, 25)]
    [0, 1, 3, 4, 5, 6, 0]
    >>> [level_of(0, text) for text in ("WARN", "Warning", "error2", "chatty", "")]
    [4, 4, 5, 0, 0]
    """
    if number > 0:
        level = (number + _STEPS - 1) // _STEPS
        return level if level < len(LEVELS) else 0
    return _LEVEL_OF_TEXT.get(text.strip().lower().rstrip("0123456789"), 0) if text else 0


def lowest_number(level: int) -> int:
    """The least severe number of a level, which is a place in ``LEVELS`` from 1 on.

    >>> [lowest_number(LEVELS.index(name)) for name in ("trace", "warn", "fatal")]
    [1, 13, 21]
    """
    return (level - 1) * _STEPS + 1


def severity_words(number: int) -> str:
    """
    >>> [severity_words(number) for number in (0, 9, 13, 17, 24, 99)]
    ['', 'info', 'warn', 'error', 'fatal', 'unknown (99)']
    """
    return LEVELS[level_of(number)] or (f"unknown ({number})" if number else "")
