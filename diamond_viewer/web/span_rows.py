"""SpanRow: a line of the waterfall."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.units import format_duration, format_offset, format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.extent import Scale
from diamond_viewer.trace.shown import Shown
from diamond_viewer.trace.waterfall import Bar, Mark, Tick, bar_of
from diamond_viewer.web.badges import event_tone
from diamond_viewer.web.span_body import UNNAMED, SpanBody, problems_of
from diamond_viewer.web.trace_address import TraceAddress

INDENT_PX = 12
MAX_INDENTS = 16  # deeper rows say their depth as a number: an indent wider than the column helps nobody
ROW_PX = 25
MAX_DIAMONDS = 60  # on one bar; the story has them all
MAX_WAITED = 60
MAX_ARROWS = 20  # from one row
LAST_TICK_PERCENT = 94  # a label further right would stand out of the axis: it ends at its tick instead
SERVICE_COLOURS = 6
MAX_NAME = 300  # characters; names of 5,000 have been seen


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """``anchor`` is SVG's text-anchor, so that the outer labels stay inside."""

    x: str
    words: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Diamond:
    x: str
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class SpanRow:
    """``x``, ``width`` and the like are percentages of the axis; ``colour`` is the number of the service's colour.

    ``waited`` are the parts of the critical path that lie in this span alone. ``guides`` is the path of the lines of the
    tree. ``fold_href`` folds what is below, or opens it when ``is_shut``; empty when there is nothing. ``outside`` is
    ‹ or › for a bar beside the window. ``body`` is None when it is fetched on opening, from ``body_href``.
    """

    element: str
    index: int
    name: str
    title: str
    indent: int
    guides: str
    depth: str
    fold_href: str
    fold_words: str
    is_shut: bool
    is_error: bool
    is_root_cause: bool
    errors_below: str
    service: str
    colour: int
    bar_x: str
    bar_width: str
    bar_title: str
    outside: str
    waited: tuple[tuple[str, str], ...]
    duration: str
    diamonds: tuple[Diamond, ...]
    links: str
    arrows: str
    problems: str
    finding: str
    body: SpanBody | None
    body_href: str
    page_href: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search found: the places, and which of them is looked at."""

    places: frozenset[int] = frozenset()
    current: int = -1

    def of(self, place: int) -> str:
        """The ending of a CSS class: "" without a search, else current | found | other."""
        if not self.places:
            return ""
        return "current" if place == self.current else "found" if place in self.places else "other"


def span_rows(
    trace: Arranged,
    shown: Shown,
    first: int,
    last: int,
    window: Scale,
    address: TraceAddress,
    finding: Finding,
    bodies: dict[int, SpanBody],
) -> tuple[SpanRow, ...]:
    """Rows ``first`` to ``last`` of those that are shown. ``bodies`` are those of the open spans, by place."""
    guides = shown.guides(first, last)
    rows = []
    for index in range(first, last):
        place, depth = shown.places[index], shown.depths[index]
        rows.append(
            _span_row(trace, place, index, depth, guides[index - first], shown, window, address, finding, bodies)
        )
    return tuple(rows)


def axis_labels(ticks: Sequence[Tick]) -> tuple[AxisLabel, ...]:
    return tuple(
        AxisLabel(
            f"{tick.percent:.2f}%",
            tick.words,
            "start" if not tick.percent else "end" if tick.percent > LAST_TICK_PERCENT else "middle",
        )
        for tick in ticks
    )


def _span_row(
    trace: Arranged,
    place: int,
    index: int,
    depth: int,
    guides: int,
    shown: Shown,
    window: Scale,
    address: TraceAddress,
    finding: Finding,
    bodies: dict[int, SpanBody],
) -> SpanRow:
    span, row, extent = trace.spans[place], trace.rows[place], trace.extents[place]
    element = trace.element_of(place)
    is_window = window != trace.scale
    outside = (
        ""
        if not is_window
        else "‹"
        if extent.end_ns < window.start_ns
        else "›"
        if extent.start_ns > window.end_ns
        else ""
    )
    bar = bar_of(row, extent, window, is_window, trace.marked_logs(place) if trace.logs else ())
    waited = []
    for section in trace.sections_of.get(place, ())[:MAX_WAITED]:
        left, right = window.percent(section.start_ns), window.percent(section.end_ns)
        if right > left:
            waited.append((f"{left:.2f}%", f"{right - left:.2f}%"))
    is_shut, has_below = place in shown.shut, row.descendant_count > 0
    name = span.name or UNNAMED
    below = trace.errors_below(place) if is_shut else 0
    said = problems_of(trace, place)
    offset, own = format_offset(extent.start_ns - trace.scale.start_ns), format_duration(trace.self_times_ns[place])
    return SpanRow(
        element=element,
        index=index + 1,
        name=name[:MAX_NAME],
        title=f"{name[:MAX_NAME]} · {span.service}",
        indent=INDENT_PX * min(depth, MAX_INDENTS),
        guides=_guide_path(guides, min(depth, MAX_INDENTS)),
        depth=f"{depth:,}" if depth > MAX_INDENTS else "",
        fold_href=address.folding(element, not is_shut, index + 1) if has_below else "",
        fold_words=f"{'Show' if is_shut else 'Fold'} {format_times(row.descendant_count, 'span')} below",
        is_shut=is_shut,
        is_error=span.status_code == STATUS_ERROR,
        is_root_cause=place in trace.root_causes,
        errors_below=format_times(below, "error") + " inside" if below else "",
        service=span.service,
        colour=trace.colours[span.service] % SERVICE_COLOURS,
        bar_x=f"{bar.left_percent:.2f}%",
        bar_width=f"{bar.width_percent:.2f}%",
        bar_title=f"{span.service}: {format_duration(extent.duration_ns)} from {offset} on, {own} of it its own",
        outside=outside,
        waited=tuple(waited) if not outside else (),
        duration=format_duration(extent.duration_ns),
        diamonds=_diamonds(bar, trace) if not outside else (),
        links=_link_words(trace, place),
        arrows=_arrows(trace, place),
        problems=" ".join(said),
        finding=finding.of(place),
        body=bodies.get(place),
        body_href=TraceAddress(address.trace_id, address.outer, is_adjusted=address.is_adjusted).fragment(
            f"spans/{element}"
        ),
        page_href=address.but(spans=(element,), moment=0, row=index + 1),
        is_open=place in bodies,
    )


def _link_words(trace: Arranged, place: int) -> str:
    """What the arrow of a row says; "" for none."""
    span = trace.spans[place]
    said = []
    if span.has_links:
        links = trace.links_of(place)
        targets = ["another trace" if link.trace_id != trace.summary.trace_id else link.span_id for link in links[:3]]
        said.append(f"links to {', '.join(targets)}")
    if span.span_id in trace.linked_from:
        said.append(f"linked from {format_times(len(trace.linked_from[span.span_id]), 'span')}")
    if trace.backlinks and (others := trace.linked_from_elsewhere.get(span.span_id)):
        said.append(f"linked from {format_times(len(others), 'span')} of other traces")
    return ", ".join(said)


def _arrows(trace: Arranged, place: int) -> str:
    """The rows of this trace that a row's span links to, by their elements, for the script that draws arrows."""
    if not trace.spans[place].has_links:
        return ""
    targets = dict.fromkeys(link.span_id for link in trace.links_of(place) if link.trace_id == trace.summary.trace_id)
    there = [at for span_id in targets if (at := trace.place_of(span_id)) is not None and at != place]
    return " ".join(trace.element_of(at) for at in there[:MAX_ARROWS])


def _diamonds(bar: Bar, trace: Arranged) -> tuple[Diamond, ...]:
    return tuple(_diamond(mark, trace) for mark in bar.marks[:MAX_DIAMONDS])


def _diamond(mark: Mark, trace: Arranged) -> Diamond:
    title = f"{mark.event.name or UNNAMED} at {format_offset(mark.event.time_ns - trace.scale.start_ns)}"
    if mark.count > 1:
        title += f", and {mark.count - 1:,} more"
    return Diamond(f"{mark.percent:.2f}%", event_tone(mark.event.name), title)


@lru_cache(maxsize=4096)
def _guide_path(guides: int, depth: int) -> str:
    """An SVG path: a line for every branch that goes on, a corner where this row hangs.

    >>> _guide_path(0b01, 2)
    'M6 0V25M18 0V12.5H23'
    """
    middle = ROW_PX / 2
    lines = [f"M{6 + INDENT_PX * level} 0V{ROW_PX}" for level in range(depth) if guides & (1 << level)]
    if depth:
        x = 6 + INDENT_PX * (depth - 1)
        lines.append(f"M{x} {middle:g}H{x + 5}" if guides & (1 << (depth - 1)) else f"M{x} 0V{middle:g}H{x + 5}")
    return "".join(lines)
