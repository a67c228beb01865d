"""VideoPage: how watching goes, as the platform's own metrics tell it, beside the same facts counted from traces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from diamond_viewer.diagnosis.lost_telemetry import (
    FACTS,
    Comparison,
    Fact,
    compared,
    intervals_of,
    looks_sampled,
    measured_in,
)
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.metrics import Increment, MetricCatalogue, within
from diamond_viewer.telemetry.units import format_count, format_date_time, format_percent, format_rfc3339, zone_label
from diamond_viewer.web.address import TRACES_PATH
from diamond_viewer.web.metric_charts import MetricPanel, Window, metric_panel, split_keys
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.times import in_utc
from diamond_viewer.web.window import WINDOWS

VIDEO_PATH = "/video"
FAR_NS = 2**62
TITLES: Mapping[str, str] = {
    "video.load_time_ms": "Load time",
    "video.resume_time_ms": "Resume time",
    "video.buffering_events_total": "Stalls",
    "video.resume_failures_total": "Wrong resumes",
    "progress.save_time_ms": "Time to save progress",
    "progress.updates_total": "Progress updates",
}


@dataclass(frozen=True, slots=True)
class VideoAddress:
    """``split_by`` is an attribute's key, ``metric`` the one that was picked beside the platform's; both may be empty."""

    since: str
    until: str
    split_by: str
    metric: str

    def href(self, **changes: str) -> str:
        pairs = {"since": self.since, "until": self.until, "by": self.split_by, "metric": self.metric, **changes}
        arguments = urlencode({name: value for name, value in pairs.items() if value})
        return f"{VIDEO_PATH}?{arguments}" if arguments else VIDEO_PATH


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """A row of the comparison: what was measured, what is in traces, and what that means."""

    metric: str
    what: str
    service: str
    measured: str
    traced: str
    verdict: str
    tone: str
    href: str


@dataclass(frozen=True, slots=True)
class VideoPage:
    """``alarm`` says that telemetry is being lost and where; ``notices`` what was ignored or is not known."""

    status: Status
    address: VideoAddress
    windows: tuple[tuple[str, str, bool], ...]
    splits: tuple[Choice, ...]
    metrics: tuple[Choice, ...]
    panels: tuple[tuple[str, MetricPanel], ...]
    picked: MetricPanel | None
    comparison: tuple[ComparisonLine, ...]
    alarm: tuple[str, ...]
    hint: str
    notices: tuple[str, ...]
    has_metrics: bool
    counts: str


def read_video_address(
    args: Iterable[tuple[str, str]], now_ns: int, *, strict: bool = False
) -> tuple[VideoAddress, Window, tuple[str, ...]]:
    """The address, the window it names, and a sentence for each thing that was ignored. ``strict`` raises ``FilterError``."""
    pairs = [
        (name, in_utc(value.strip(), now_ns) if name in ("since", "until") and not strict else value.strip())
        for name, value in args
    ]
    own = {name: value[:512] for name, value in pairs if name in ("by", "metric")}
    query, notices = Query.from_args([pair for pair in pairs if pair[0] not in ("by", "metric")], now_ns, strict)
    others = [name for name, _ in query.set_filters if name not in ("since", "until")]
    notices += tuple(f"Metrics cannot be filtered by {name}: it is ignored." for name in others)
    asked = query.window(now_ns)
    window = Window(
        -1 if asked.since_ns is None else asked.since_ns, FAR_NS if asked.until_ns is None else asked.until_ns
    )
    address = VideoAddress(query.value("since"), query.value("until"), own.get("by", ""), own.get("metric", ""))
    return address, window, notices


def video_page(store: TraceStore, args: Iterable[tuple[str, str]], now_ns: int) -> VideoPage:
    address, window, notices = read_video_address(args, now_ns)
    catalogue, health = store.metrics(), store.health()
    known = {outline.name: outline for outline in catalogue.metrics}
    ours = [known[fact.metric] for fact in FACTS if fact.metric in known]
    picked = known.get(address.metric)
    if address.metric and picked is None:
        notices += (f"No metric is called {address.metric[:60]!r}.",)
    keys = split_keys([*ours, *([picked] if picked else [])])
    if address.split_by and address.split_by not in keys:
        notices += (f"No metric here has the attribute {address.split_by[:60]!r}: nothing is split by it.",)
    comparisons = compare_facts(store, window, health.held_since_ns)
    return VideoPage(
        status=status_of(health.feed, now_ns),
        address=address,
        windows=tuple(
            (address.href(since=since, until=""), label, since == address.since and not address.until)
            for since, label in WINDOWS
        ),
        splits=tuple(Choice(key, key, key == address.split_by) for key in keys),
        metrics=tuple(
            Choice(name, f"{name} ({', '.join(one.kinds)})", name == address.metric) for name, one in known.items()
        ),
        panels=tuple(
            (TITLES[one.name], metric_panel(one, store.series(one.name), window, _split(address, one.label_keys)))
            for one in ours
        ),
        picked=metric_panel(picked, store.series(picked.name), window, _split(address, picked.label_keys))
        if picked
        else None,
        comparison=tuple(_line(one) for one in comparisons),
        alarm=tuple(_alarm(one) for one in comparisons if one.lost) if health.feed.ready else (),
        hint=_hint(comparisons),
        notices=(*notices, *_said(catalogue, health.feed.ready)),
        has_metrics=bool(known),
        counts=f"{format_count(len(known))} metrics in {format_count(catalogue.series_count)} series are held",
    )


def _split(address: VideoAddress, keys: Sequence[str]) -> str:
    """A metric that has not the attribute is drawn whole."""
    return address.split_by if address.split_by in ("service.name", *keys) else ""


def compare_facts(store: TraceStore, window: Window, held_since_ns: int) -> tuple[Comparison, ...]:
    """Of every metric that has come: what it counted against what the traces hold of the same stretches."""
    found: list[Comparison] = []
    since_ns = max(window.since_ns, held_since_ns)
    for fact in FACTS:
        increments: dict[str, list[Increment]] = {}
        for series in store.series(fact.metric):
            chosen, _ = within(series.increments(), since_ns, window.until_ns)
            whole = [one for one in chosen if one.start_ns >= held_since_ns]
            increments.setdefault(series.name.service, []).extend(whole)
        intervals = {service: intervals_of(held) for service, held in increments.items() if held}
        measured = {service: measured_in(increments[service], held) for service, held in intervals.items()}
        traced = {service: _counted(store, fact, service, held) for service, held in intervals.items()}
        if len(measured) == 1 and not any(traced[service] and any(traced[service]) for service in measured):
            (service,) = measured  # events may stand in another service's traces than the one that counts
            traced = {service: _counted(store, fact, "", intervals[service])}
        found += compared(fact, measured, traced, intervals)
    return tuple(found)


def _counted(store: TraceStore, fact: Fact, service: str, intervals: Sequence[tuple[int, int]]) -> list[int]:
    """Of one service, or of all."""
    counts = [0] * len(intervals)
    for sign, event in ((1, fact.counted), (-1, fact.refused)):
        for other, found in store.count_events(event, intervals).items() if event else ():
            if not service or other == service:
                counts = [count + sign * more for count, more in zip(counts, found, strict=True)]
    return counts


def _line(one: Comparison) -> ComparisonLine:
    verdict, tone = "agree", "good"
    if one.traced is None:
        verdict, tone = "not an event in this service's traces", "plain"
    elif one.lost:
        verdict, tone = f"{format_percent(one.share_percent)} of the {one.lost} missing", "error"
    elif one.missing:
        verdict = "agree within noise"
    return ComparisonLine(
        one.fact.metric,
        TITLES[one.fact.metric],
        one.service,
        format_count(one.measured),
        "–" if one.traced is None else format_count(one.traced),
        verdict,
        tone,
        f"{TRACES_PATH}?{urlencode(_filters(one))}",
    )


def _filters(one: Comparison) -> dict[str, str]:
    window = (
        {"since": format_rfc3339(one.worst[0]), "until": format_rfc3339(one.worst[1])} if one.worst is not None else {}
    )
    return {"service": one.service, "event": one.fact.counted, **window}


def _alarm(one: Comparison) -> str:
    """
    >>> _alarm(Comparison(FACTS[0], "web", 40, 20, "traces", (0, 60 * 10**9)))
    'Telemetry is being lost: web measured 40 video loads, its traces hold 20: 50 % of them are missing, most between
    1970-01-01 00:00:00 and 00:01:00 UTC.'
    """
    where = ""
    if one.worst is not None:
        first, last = (format_date_time(end_ns)[:19] for end_ns in one.worst)
        where = f", most between {first} and {last.removeprefix(first[:11])} {zone_label()}"
    both = f"{one.service} measured {one.measured:,} {one.fact.noun}, its traces hold {one.traced or 0:,}"
    what = "of them" if one.lost == "traces" else "of the measurements"
    return f"Telemetry is being lost: {both}: {format_percent(one.share_percent)} {what} are missing{where}."


def _hint(comparisons: Sequence[Comparison]) -> str:
    kept = looks_sampled(comparisons)
    if kept is None:
        return ""
    return f"About {format_percent(kept)} arrive everywhere: if traces are sampled on purpose, that is why."


def _said(catalogue: MetricCatalogue, is_ready: bool) -> tuple[str, ...]:
    said = []
    if catalogue.others:
        more = f"{'at least ' if catalogue.others_is_least else ''}{catalogue.others:,}"
        said.append(f"There is no room for {more} more series: they are not shown.")
    if catalogue.unreadable_points:
        said.append(f"{catalogue.unreadable_points:,} metric points could not be read.")
    if not is_ready:
        said.append("The files are still being read: figures of metrics and traces are compared when that is done.")
    return tuple(said)
