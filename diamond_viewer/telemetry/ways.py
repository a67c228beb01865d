"""Answers about people and lessons: every trace and telling event on somebody's way, and where there was trouble.

Frozen values, as all of ``model``. Times are ns since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from diamond_viewer.telemetry.model import Flag

TROUBLES = {  # flag -> what it is called on the list of those who have it
    Flag.ERROR: "failed",
    Flag.AUTH_FAILURE: "sign-in refused",
    Flag.BUFFERING: "stalled",
    Flag.RESUME_MISMATCH: "resumed wrongly",
}
TROUBLE_FLAGS = int(sum(TROUBLES))


class WayStep(NamedTuple):
    """A trace. ``users`` and ``lessons`` are sorted."""

    trace_id: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    flags: int
    http_status: int
    users: tuple[str, ...]
    lessons: tuple[str, ...]


class WayEvent(NamedTuple):
    """A span event of one of ``diagnosis.vocabulary.WAY_EVENTS`` on the trace at place ``step`` of the way.

    ``user`` and ``lesson`` are those of its span, else the smallest that the span's events name, else the only one that its
    trace names, else "". ``amount`` and ``position_s`` are as in ``telemetry.figures``. ``went_well`` is False when its span
    failed, or the request of its trace did: answered 400 or more, or failed without an answer.
    """

    time_ns: int
    name: str
    detail: str
    step: int
    span_id: str
    user: str
    lesson: str
    amount: float | None
    position_s: float | None
    went_well: bool


@dataclass(frozen=True, slots=True)
class Way:
    """Steps by start, then by trace id; events by time, then by name, trace and span. Events that name another user (of a
    user's way) or another lesson (of a lesson's) are left out. The last two are as in ``reach.Reach``."""

    steps: tuple[WayStep, ...] = ()
    events: tuple[WayEvent, ...] = ()
    is_complete: bool = True
    scanned_to_ns: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A user or a lesson. ``counts`` are traces by the flags of ``TROUBLES``, ``bad_traces`` those with any of them.
    ``first_ns`` and ``last_ns`` are the starts of the first and the last of these, 0 when there is none; ``seen_ns`` is the
    start of the last trace of all."""

    value: str
    traces: int
    bad_traces: int
    counts: Mapping[Flag, int]
    first_ns: int
    last_ns: int
    seen_ns: int


@dataclass(frozen=True, slots=True)
class Troubles:
    """``total`` counts all values that were asked for, ``in_trouble`` those with a bad trace; ``rows`` begin with these, the
    most recent trouble first, then who was seen last; ties by value. ``most_names``: there may be more than so many, of which
    nothing is said; 0 where all were looked at. The last two are as in ``reach.Reach``."""

    rows: tuple[Trouble, ...] = ()
    total: int = 0
    in_trouble: int = 0
    most_names: int = 0
    is_complete: bool = True
    scanned_to_ns: int = 0


@dataclass(frozen=True, slots=True)
class Watching:
    """All lessons together: traces that name any, their events by name, and percentiles (p50, p95; None when nothing was
    measured) of how long loading and resuming took, in ms. The last two are as in ``reach.Reach``."""

    lessons: int = 0
    traces: int = 0
    error_traces: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    load_ms: tuple[float, float] | None = None
    resume_ms: tuple[float, float] | None = None
    is_complete: bool = True
    scanned_to_ns: int = 0


def percentiles(values: list[float]) -> tuple[float, float] | None:
    """p50 and p95 by nearest rank.

    >>> percentiles([3.0, 1.0, 2.0]), percentiles([])
    ((2.0, 3.0), None)
    """
    if not values:
        return None
    ordered = sorted(values)
    p50, p95 = (ordered[max(0, -(-percent * len(ordered) // 100) - 1)] for percent in (50, 95))
    return p50, p95
