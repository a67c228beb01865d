"""UserPage: the journey of one user, as swim lanes, as a tale, and by what was watched."""

from collections.abc import Iterable
from dataclasses import dataclass

from diamond_viewer.diagnosis.watched import lessons_watched
from diamond_viewer.query.resembling import named_by
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.units import NS_PER_SECOND, format_rfc3339
from diamond_viewer.telemetry.ways import Way
from diamond_viewer.web.address import Address, traces_href
from diamond_viewer.web.elsewhere import Elsewhere, meant_instead, outside_the_window
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.journey_address import Window, journey_href, read_journey_address, user_href, window_links
from diamond_viewer.web.journey_figures import JourneyFigure, WatchedRow, figures_of, traces_of, watched_rows
from diamond_viewer.web.journey_logs import JourneyLogs, journey_logs
from diamond_viewer.web.journey_poll import held_of_journey
from diamond_viewer.web.journey_steps import StepRow, step_rows
from diamond_viewer.web.journey_tale import JourneyTale, journey_tale
from diamond_viewer.web.partial import partial_notices
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.swim_lanes import SwimLanes, swim_lanes
from diamond_viewer.web.window import window_moves

OWN = ("as",)
MAX_FOLLOWED = 150  # traces that rules look at together: each is decoded in full
AROUND_NS = 300 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class UserPage:
    """``lanes`` is None when there is no trace in the window; ``is_known`` says whether there is one at any time."""

    user: str
    address: Address
    status: Status
    is_known: bool
    figures: tuple[JourneyFigure, ...]
    lanes: SwimLanes | None
    tale: JourneyTale
    lessons: tuple[WatchedRow, ...]
    steps: tuple[StepRow, ...]
    steps_words: str
    windows: tuple[tuple[str, str, bool], ...]
    moves: tuple[tuple[str, str, str], ...]
    notices: tuple[str, ...]
    traces_href: str
    logs_href: str
    unnamed_href: str
    markdown_href: str
    json_href: str
    link_href: str
    window_action: str
    elsewhere: tuple[Elsewhere, ...]
    held: str


def user_page(store: TraceStore, user: str, args: Iterable[tuple[str, str]], now_ns: int) -> UserPage:
    address, window, notices = read_journey_address(args, now_ns, user_href(user), OWN)
    held = held_of_journey(store, address.query.with_values("user", user), now_ns)  # before it is read
    health = store.health()
    way = store.way("user", user, window.since_ns, window.until_ns)
    logs = journey_logs(store, "user", user, way, address, now_ns)
    over_all = store.journey(user, _followed_since(way, window), window.until_ns) if way.steps else ()
    known = bool(way.steps) or (window.is_set and is_held(store, "user", user))
    return UserPage(
        user,
        address,
        status_of(health.feed, now_ns),
        known,
        figures_of("user", user, way, address),
        lanes_of("user", user, way, address, window, logs),
        journey_tale(store, way, address, logs, over_all, now_ns),
        watched_rows("lesson", lessons_watched(way)),
        *step_rows(way),
        window_links(address),
        window_moves(address, now_ns),
        notices + partial_notices(way) + beyond_memory(health, address.query, now_ns),
        traces_of("user", user, address),
        logs.href,
        _unnamed_href(way),
        address.with_own("as", "markdown"),
        f"/api{address.href}",
        address.absolute(now_ns),
        user_href(user),
        () if way.steps else elsewhere_of(store, "user", user, address, now_ns),
        held,
    )


def is_held(store: TraceStore, field: str, value: str) -> bool:
    """Whether a trace of any time names it, or not all were looked at."""
    page = named_by(store, field, value)
    return bool(page.traces) or not is_all(page)


def elsewhere_of(store: TraceStore, field: str, value: str, address: Address, now_ns: int) -> tuple[Elsewhere, ...]:
    """When there was something of this user or lesson, or whose id is like it."""
    theirs = address.query.with_values(field, value)
    found = outside_the_window(store, theirs, address.between("", ""), now_ns, f"of this {field}")
    return found or meant_instead(store, theirs.value, journey_href)


def _followed_since(way: Way, window: Window) -> int:
    return way.steps[-MAX_FOLLOWED].start_ns if len(way.steps) > MAX_FOLLOWED else window.since_ns


def lanes_of(field: str, value: str, way: Way, address: Address, window: Window, logs: JourneyLogs) -> SwimLanes | None:
    def traces(start_ns: int, end_ns: int) -> str:
        since, until = format_rfc3339(start_ns), format_rfc3339(end_ns)
        return traces_href(**{field: value, "since": since, "until": until})

    if not way.steps:
        return None
    return swim_lanes(way, address, traces, window.since_ns, window.until_ns, logs.told)


def _unnamed_href(way: Way) -> str:
    """Sign-ins that failed around this time: those that name nobody are on nobody's journey."""
    if not way.steps:
        return ""
    since_ns = way.steps[0].start_ns - AROUND_NS
    until_ns = max(step.end_ns for step in way.steps) + AROUND_NS
    return traces_href(flag="auth-failure", since=format_rfc3339(since_ns), until=format_rfc3339(until_ns))
