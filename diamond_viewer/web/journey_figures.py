"""Figures of a journey: the strip above it, and the rows of what was watched."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.diagnosis.vocabulary import AUTH_FAILED, BUFFERING, CREDENTIALS_MISSING, LOADED, PROGRESS_RECEIVED
from diamond_viewer.diagnosis.watched import Watched, watched
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    NS_PER_SECOND,
    format_count,
    format_date_time,
    format_duration,
    format_times,
)
from diamond_viewer.telemetry.ways import Way
from diamond_viewer.web.address import Address, traces_href
from diamond_viewer.web.journey_address import journey_href

MAX_ROWS = 100
SLOW_LOAD_MS = 1_000
_AUTH_FAILURE = Flag.AUTH_FAILURE.value  # a number: operations on flags take ten times as long


@dataclass(frozen=True, slots=True)
class JourneyFigure:
    """``tone`` is error | auth | slow or empty."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    href: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class WatchedRow:
    """A lesson of a user's journey, or a viewer of a lesson's; cells are heading, value and tone."""

    key: str
    href: str
    cells: tuple[tuple[str, str, str], ...]


def figures_of(field: str, value: str, way: Way, address: Address) -> tuple[JourneyFigure, ...]:
    """The strip of a journey."""
    one = watched("", way.events, way.steps)
    refusals = sum(bool(step.flags & _AUTH_FAILURE) for step in way.steps)
    without = sum(
        event.detail == "no cookie" for event in way.events if event.name in (AUTH_FAILED, CREDENTIALS_MISSING)
    )

    def figure(label: str, shown: str, note: str = "", tone: str = "", title: str = "", **more: str) -> JourneyFigure:
        return JourneyFigure(label, shown, note, tone, traces_of(field, value, address, **more), title)

    return (
        figure("Traces", format_count(len(way.steps))),
        figure(
            "Error traces",
            format_count(one.errors),
            "",
            "error" * (one.errors > 0),
            "Traces in which any span failed",
            status="error",
        ),
        figure(
            "Auth failures",
            format_count(refusals),
            f"{without:,} no cookie" if without else "",
            "auth" if refusals else "",
            flag="auth-failure",
        ),
        figure("Video load p95", milliseconds(one.load_ms, 1), format_times(one.starts, "start"), event=LOADED),
        figure(
            "Buffering",
            format_count(one.stalls),
            f"{milliseconds_of(one.stalled_ms)} waiting" if one.stalled_ms else "",
            "slow" if one.stalls else "",
            event=BUFFERING,
        ),
        figure(
            "Progress saved",
            f"{one.saves:,} / {one.saves + one.lost_saves:,}",
            f"{seconds(one.lost_s)} lost" if one.lost_s else "",
            "error" if one.lost_saves else "",
            "Saves that worked, of all that were tried",
            event=PROGRESS_RECEIVED,
        ),
        figure("Watched", seconds(one.watched_s), title="As the player reported it", event=PROGRESS_RECEIVED),
    )


def traces_of(field: str, value: str, address: Address, **more: str) -> str:
    """The list of traces of a journey in its window."""
    ends = {name: text for name in ("since", "until") if (text := address.query.value(name))}
    return traces_href(**{field: value}, **more, **ends)


def watched_rows(field: str, found: Sequence[Watched]) -> tuple[WatchedRow, ...]:
    """``field`` says what the keys are: beside a tale there is room for less."""
    return tuple(
        WatchedRow(one.key, journey_href(field, one.key), _cells(one, field == "user")) for one in found[:MAX_ROWS]
    )


def _cells(one: Watched, is_wide: bool) -> tuple[tuple[str, str, str], ...]:
    saves = one.saves + one.lost_saves
    more = (
        ("Starts", format_count(one.starts), ""),
        ("Stopped at", "–" if one.stopped_s is None else seconds(one.stopped_s), ""),
        ("Completed", format_count(one.completions), ""),
        ("Last seen", format_date_time(one.last_ns)[:19], ""),
    )
    return (
        ("Watched", seconds(one.watched_s), ""),
        ("Load p95", milliseconds(one.load_ms, 1), "slow" if one.load_ms and one.load_ms[1] > SLOW_LOAD_MS else ""),
        ("Buffering", format_count(one.stalls), "slow" if one.stalls else ""),
        ("Mismatches", format_count(one.mismatches), "slow" if one.mismatches else ""),
        ("Saved", f"{one.saves:,} / {saves:,}" if saves else "–", "error" if one.lost_saves else ""),
        ("Error traces", format_count(one.errors), "error" if one.errors else ""),
        *(more if is_wide else ()),
    )


def seconds(duration_s: float) -> str:
    return format_duration(round(duration_s * NS_PER_SECOND)) if duration_s else "0 s"


def milliseconds(found: tuple[float, float] | None, at: int) -> str:
    return milliseconds_of(found[at]) if found else "–"


def milliseconds_of(duration_ms: float) -> str:
    return format_duration(round(duration_ms * NS_PER_MS))
