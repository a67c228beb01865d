"""One trace drawn with characters: the tree of its spans beside their bars, its errors and its events."""

from collections.abc import Iterator

from diamond_viewer.cli.output import SERVICE_COLOURS, Output
from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.shown_values import value_text
from diamond_viewer.telemetry.sketch import severity_of, whole_event
from diamond_viewer.telemetry.units import format_duration, format_offset, format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.notes import notes
from diamond_viewer.trace.outline import outline_facts
from diamond_viewer.trace.timeline import Entry, Gap
from diamond_viewer.trace.waterfall import Bar, bar_of, ticks

MAX_LEVELS = 24  # drawn as branches; what hangs deeper says how deep
MAX_ERRORS, MAX_STORY = 50, 200
MAX_SAID, MAX_VALUE = 6, 60  # attributes of an event, and how long those may be that are shown
_DURATION_COLUMNS = 9
_NAME_SHARE = 0.5  # of the width


def waterfall_lines(trace: Arranged, output: Output, most_rows: int) -> Iterator[str]:
    """Facts and notes, a line a span, then errors, then what happened. ``most_rows`` 0 draws all spans."""
    yield output.paint(trace.summary.name or "(no name)", "bold")
    yield output.paint(" · ".join(outline_facts(trace.summary)), "grey")
    for note in notes(trace):
        yield output.paint(f"! {note.sentence}", "yellow")
    yield ""
    yield from _rows(trace, output, most_rows)
    if trace.error_places:
        yield ""
        yield output.paint("Errors", "bold")
        yield from _errors(trace, output)
    if trace.story:
        yield ""
        yield output.paint("Events", "bold")
        yield from _story(trace, output)


def _rows(trace: Arranged, output: Output, most_rows: int) -> Iterator[str]:
    name_columns = int(output.width * _NAME_SHARE)
    bar_columns = output.width - name_columns - _DURATION_COLUMNS - 4
    shown = len(trace.rows) if not most_rows else min(most_rows, len(trace.rows))
    labels = _axis(trace.scale.duration_ns, bar_columns)
    yield output.paint(f"{'':{name_columns + _DURATION_COLUMNS + 4}}{labels}", "grey")
    for place in range(shown):
        row, span = trace.rows[place], trace.spans[place]
        has_failed = span.status_code == STATUS_ERROR
        colour = "red" if has_failed else SERVICE_COLOURS[trace.colours[span.service] % len(SERVICE_COLOURS)]
        branches = _branches(row.depth, row.guides)
        mark = "✗ " if has_failed else "? " if row.problems else ""
        name = _cut(f"{mark}{span.name or '(no name)'}", max(8, name_columns - len(branches)))
        padding = " " * max(0, name_columns - len(branches) - len(name))
        took = f"{format_duration(trace.extents[place].duration_ns):>{_DURATION_COLUMNS}}"
        bar = bar_of(row, trace.extents[place], trace.scale, logs=trace.marked_logs(place))
        painted = output.paint(name, "red") if has_failed else output.paint(name)
        yield (
            f"{output.paint(branches, 'grey')}{painted}{padding}  "
            f"{output.paint(took, 'red') if has_failed else took}  {output.coloured(bar_text(bar, bar_columns), colour)}"
        )
    if shown < len(trace.rows):
        yield output.paint(f"… {format_times(len(trace.rows) - shown, 'more span')}: --rows 0 draws all", "grey")
    services = [
        output.paint(service, SERVICE_COLOURS[number % len(SERVICE_COLOURS)])
        for service, number in trace.colours.items()
    ]
    if len(services) > 1:
        yield f"Services: {', '.join(services)}"


def _branches(depth: int, guides: int) -> str:
    """
    >>> _branches(0, 0), _branches(2, 0b11), _branches(2, 0b00)
    ('', '│ ├ ', '  └ ')
    """
    drawn = min(depth, MAX_LEVELS)
    columns = ["│ " if guides >> level & 1 else "  " for level in range(drawn - 1)]
    if depth > drawn:
        return "".join(columns) + f"⋯{depth} "
    if not depth:
        return ""
    return "".join(columns) + ("├ " if guides >> (depth - 1) & 1 else "└ ")


def bar_text(bar: Bar, columns: int) -> str:
    """Half a column exact; never empty. Diamonds are events.

    >>> from diamond_viewer.trace.extent import Extent
    >>> bar_text(Bar(50.0, 37.5, Extent(0, 1)), 8), bar_text(Bar(0.0, 0.2, Extent(0, 1)), 8)
    ('    ███ ', '▌       ')
    """
    halves = 2 * columns
    begin = min(halves - 1, round(bar.left_percent * halves / 100))
    end = min(halves, max(begin + 1, round((bar.left_percent + bar.width_percent) * halves / 100)))
    cells = []
    for column in range(columns):
        left, right = begin <= 2 * column < end, begin <= 2 * column + 1 < end
        cells.append("█" if left and right else "▌" if left else "▐" if right else " ")
    for mark in bar.marks:
        cells[min(columns - 1, int(mark.percent * columns / 100))] = "◆"
    return "".join(cells)


def _axis(duration_ns: int, columns: int) -> str:
    """Round times above the places where they are.

    >>> _axis(1_000_000_000, 40)
    '0       200 ms  400 ms  600 ms  800 ms '
    """
    line = ""
    for tick in ticks(duration_ns):
        at = int(tick.percent * columns / 100)
        if at >= len(line) and at + len(tick.words) <= columns:
            line = f"{line:<{at}}{tick.words} "
    return line[:columns]


def _errors(trace: Arranged, output: Output) -> Iterator[str]:
    """Where an error began first: what failed only because of it says little."""
    places = sorted(trace.error_places, key=lambda place: place not in trace.root_causes)
    for place in places[:MAX_ERRORS]:
        span = trace.spans[place]
        message = " ".join(span.whole().status_message.split())
        began = "" if place in trace.root_causes else "  (with a span below it)"
        yield f"  {output.paint(f'✗ {span.name}', 'red')}{f': {output.paint(message)}' if message else ''}{began}"
    if len(places) > MAX_ERRORS:
        yield f"  … {format_times(len(places) - MAX_ERRORS, 'more')}"


def _story(trace: Arranged, output: Output) -> Iterator[str]:
    for told in trace.story[:MAX_STORY]:
        if isinstance(told, Gap):
            yield output.paint(f"{'':>10}  … {told.sentence}", "yellow")
        else:
            yield f"{output.paint(f'{format_offset(told.offset_ns):>10}', 'grey')}  {_event(told, output)}"
    if len(trace.story) > MAX_STORY:
        yield f"{'':>10}  … {format_times(len(trace.story) - MAX_STORY, 'more event')}"


def _event(told: Entry, output: Output) -> str:
    event = whole_event(told.event)
    pairs = [(key, value_text(value)) for key, value in event.attributes.items()]
    said = [f"{key}={text}" for key, text in pairs if len(text) <= MAX_VALUE and "\n" not in text][:MAX_SAID]
    severity = severity_of(told.log) if told.log else ""
    where = f"({told.span.name})" if told.span else ""
    parts = (
        output.paint(severity, "yellow"),
        output.paint(event.name or "(no name)", "cyan"),
        output.paint(where, "grey"),
        output.paint(" ".join(said)),
    )
    return " ".join(part for part in parts if part)


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"
