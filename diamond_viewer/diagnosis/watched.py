"""What was watched: a lesson's events, or a viewer's, added up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from diamond_viewer.diagnosis.vocabulary import (
    AUTO_COMPLETED,
    BUFFERING,
    LOADED,
    PROGRESS_RECEIVED,
    PROGRESS_REFUSED,
    RESUME_ATTEMPT,
    RESUME_MISMATCH,
)
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.ways import Way, WayEvent, WayStep, percentiles

_ERROR = Flag.ERROR.value


@dataclass(frozen=True, slots=True)
class Watched:
    """``watched_s`` is the time that the player reported with its progress, saved or not; ``lost_s`` what of it was not.
    ``stopped_s`` is where the last progress was, None when none was reported. Percentiles are p50 and p95, in ms."""

    key: str
    starts: int = 0
    completions: int = 0
    watched_s: float = 0
    saves: int = 0
    lost_saves: int = 0
    lost_s: float = 0
    stopped_s: float | None = None
    load_ms: tuple[float, float] | None = None
    resume_ms: tuple[float, float] | None = None
    resumes: int = 0
    stalls: int = 0
    stalled_ms: float = 0
    mismatches: int = 0
    traces: int = 0
    errors: int = 0
    last_ns: int = 0


def watched(key: str, events: Sequence[WayEvent], steps: Iterable[WayStep] = ()) -> Watched:
    """``events`` in order of time; errors are traces in which a span failed."""
    held = list(steps)
    saves = [one for one in events if one.name == PROGRESS_RECEIVED]
    refused = [one for one in events if one.name == PROGRESS_REFUSED]
    lost = [one for one in saves if not one.went_well]
    places = [one.position_s for one in saves if one.position_s is not None]
    stalls = [one for one in events if one.name == BUFFERING]
    resumes = [one for one in events if one.name == RESUME_ATTEMPT]
    loads = [one for one in events if one.name == LOADED]
    return Watched(
        key,
        len(loads),
        sum(one.name == AUTO_COMPLETED for one in events),
        sum(one.amount or 0 for one in saves),
        len(saves) - len(lost),
        len(lost) + len(refused),
        sum(one.amount or 0 for one in lost),
        places[-1] if places else None,
        percentiles([one.amount for one in loads if one.amount is not None]),
        percentiles([one.amount for one in resumes if one.amount is not None]),
        len(resumes),
        len(stalls),
        sum(one.amount or 0 for one in stalls),
        sum(one.name == RESUME_MISMATCH for one in events),
        len(held),
        sum(bool(step.flags & _ERROR) for step in held),
        max((step.start_ns for step in held), default=0),
    )


def lessons_watched(way: Way) -> tuple[Watched, ...]:
    """Of a user's way, by lesson: the longest watched first."""
    return _by(way, lambda event: event.lesson, lambda step: step.lessons)


def viewers(way: Way) -> tuple[Watched, ...]:
    """Of a lesson's way, by user: the longest watched first."""
    return _by(way, lambda event: event.user, lambda step: step.users)


def _by(
    way: Way, of_event: Callable[[WayEvent], str], of_step: Callable[[WayStep], tuple[str, ...]]
) -> tuple[Watched, ...]:
    events: dict[str, list[WayEvent]] = {}
    steps: dict[str, list[WayStep]] = {}
    for event in way.events:
        events.setdefault(of_event(event), []).append(event)
    for step in way.steps:
        for key in of_step(step):
            steps.setdefault(key, []).append(step)
    found = [watched(key, events.get(key, ()), held) for key, held in steps.items()]
    return tuple(sorted(found, key=lambda one: (-one.watched_s, -one.starts, -one.traces, one.key)))
