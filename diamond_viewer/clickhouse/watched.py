"""How watching goes over all lessons, and how often events happened: counted where the events are."""

from collections.abc import Mapping, Sequence

import numpy as np

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.expressions import CONTENT, SERVICE, Row
from diamond_viewer.clickhouse.selection import Asked, Selection, restricted
from diamond_viewer.clickhouse.spans import between
from diamond_viewer.diagnosis.vocabulary import LOADED, RESUME_ATTEMPT, WAY_EVENTS
from diamond_viewer.telemetry.figures import FIGURE_KEYS, RESUME_TIME_KEY, figure_of
from diamond_viewer.telemetry.ways import Watching, percentiles

MAX_FIGURES = 200_000  # events whose figures are read


def watching(store: Asked, theirs: Selection, lesson_count: int) -> Watching:
    """See ``TraceStore.watching``; ``theirs`` are the traces that name a lesson."""
    if not len(theirs):
        return Watching(lesson_count)
    names, load_ms, resume_ms = _happened(store, theirs)
    return Watching(
        lesson_count,
        len(theirs),
        int(np.count_nonzero(theirs.error_count)),
        dict(sorted(names.items())),
        percentiles(load_ms),
        percentiles(resume_ms),
    )


def _happened(store: Asked, theirs: Selection) -> tuple[dict[str, int], list[float], list[float]]:
    bound = Bound()
    row = Row(store.layout, bound)
    rows = restricted(store, theirs, bound)
    chosen = ", ".join(bound.value(name) for name in WAY_EVENTS)
    own = f"{row.events_said(FIGURE_KEYS[LOADED][0])}, {row.events_said(RESUME_TIME_KEY)}"
    spans = (
        f"SELECT DISTINCT TraceId, {CONTENT}, arrayZip(arrayMap(x -> toString(x), Events.Name), {own}) AS events, "
        f"{row.said(RESUME_TIME_KEY)} AS of_span FROM {store.layout.spans} WHERE {rows} AND hasAny(Events.Name, [{chosen}])"
    )
    spans = f"SELECT arrayJoin(events) AS event, of_span FROM ({spans})"
    counted = f"SELECT event.1 AS name, count() FROM ({spans}) WHERE name IN [{chosen}] GROUP BY name"
    names = {str(name): int(count) for name, count in store.cluster.rows(counted, bound.parameters)}
    load, resume = bound.value(LOADED), bound.value(RESUME_ATTEMPT)
    said = f"SELECT event, of_span FROM ({spans}) WHERE event.1 IN [{load}, {resume}] LIMIT {MAX_FIGURES}"
    load_ms: list[float] = []
    resume_ms: list[float] = []
    for (name, loaded, resumed), of_span in store.cluster.rows(said, bound.parameters):
        figure = figure_of({"said": loaded if name == LOADED else resumed or of_span}, "said")
        if figure is not None:
            (load_ms if name == LOADED else resume_ms).append(float(np.float32(figure)))
    return names, load_ms, resume_ms


def count_events(store: Asked, name: str, intervals: Sequence[tuple[int, int]]) -> Mapping[str, tuple[int, ...]]:
    """See ``TraceStore.count_events``."""
    if not intervals:
        return {}
    bound = Bound()
    event = bound.value(name)
    after, until = (bound.numbers([interval[end] for interval in intervals]) for end in (0, 1))
    reach_ns = store.cluster.address.longest_s * 1_000_000_000
    near = between(bound, intervals[0][0] - reach_ns, intervals[-1][1] + reach_ns)
    times = (
        f"arrayFilter((t, n) -> n = {event}, arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp), Events.Name)"
    )
    spans = (
        f"SELECT DISTINCT TraceId, {CONTENT}, {SERVICE} AS service, {times} AS times FROM {store.layout.spans} "
        f"WHERE {near} AND has(Events.Name, {event})"
    )
    placed = (
        f"SELECT service, arrayJoin(times) AS time_ns, arrayCount(a -> a < time_ns, {after}) AS place FROM ({spans}) "
        f"WHERE place > 0 AND time_ns <= arrayElement({until}, place)"
    )
    sql = f"SELECT service, place, count() FROM ({placed}) GROUP BY service, place"
    counts: dict[str, list[int]] = {}
    for service, place, count in store.cluster.rows(sql, bound.parameters):
        counts.setdefault(str(service), [0] * len(intervals))[int(place) - 1] = int(count)
    return {service: tuple(found) for service, found in sorted(counts.items())}
