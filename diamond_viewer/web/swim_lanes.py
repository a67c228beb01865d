"""SwimLanes: every trace of a journey by what it did, over time, drawn by the server; events are diamonds, and so are logged
warnings and errors.

However many traces there are, each lane has at most ``SLOTS`` slots, and what was worst in a slot is what it shows.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diamond_viewer.diagnosis.lanes import LANES, OTHER, lane_of, lane_of_step, tone_of_step
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    AUTO_COMPLETED,
    BUFFERING,
    CREDENTIALS_MISSING,
    JOB_FAILED,
    PROGRESS_REFUSED,
    REDIRECT,
    RESUME_MISMATCH,
    SESSION_CREATED,
)
from diamond_viewer.telemetry.units import (
    format_clock,
    format_day,
    format_duration,
    format_rfc3339,
    format_times,
    zone_label,
)
from diamond_viewer.telemetry.ways import Way, WayEvent
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.charts import time_ticks
from diamond_viewer.web.journey_logs import Logged

SLOTS = 400
LANE_HEIGHT_PX = 32
MERGED_SLOTS = 10
LAST_PERCENT = 86  # on a phone a label takes a seventh of the drawing
MIN_WIDTH_PERCENT = 0.35  # about 4 px on a laptop
_RANKS = ("", "good", "slow", "auth", "error")
_EVENT_TONES = {
    **dict.fromkeys((AUTH_FAILED, CREDENTIALS_MISSING, REDIRECT), "auth"),
    **dict.fromkeys((BUFFERING, RESUME_MISMATCH), "slow"),
    **dict.fromkeys((PROGRESS_REFUSED, JOB_FAILED), "error"),
    **dict.fromkeys((SESSION_CREATED, AUTO_COMPLETED), "good"),
}

Traces = Callable[[int, int], str]  # the address of the traces between two times


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar or a diamond; ``x`` and ``width`` are percent of the drawing. ``tone`` is good | auth | slow | error or ""."""

    x: str
    width: str
    tone: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    slug: str
    y: int
    bars: tuple[Mark, ...]
    diamonds: tuple[Mark, ...]
    words: str


@dataclass(frozen=True, slots=True)
class TickLink:
    """A round time; ``href`` zooms in on what follows it. ``is_last`` has no room for its label on the right."""

    place: str
    label: str
    href: str
    title: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class SwimLanes:
    lanes: tuple[Lane, ...]
    ticks: tuple[TickLink, ...]
    height: int
    summary: str
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class _Slot:
    """What happened in a stretch of a lane."""

    rank: int
    count: int
    place: int
    start_ns: int
    end_ns: int


def swim_lanes(
    way: Way, address: Address, traces: Traces, since_ns: int, until_ns: int, logged: Sequence[Logged] = ()
) -> SwimLanes:
    """``way`` has at least one step. The drawing goes from the first to the last thing inside the window."""
    first_ns = max(since_ns, min(step.start_ns for step in way.steps))
    last_ns = max(first_ns + 1_000_000, min(until_ns, max(step.end_ns for step in way.steps)))
    spread_ns = (last_ns - first_ns) // 100
    first_ns, last_ns = max(0, first_ns - spread_ns), last_ns + spread_ns
    scale = _Scale(first_ns, last_ns)
    what = [(lane_of_step(step), tone_of_step(step)) for step in way.steps]
    bars, diamonds, words = _bars(way, what, scale), _diamonds(way, scale, logged), _lane_words(what)
    lanes = tuple(
        Lane(
            name,
            name.lower(),
            at * LANE_HEIGHT_PX,
            tuple(_bar(way, scale, slot, traces) for slot in _runs(bars[name])),
            tuple(_diamond(way, scale, moments) for _, moments in sorted(diamonds[name].items())),
            words[name],
        )
        for at, name in enumerate(LANES)
    )
    day, last_day = format_day(first_ns), format_day(last_ns)
    until = f"{last_day} " if last_day != day else ""
    count = format_times(len(way.steps), "trace")
    summary = f"{count} from {day} {_clock(first_ns)} to {until}{_clock(last_ns)} {zone_label()}"
    return SwimLanes(lanes, _ticks(scale, address), LANE_HEIGHT_PX * len(LANES), summary, first_ns, last_ns)


_Moment = WayEvent | Logged


@dataclass(frozen=True, slots=True)
class _Scale:
    first_ns: int
    last_ns: int

    def slot(self, time_ns: int) -> int:
        return min(SLOTS - 1, max(0, (time_ns - self.first_ns) * SLOTS // (self.last_ns - self.first_ns)))

    def percent(self, time_ns: int) -> float:
        return min(100.0, max(0.0, 100 * (time_ns - self.first_ns) / (self.last_ns - self.first_ns)))


def _bars(way: Way, what: Sequence[tuple[str, str]], scale: _Scale) -> dict[str, dict[int, _Slot]]:
    """By lane and slot."""
    found: dict[str, dict[int, _Slot]] = {name: {} for name in LANES}
    for place, (step, (lane, tone)) in enumerate(zip(way.steps, what, strict=True)):
        slots = found[lane]
        rank = _RANKS.index(tone)
        for at in range(scale.slot(step.start_ns), scale.slot(step.end_ns) + 1):
            held = slots.get(at)
            if held is None:
                slots[at] = _Slot(rank, 1, place, step.start_ns, step.end_ns)
                continue
            if rank > held.rank:
                held.rank, held.place = rank, place
            held.count += 1
            held.start_ns, held.end_ns = min(held.start_ns, step.start_ns), max(held.end_ns, step.end_ns)
    return found


def _runs(slots: dict[int, _Slot]) -> list[_Slot]:
    """One trace over several slots is one bar; so are a few full slots side by side that show the same."""
    runs: list[_Slot] = []
    before, length = -2, 0
    for at, slot in sorted(slots.items()):
        last = runs[-1] if runs and at == before + 1 else None
        before = at
        if last and slot.count == last.count == 1 and slot.place == last.place:
            continue
        if (
            last
            and slot.rank == last.rank < _RANKS.index("auth")
            and min(slot.count, last.count) > 1
            and length < MERGED_SLOTS
        ):
            last.count += slot.count
            last.end_ns = max(last.end_ns, slot.end_ns)
            length += 1
            continue
        runs.append(slot)
        length = 1
    return runs


def _bar(way: Way, scale: _Scale, slot: _Slot, traces: Traces) -> Mark:
    step = way.steps[slot.place]
    left, right = scale.percent(slot.start_ns), scale.percent(slot.end_ns)
    tone = _RANKS[slot.rank]
    if slot.count == 1:
        width = max(MIN_WIDTH_PERCENT, right - left)
        took = format_duration(step.end_ns - step.start_ns)
        answer = f" → {step.http_status}" if step.http_status else ""
        title = f"{step.name}{answer}, {_clock(step.start_ns)}, {took}{_worst(tone)}"
        return Mark(f"{min(left, 100 - width):.2f}%", f"{width:.2f}%", tone, title, trace_href(step.trace_id))
    width = max(100 / SLOTS, MIN_WIDTH_PERCENT, min(right - left, MERGED_SLOTS * 100 / SLOTS))
    title = f"{format_times(slot.count, 'trace')} around {_clock(slot.start_ns)}{_worst(tone)}"
    href = traces(slot.start_ns, slot.end_ns) if slot.rank < 2 else trace_href(step.trace_id)
    return Mark(f"{min(left, 100 - width):.2f}%", f"{width:.2f}%", tone, title, href)


def _worst(tone: str) -> str:
    words = {"error": "failed", "auth": "not signed in", "slow": "slow or stalled"}.get(tone)
    return f", {words}" if words else ""


def _diamonds(way: Way, scale: _Scale, logged: Sequence[Logged]) -> dict[str, dict[int, list[_Moment]]]:
    """Events, and what was logged, by lane and slot."""
    found: dict[str, dict[int, list[_Moment]]] = {name: {} for name in LANES}
    for event in way.events:
        lane = lane_of(event.name)
        found[lane if lane in found else OTHER].setdefault(scale.slot(event.time_ns), []).append(event)
    for one in logged:
        if scale.first_ns <= one.time_ns <= scale.last_ns:
            found[one.lane].setdefault(scale.slot(one.time_ns), []).append(one)
    return found


def _diamond(way: Way, scale: _Scale, moments: Sequence[_Moment]) -> Mark:
    tones = [moment.tone if isinstance(moment, Logged) else _tone_of(moment) for moment in moments]
    worst_at = max(range(len(moments)), key=lambda at: _RANKS.index(tones[at]))
    worst = moments[worst_at]
    names = ", ".join(sorted({f"log: {one.title}" if isinstance(one, Logged) else one.name for one in moments}))
    total = sum(one.count if isinstance(one, Logged) else 1 for one in moments)
    detail, href = (
        (worst.severity, worst.href)
        if isinstance(worst, Logged)
        else (worst.detail, trace_href(way.steps[worst.step].trace_id))
    )
    count = f" ×{total:,}" if total > 1 else ""
    title = f"{names}{count}, {_clock(worst.time_ns)}" + (f", {detail}" if detail else "")
    return Mark(f"{scale.percent(worst.time_ns):.2f}%", "", tones[worst_at], title, href)


def _tone_of(event: WayEvent) -> str:
    return _EVENT_TONES.get(event.name, "" if event.went_well else "error")


def _lane_words(what: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Of the lane and the tone of each trace.

    >>> _lane_words([("Auth", ""), ("Auth", "error")])["Auth"], _lane_words([])["Jobs"]
    ('Auth: 2 traces, 1 failed', 'Jobs: 0 traces')
    """
    counts = Counter(lane for lane, _ in what)
    failed = Counter(lane for lane, tone in what if tone == "error")
    return {
        name: f"{name}: {format_times(counts[name], 'trace')}" + (f", {failed[name]:,} failed" if failed[name] else "")
        for name in LANES
    }


def _ticks(scale: _Scale, address: Address) -> tuple[TickLink, ...]:
    ticks = time_ticks(scale.first_ns, scale.last_ns, 8)
    ends = [at for at, _ in ticks] + [scale.last_ns]
    links = []
    for (at, label), (start_ns, end_ns) in zip(ticks, pairwise(ends), strict=True):
        href = address.between(format_rfc3339(start_ns), format_rfc3339(end_ns))
        place = scale.percent(at)
        title = f"Zoom in: {_clock(start_ns)} to {_clock(end_ns)}"
        links.append(TickLink(f"{place:.2f}%", label, href, title, place > LAST_PERCENT))
    return tuple(links)


def _clock(time_ns: int) -> str:
    return format_clock(time_ns)[:8]
