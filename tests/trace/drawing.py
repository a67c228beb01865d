"""Traces as text: a failure is read, not debugged."""

from collections.abc import Sequence

from diamond_viewer.telemetry.model import STATUS_ERROR, Span
from diamond_viewer.telemetry.sketch import whole_event
from diamond_viewer.telemetry.units import format_duration, format_offset
from diamond_viewer.trace.critical_path import critical_path, self_times_ns
from diamond_viewer.trace.extent import extents, scale_of
from diamond_viewer.trace.timeline import Entry, tell
from diamond_viewer.trace.tree import MAX_GUIDES, Row, arrange
from diamond_viewer.trace.waterfall import lay_out

BAR_COLUMNS = 40
NAME_COLUMNS = 52


def drawn(spans: Sequence[Span]) -> str:
    """A dot per level, a question mark on an orphan and where a circle was cut open."""
    return " ".join(
        "." * row.depth + row.span.name + "?" * (row.orphan or row.is_cycle_point) for row in arrange(spans)
    )


def branches(row: Row) -> str:
    """The lines in front of a row, from its guides alone."""
    levels = min(row.depth, MAX_GUIDES)
    goes_on = [bool(row.guides & (1 << level)) for level in range(levels)]
    lines = ["│ " if on else "  " for on in goes_on[:-1]] + ["├ " if on else "└ " for on in goes_on[-1:]]
    return "".join(lines)


def drawing(spans: Sequence[Span]) -> str:
    """The whole page of one trace: axis, rows with bars (``=`` critical, ``-`` not), diamonds, self times, the story."""
    rows = arrange(spans)
    waterfall = lay_out(rows)
    sections = critical_path(rows, [bar.extent for bar in waterfall.bars])
    critical = {section.row for section in sections}
    self_times = self_times_ns(rows, [bar.extent for bar in waterfall.bars])
    axis = [" "] * (BAR_COLUMNS + 12)
    for tick in waterfall.ticks:
        at = round(tick.percent * BAR_COLUMNS / 100)
        axis[at : at + len(tick.words)] = tick.words
    lines = [" " * (NAME_COLUMNS + 1) + "".join(axis).rstrip()]
    for place, (row, bar) in enumerate(zip(rows, waterfall.bars, strict=True)):
        colour = "abcdef"[waterfall.colours[row.span.service]]
        mark = "!" if row.span.status_code == STATUS_ERROR else " "
        name = f"{colour}{mark}{branches(row)}{row.span.name}{'?' * (row.orphan or row.is_cycle_point)}"
        first = min(int(bar.left_percent * BAR_COLUMNS / 100), BAR_COLUMNS - 1)
        length = max(round(bar.width_percent * BAR_COLUMNS / 100), 1)
        cells = [" "] * first + ["=" if place in critical else "-"] * length
        cells += [" "] * (BAR_COLUMNS - len(cells))
        for diamond in bar.marks:
            cells[min(int(diamond.percent * BAR_COLUMNS / 100), BAR_COLUMNS - 1)] = "◆"
        took = f"{format_duration(bar.extent.duration_ns)}, self {format_duration(self_times[place])}"
        lines.append(f"{name:{NAME_COLUMNS}.{NAME_COLUMNS}} {''.join(cells[:BAR_COLUMNS])} {took}")
        lines += [f"{'':{NAME_COLUMNS}} # {problem}" for problem in (*row.problems, *bar.extent.problems)]
    return "\n".join([*lines, "", *story(spans)]) + "\n"


def story(spans: Sequence[Span]) -> list[str]:
    rows = arrange(spans)
    scale = scale_of(spans)
    lines = []
    for moment in tell(rows, extents(rows, scale), scale):
        if isinstance(moment, Entry):
            texts = [f"{key}={value!r}" for key, value in whole_event(moment.event).attributes.items()]
            said = " · ".join([moment.span.name if moment.span else "-", *(text for text in texts if len(text) < 60)])
            lines.append(f"{format_offset(moment.offset_ns):>10} {moment.kind:9} {moment.event.name}: {said}")
            lines += [f"{'':10} # {problem}" for problem in moment.problems]
        else:
            lines.append(f"{'':10} ... {moment.sentence}")
    return lines
