"""What is unusual about a trace as a whole, in sentences. Single spans say the rest themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

from diamond_viewer.telemetry.units import NS_PER_SECOND, format_duration, format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.extent import is_timed

MIN_IDLE_NS = 60 * NS_PER_SECOND
IDLE_SHARE = 0.5  # of the trace: so long with nothing running is worth a jump over it


@dataclass(frozen=True, slots=True)
class Note:
    """``place`` is that of a span to look at, -1 for none; ``window_ns`` where to look, counted from the trace's start."""

    sentence: str
    place: int = -1
    window_ns: tuple[int, int] | None = None
    offers_adjusting: bool = False


def notes(trace: Arranged) -> tuple[Note, ...]:
    return (*_family(trace), *_times(trace))


def _family(trace: Arranged) -> Iterator[Note]:
    rows = trace.rows
    roots = [place for place, row in enumerate(rows) if row.parent_row < 0]
    orphans = [place for place in roots if rows[place].orphan]
    circles = [place for place in roots if rows[place].in_cycle]
    true_roots = len(roots) - len(orphans) - len(circles)
    if not true_roots and circles and not orphans:
        yield Note("The root span is not here: no span stands above the others.", roots[0])
    elif true_roots > 1:
        yield Note(f"It has {true_roots:,} roots: spans that name no parent. All are shown.", roots[0])
    if orphans:
        whose = (
            "1 span names a parent that is" if len(orphans) == 1 else f"{len(orphans):,} spans name parents that are"
        )
        rootless = "" if true_roots else "The root span is not here. "
        yield Note(
            f"{rootless}{whose} not in the files: dropped, sampled, rotated away or still to come. What hangs below is shown.",
            orphans[0],
        )
    if circles:
        members = sum(row.in_cycle for row in rows)
        yield Note(
            f"{format_times(members, 'span')} name each other as parents in a circle. It is cut open at its earliest.",
            circles[0],
        )
    shared = [places for places in trace.places.values() if len(places) > 1]
    if shared:
        whose = (
            "1 span id stands for more than one span"
            if len(shared) == 1
            else f"{len(shared):,} span ids stand for more than one span each"
        )
        yield Note(f"{whose}. All are kept.", shared[0][0])


def _times(trace: Arranged) -> Iterator[Note]:
    untimed = [
        place for place, extent in enumerate(trace.extents) if extent.problems and not is_timed(trace.spans[place])
    ]
    if untimed:
        has = "1 span has" if len(untimed) == 1 else f"{len(untimed):,} spans have"
        yield Note(f"{has} no usable start or end. How long it took is not known.", untimed[0])
    if any(trace.shifts_ns):
        moved = sum(map(bool, trace.shifts_ns))
        most = max(trace.shifts_ns, key=abs)
        yield Note(
            f"Clocks are adjusted: {format_times(moved, 'span')} moved by up to {format_duration(abs(most))}. The details of "
            "a span keep the times as they were recorded.",
            offers_adjusting=True,
        )
    elif trace.can_be_adjusted:
        yield Note(
            "Spans of other machines lie outside their parents: clocks differ, or they ran on alone. Shown as recorded.",
            offers_adjusting=True,
        )
    yield from _idle(trace)


def _idle(trace: Arranged) -> Iterator[Note]:
    """The longest time in which no span ran, when it is most of the trace."""
    scale = trace.scale
    reached_ns, longest = scale.start_ns, (0, 0)
    for start_ns, end_ns in sorted([(extent.start_ns, extent.end_ns) for extent in trace.extents]):
        if start_ns > reached_ns and start_ns - reached_ns > longest[1] - longest[0]:
            longest = (reached_ns, start_ns)
        if end_ns > reached_ns:
            reached_ns = end_ns
    idle_ns = longest[1] - longest[0]
    if idle_ns >= MIN_IDLE_NS and idle_ns >= IDLE_SHARE * scale.duration_ns:
        yield Note(
            f"Nothing ran for {format_duration(idle_ns)} of its {format_duration(scale.duration_ns)}: see what came before.",
            window_ns=(0, max(1, longest[0] - scale.start_ns)),
        )
        yield Note(
            f"It went on {format_duration(longest[1] - scale.start_ns)} after its start: look at what came then.",
            window_ns=(longest[1] - scale.start_ns, scale.duration_ns),
        )
