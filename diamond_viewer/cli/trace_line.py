"""One trace on one line, as ``search`` and ``tail`` write it."""

from diamond_viewer.cli.output import SERVICE_COLOURS, Output
from diamond_viewer.telemetry.model import Flag, TraceSummary, flag_names
from diamond_viewer.telemetry.units import format_duration, format_rfc3339, format_times

MAX_NAMED = 3  # users and lessons of one trace that are named
_STAMP_COLUMNS = len("2026-11-22T14:30:05.123Z")
_DURATION_COLUMNS, _COUNT_COLUMNS = 9, 13
_ALARMING = Flag.ERROR | Flag.AUTH_FAILURE | Flag.EXCEPTION


def trace_line(summary: TraceSummary, output: Output) -> str:
    """When, its id, how long, how many spans, what, where, who, and what is wrong."""
    colour = "red" if summary.flags & Flag.ERROR else "yellow" if summary.flags else "green"
    counted = format_times(summary.span_count, "span")
    others = [*summary.user_ids[:MAX_NAMED], *summary.lesson_ids[:MAX_NAMED]]
    parts = (
        output.paint(stamp(summary.start_ns), "grey"),
        output.paint(summary.trace_id, "grey"),
        output.paint(f"{format_duration(summary.duration_ns):>{_DURATION_COLUMNS}}", colour),
        f"{counted:>{_COUNT_COLUMNS}}",
        output.paint(summary.name or "(no name)", "bold"),
        output.paint(summary.service, SERVICE_COLOURS[0]),
        *(output.paint(text) for text in others),
        " ".join(
            output.paint(name, "red" if name in flag_names(_ALARMING) else "yellow")
            for name in flag_names(summary.flags)
        ),
        " ".join(output.paint(name, "magenta") for name in summary.findings if name not in flag_names(summary.flags)),
    )
    return "  ".join(part for part in parts if part)


def stamp(time_ns: int) -> str:
    """To the millisecond, of one width, in UTC; it can be given back as ``--since``.

    >>> stamp(1_795_347_498_184_999_999)
    '2026-11-22T11:38:18.184Z'
    """
    text = format_rfc3339(time_ns).removesuffix("Z")
    second, _, decimals = text.partition(".")
    return f"{second}.{decimals[:3]:0<3}Z"
