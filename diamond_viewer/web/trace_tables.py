"""Other views of one trace: figures per operation, the flame graph, two traces compared."""

from collections.abc import Iterable
from dataclasses import dataclass

from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.units import format_clock, format_day, format_duration, format_share, format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.call_paths import CallPath, walk
from diamond_viewer.trace.comparison import Difference, compare
from diamond_viewer.web.span_body import UNNAMED
from diamond_viewer.web.span_rows import SERVICE_COLOURS
from diamond_viewer.web.trace_address import TraceAddress, View

MAX_OPERATIONS = 500
MAX_FRAMES = 2_000
MAX_DIFFERENCES = 1_000
MAX_INDENTS = 16
FRAME_PX = 20
MIN_FRAME_PERCENT = 0.1  # a frame that is thinner cannot be seen or hit
CHARACTER_PERCENT = 0.55  # of the width, roughly, that a letter needs


@dataclass(frozen=True, slots=True)
class OperationRow:
    """``share`` is that of the trace's own time; ``href`` leads to the longest of them in the waterfall."""

    service: str
    name: str
    colour: int
    href: str
    count: str
    errors: str
    total: str
    own: str
    share: str
    share_percent: str
    average: str
    p95: str


@dataclass(frozen=True, slots=True)
class StatisticsView:
    rows: tuple[OperationRow, ...]
    hidden: str


@dataclass(frozen=True, slots=True)
class Frame:
    x: str
    y: int
    width: str
    label: str
    colour: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class FlameView:
    """``path`` is the frame that fills the width, from the top; ``hidden`` says what is too thin to be drawn."""

    frames: tuple[Frame, ...]
    height: int
    path: str
    reset_href: str
    span_href: str
    hidden: str


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """``status`` is both | gone | new; ``tone`` is slower | faster | same."""

    indent: int
    service: str
    name: str
    status: str
    counts: tuple[str, str]
    totals: tuple[str, str]
    errors: tuple[str, str]
    change: str
    tone: str


@dataclass(frozen=True, slots=True)
class Candidate:
    href: str
    words: str


@dataclass(frozen=True, slots=True)
class CompareView:
    """``rows`` are empty until another trace is chosen; ``missing`` says why it cannot be shown."""

    rows: tuple[DifferenceRow, ...]
    names: tuple[str, str]
    other_href: str
    facts: tuple[tuple[str, str, str], ...]
    hidden: str
    missing: str
    candidates: tuple[Candidate, ...]
    action: str
    hidden_fields: tuple[tuple[str, str], ...]
    other_id: str


def statistics_view(trace: Arranged, address: TraceAddress) -> StatisticsView:
    found = trace.operations
    whole_ns = sum(trace.self_times_ns)
    rows = tuple(
        OperationRow(
            one.service,
            one.name or UNNAMED,
            trace.colours[one.service] % SERVICE_COLOURS,
            address.at_span(trace.element_of(one.slowest)),
            f"{one.count:,}",
            f"{one.errors:,}" if one.errors else "",
            format_duration(one.total_ns),
            format_duration(one.self_ns),
            format_share(one.self_ns, whole_ns),
            f"{100 * one.self_ns / whole_ns if whole_ns else 0:.1f}",
            format_duration(one.average_ns) if one.timed else "–",
            format_duration(one.p95_ns) if one.timed else "–",
        )
        for one in found[:MAX_OPERATIONS]
    )
    hidden = len(found) - MAX_OPERATIONS
    return StatisticsView(rows, f"{format_times(hidden, 'more operation')} with less time" if hidden > 0 else "")


def flame_view(trace: Arranged, address: TraceAddress) -> FlameView:
    """``address.frame`` is the number of the frame that fills the width, from 1 in the order of the tree."""
    top = trace.call_paths
    numbered = walk(top)
    numbers = {id(path): number for number, path in enumerate(numbered, 1)}
    chosen = numbered[address.frame - 1] if 0 < address.frame <= len(numbered) else top
    roots = list(chosen.children.values()) if chosen is top else [chosen]
    whole_ns = sum(path.weight_ns for path in roots)
    frames: list[Frame] = []
    hidden, deepest = 0, -1
    waiting: list[tuple[CallPath, float, int]] = []
    left = 0.0
    for path in roots:
        width = 100 * path.weight_ns / whole_ns if whole_ns else 100 / len(roots)
        waiting.append((path, left, 0))
        left += width
    while waiting:
        path, left, level = waiting.pop()
        width = 100 * path.weight_ns / whole_ns if whole_ns else 100 / len(roots)
        if width < MIN_FRAME_PERCENT or len(frames) >= MAX_FRAMES:
            hidden += 1
            continue
        deepest = max(deepest, level)
        frames.append(_frame(path, left, width, level, trace, address, numbers[id(path)]))
        for child in path.children.values():
            waiting.append((child, left, level + 1))
            left += 100 * child.weight_ns / whole_ns if whole_ns else 0
    return FlameView(
        frames=tuple(frames),
        height=(deepest + 1) * FRAME_PX,
        path=f"{chosen.service}: {chosen.name or UNNAMED}" if chosen is not top else "",
        reset_href=address.but(frame=0) if chosen is not top else "",
        span_href=address.at_span(trace.element_of(chosen.first)) if chosen is not top else "",
        hidden=f"{format_times(hidden, 'frame')} too thin to be drawn" if hidden else "",
    )


def compare_view(
    trace: Arranged, other: Arranged | None, address: TraceAddress, similar: Iterable[TraceSummary], missing: str
) -> CompareView:
    differences = compare(trace, other) if other else ()
    hidden = len(differences) - MAX_DIFFERENCES
    here = TraceAddress(address.trace_id, address.outer, view=View.COMPARE)
    return CompareView(
        rows=tuple(map(_difference_row, differences[:MAX_DIFFERENCES])),
        names=(_named(trace.summary), _named(other.summary) if other else ""),
        other_href=TraceAddress(other.summary.trace_id).href if other else "",
        facts=_facts(trace, other) if other else (),
        hidden=f"{format_times(hidden, 'more call path')}" if hidden > 0 else "",
        missing=missing,
        candidates=tuple(
            Candidate(here.but(other_id=summary.trace_id), _named(summary))
            for summary in similar
            if summary.trace_id != address.trace_id
        ),
        action=here.href.partition("?")[0],
        hidden_fields=(*address.outer_args, *here.args),
        other_id=address.other_id,
    )


def _frame(
    path: CallPath, left: float, width: float, level: int, trace: Arranged, address: TraceAddress, number: int
) -> Frame:
    name = path.name or UNNAMED
    errors = f", {path.errors:,} failed" if path.errors else ""
    room = int(width / CHARACTER_PERCENT)
    return Frame(
        x=f"{left:.3f}%",
        y=level * FRAME_PX,
        width=f"{width:.3f}%",
        label=name if len(name) <= room else f"{name[: room - 1]}…" if room >= 4 else "",
        colour="error" if path.errors else str(trace.colours[path.service] % SERVICE_COLOURS),
        title=f"{path.service}: {name[:200]} · {format_times(path.count, 'span')}, {format_duration(path.total_ns)} in all, "
        f"{format_duration(path.self_ns)} of it its own{errors}",
        href=address.but(frame=number),
    )


def _difference_row(one: Difference) -> DifferenceRow:
    status = "new" if not one.counts[0] else "gone" if not one.counts[1] else "both"
    change_ns = one.change_ns
    is_small = abs(change_ns) * 10 < max(one.totals_ns)
    sign = "+" if change_ns > 0 else ""
    return DifferenceRow(
        indent=12 * min(one.depth, MAX_INDENTS),
        service=one.service,
        name=one.name or UNNAMED,
        status=status,
        counts=(_count(one.counts[0]), _count(one.counts[1])),
        totals=tuple_of(one.totals_ns, one.counts),
        errors=(_count(one.errors[0]) if one.errors[0] else "", _count(one.errors[1]) if one.errors[1] else ""),
        change=f"{sign}{format_duration(change_ns)}" if change_ns else "",
        tone="same" if is_small else "slower" if change_ns > 0 else "faster",
    )


def tuple_of(totals_ns: tuple[int, int], counts: tuple[int, int]) -> tuple[str, str]:
    """
    >>> tuple_of((1_000_000, 0), (1, 0))
    ('1 ms', '–')
    """
    left, right = (format_duration(ns) if count else "–" for ns, count in zip(totals_ns, counts, strict=True))
    return left, right


def _facts(trace: Arranged, other: Arranged) -> tuple[tuple[str, str, str], ...]:
    one, two = trace.summary, other.summary
    return (
        ("Duration", format_duration(one.duration_ns), format_duration(two.duration_ns)),
        ("Spans", f"{one.span_count:,}", f"{two.span_count:,}"),
        ("Failed spans", f"{one.error_count:,}", f"{two.error_count:,}"),
        ("Events", f"{one.event_count:,}", f"{two.event_count:,}"),
        ("Users", ", ".join(one.user_ids[:3]) or "–", ", ".join(two.user_ids[:3]) or "–"),
    )


def _named(summary: TraceSummary) -> str:
    when = f"{format_day(summary.start_ns)} {format_clock(summary.start_ns)}"
    errors = f", {format_times(summary.error_count, 'failed span')}" if summary.error_count else ""
    return f"{summary.name or UNNAMED} · {when} · {format_duration(summary.duration_ns)}{errors}"


def _count(count: int) -> str:
    return f"{count:,}" if count else "–"
