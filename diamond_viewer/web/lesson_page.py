"""LessonPage: the journey of a lesson: who watched it, how well it played, where they stopped, against the average lesson."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.lanes import tone_of_step
from diamond_viewer.diagnosis.vocabulary import AUTO_COMPLETED, BUFFERING, LOADED, RESUME_ATTEMPT, RESUME_MISMATCH
from diamond_viewer.diagnosis.watched import Watched, viewers, watched
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.units import format_count, format_percent, format_times
from diamond_viewer.telemetry.ways import Watching, Way
from diamond_viewer.web.address import Address
from diamond_viewer.web.charts import Chart, Row, chart, slot_edges
from diamond_viewer.web.elsewhere import Elsewhere
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.journey_address import lesson_href, read_journey_address, window_links
from diamond_viewer.web.journey_figures import (
    JourneyFigure,
    WatchedRow,
    figures_of,
    milliseconds,
    seconds,
    traces_of,
    watched_rows,
)
from diamond_viewer.web.journey_logs import journey_logs
from diamond_viewer.web.journey_poll import held_of_journey
from diamond_viewer.web.journey_steps import StepRow, step_rows
from diamond_viewer.web.partial import partial_notices
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.swim_lanes import SwimLanes
from diamond_viewer.web.user_page import OWN, elsewhere_of, is_held, lanes_of
from diamond_viewer.web.window import window_moves

STOP_SLOTS = 20
CHART_SLOTS = 60


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of the lesson beside that of all lessons; ``tone`` is slow where the lesson is much worse, error where traces
    failed."""

    label: str
    own: str
    average: str
    tone: str


@dataclass(frozen=True, slots=True)
class StopBar:
    """How many viewers stopped in a stretch of the lesson; ``x``, ``width`` in percent, ``y`` and ``height`` in px."""

    label: str
    count: int
    x: str
    width: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class LessonPage:
    """As ``UserPage``; ``trouble`` has failed, refused and stalled traces over time."""

    lesson: str
    address: Address
    status: Status
    is_known: bool
    figures: tuple[JourneyFigure, ...]
    lanes: SwimLanes | None
    compared: tuple[Compared, ...]
    stops: tuple[StopBar, ...]
    stops_words: str
    stops_peak: str
    stops_end: str
    trouble: Chart
    viewers: tuple[WatchedRow, ...]
    viewers_words: str
    steps: tuple[StepRow, ...]
    steps_words: str
    windows: tuple[tuple[str, str, bool], ...]
    moves: tuple[tuple[str, str, str], ...]
    notices: tuple[str, ...]
    traces_href: str
    logs_href: str
    markdown_href: str
    json_href: str
    link_href: str
    window_action: str
    elsewhere: tuple[Elsewhere, ...]
    held: str


def lesson_page(store: TraceStore, lesson: str, args: Iterable[tuple[str, str]], now_ns: int) -> LessonPage:
    address, window, notices = read_journey_address(args, now_ns, lesson_href(lesson), OWN)
    held = held_of_journey(store, address.query.with_values("lesson", lesson), now_ns)  # before it is read
    health = store.health()
    way = store.way("lesson", lesson, window.since_ns, window.until_ns)
    logs = journey_logs(store, "lesson", lesson, way, address, now_ns)
    own, every = watched(lesson, way.events, way.steps), store.watching(window.since_ns, window.until_ns)
    people = [one for one in viewers(way) if one.key]
    stopped_s = [one.stopped_s for one in people if one.stopped_s is not None]
    stops = stop_bars(stopped_s)
    return LessonPage(
        lesson,
        address,
        status_of(health.feed, now_ns),
        bool(way.steps) or (window.is_set and is_held(store, "lesson", lesson)),
        (
            JourneyFigure("Viewers", format_count(len(people)), title="Users whose traces name the lesson"),
            *figures_of("lesson", lesson, way, address),
        ),
        lanes_of("lesson", lesson, way, address, window, logs),
        compared_with(own, every),
        stops,
        f"Where {len(stopped_s):,} viewers stopped: the place of their last progress" if stops else "",
        format_times(max(bar.count for bar in stops), "viewer") if stops else "",
        seconds(max(1.0, *stopped_s)) if stops else "",
        trouble_chart(way),
        watched_rows("user", people),
        f"The first 100 of {len(people):,} viewers" if len(people) > 100 else "",
        *step_rows(way),
        window_links(address),
        window_moves(address, now_ns),
        notices + partial_notices(way, every) + beyond_memory(health, address.query, now_ns),
        traces_of("lesson", lesson, address),
        logs.href,
        address.with_own("as", "markdown"),
        f"/api{address.href}",
        address.absolute(now_ns),
        lesson_href(lesson),
        () if way.steps else elsewhere_of(store, "lesson", lesson, address, now_ns),
        held,
    )


def compared_with(own: Watched, all_lessons: Watching) -> tuple[Compared, ...]:
    """What happens for each start is compared as a rate, the rest as it is."""
    events = all_lessons.events
    starts, resumes = events.get(LOADED, 0), events.get(RESUME_ATTEMPT, 0)
    lessons = max(1, all_lessons.lessons)
    return (
        Compared("Starts", format_count(own.starts), f"{starts / lessons:,.1f}", ""),
        _rate("Completed", own.completions, own.starts, events.get(AUTO_COMPLETED, 0), starts, is_bad=False),
        _percentile("Load p50", own.load_ms, all_lessons.load_ms, 0),
        _percentile("Load p95", own.load_ms, all_lessons.load_ms, 1),
        _percentile("Resume p95", own.resume_ms, all_lessons.resume_ms, 1),
        _rate("Stalls per start", own.stalls, own.starts, events.get(BUFFERING, 0), starts, form=_times),
        _rate("Mismatches per resume", own.mismatches, own.resumes, events.get(RESUME_MISMATCH, 0), resumes),
        replace(
            _rate("Error traces", own.errors, own.traces, all_lessons.error_traces, all_lessons.traces),
            tone="error" if own.errors else "",
        ),
    )


def _rate(
    label: str,
    own: int,
    own_of: int,
    every: int,
    every_of: int,
    *,
    is_bad: bool = True,
    form: Callable[[float], str] | None = None,
) -> Compared:
    mine = own / own_of if own_of else None
    theirs = every / every_of if every_of else None
    is_worse = is_bad and mine is not None and theirs is not None and mine > 1.5 * theirs and own >= 3
    words = form or _share
    own_words, every_words = ("–" if part is None else words(part) for part in (mine, theirs))
    return Compared(label, own_words, every_words, "slow" if is_worse else "")


def _share(part: float) -> str:
    return format_percent(100 * part)


def _times(part: float) -> str:
    return f"{part:,.2f}"


def _percentile(label: str, own: tuple[float, float] | None, every: tuple[float, float] | None, at: int) -> Compared:
    is_worse = own is not None and every is not None and own[at] > 1.5 * every[at]
    return Compared(label, milliseconds(own, at), milliseconds(every, at), "slow" if is_worse else "")


def stop_bars(stops_s: Sequence[float]) -> tuple[StopBar, ...]:
    """Equal stretches of the lesson from its beginning to the last place that anybody reached.

    >>> [(bar.label, bar.count) for bar in stop_bars([1.0, 100.0, 99.0]) if bar.count]
    [('0 s to 5 s', 1), ('1 min 35 s to 1 min 40 s', 2)]
    """
    if not stops_s:
        return ()
    width_s = max(1.0, max(stops_s)) / STOP_SLOTS
    counts = [0] * STOP_SLOTS
    for stop_s in stops_s:
        counts[min(STOP_SLOTS - 1, int(stop_s / width_s))] += 1
    peak = max(counts)
    return tuple(
        StopBar(
            f"{seconds(at * width_s)} to {seconds((at + 1) * width_s)}",
            count,
            f"{100 * at / STOP_SLOTS:.1f}%",
            f"{88 / STOP_SLOTS:.1f}%",
            f"{60 - 60 * count / peak:.1f}",
            f"{60 * count / peak:.1f}",
        )
        for at, count in enumerate(counts)
    )


def trouble_chart(way: Way) -> Chart:
    """Traces that failed, were refused, or were slow or stalled."""
    title = "Trouble over time"
    if not way.steps:
        return chart(title, (), ())
    edges_ns = slot_edges(way.steps[0].start_ns, way.steps[-1].start_ns + 1, slots=CHART_SLOTS)
    tones = {"error": "failed", "auth": "not signed in", "slow": "slow or stalled"}
    counts = {tone: [0.0] * (len(edges_ns) - 1) for tone in tones}
    span_ns = edges_ns[-1] - edges_ns[0]
    for step in way.steps:
        if (tone := tone_of_step(step)) in counts:
            at = (step.start_ns - edges_ns[0]) * (len(edges_ns) - 1) // span_ns
            counts[tone][min(at, len(edges_ns) - 2)] += 1
    rows = [Row(words, tuple(counts[tone])) for tone, words in tones.items()]
    return chart(title, edges_ns, rows, is_stacked=True, empty="Nothing went wrong in this window.")
