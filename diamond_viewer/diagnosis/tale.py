"""Tale: somebody's way as lines that a person can read; moments of the same sort that follow each other are one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from diamond_viewer.diagnosis.lanes import AUTH, lane_of
from diamond_viewer.diagnosis.visits import SILENCE_NS
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    AUTO_COMPLETED,
    BUFFERING,
    CREDENTIALS_MISSING,
    JOB_COMPLETED,
    JOB_FAILED,
    LOADED,
    PROGRESS_RECEIVED,
    PROGRESS_REFUSED,
    REDIRECT,
    RESUME_ATTEMPT,
    RESUME_MISMATCH,
    SESSION_CREATED,
    times,
)
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.units import NS_PER_MS, format_duration
from diamond_viewer.telemetry.ways import Way, WayEvent, WayStep

SLOW_LOAD_MS = 1000
_ERROR, _AUTH_FAILURE = Flag.ERROR.value, Flag.AUTH_FAILURE.value

SIGNED_IN, LOST, REFUSED, SENT, OPENED, STALLED, RESUMED = (
    "signed in",
    "lost",
    "refused",
    "sent",
    "opened",
    "stalled",
    "resumed",
)
SAVED, NOT_SAVED, COMPLETED, JOB, BAD_JOB, FAILED = "saved", "not saved", "completed", "job", "bad job", "failed"
_SORTS = {
    SESSION_CREATED: SIGNED_IN,
    CREDENTIALS_MISSING: REFUSED,
    REDIRECT: SENT,
    LOADED: OPENED,
    BUFFERING: STALLED,
    RESUME_ATTEMPT: RESUMED,
    RESUME_MISMATCH: RESUMED,
    PROGRESS_REFUSED: NOT_SAVED,
    AUTO_COMPLETED: COMPLETED,
    JOB_COMPLETED: JOB,
    JOB_FAILED: BAD_JOB,
}
_TONES = {
    LOST: "auth",
    REFUSED: "auth",
    SENT: "auth",
    STALLED: "slow",
    NOT_SAVED: "error",
    BAD_JOB: "error",
    FAILED: "error",
}
_TONES |= dict.fromkeys((SIGNED_IN, OPENED, RESUMED, SAVED, COMPLETED), "good")
_SINGLE = frozenset((OPENED, FAILED, SIGNED_IN, COMPLETED))  # each a line of its own


@dataclass(frozen=True, slots=True)
class Session:
    """Traces with no half hour of silence between them. ``errors`` are traces that failed, ``refusals`` auth failures."""

    start_ns: int
    end_ns: int
    steps: int
    errors: int
    refusals: int


@dataclass(frozen=True, slots=True)
class TaleLine:
    """``title`` says it in a few words (``lesson`` comes behind it, where there is one), ``detail`` with figures, ``badge`` is
    what it means for the person. ``tone`` is good | auth | slow | error or "". ``steps`` are places on the way, in order."""

    time_ns: int
    title: str
    lesson: str
    detail: str
    badge: str
    tone: str
    steps: tuple[int, ...]
    event: str = ""


@dataclass(frozen=True, slots=True)
class Tale:
    """The last lines, in order of time, and how many there are in all."""

    lines: tuple[TaleLine, ...]
    count: int


class _Moment(NamedTuple):
    """``rank`` orders what happened at the same time: a redirect follows its reason, a failure is told last."""

    time_ns: int
    rank: int
    step: int
    sort: str
    lesson: str
    event: WayEvent | None


def sessions(steps: Sequence[WayStep]) -> tuple[Session, ...]:
    """Of steps in order of time.

    >>> step = WayStep("", "GET /", "", 0, 10, 0, 200, (), ())
    >>> [(one.steps, one.end_ns) for one in sessions([step, step._replace(start_ns=SILENCE_NS + 11, end_ns=SILENCE_NS + 12)])]
    [(1, 10), (1, 1800000000012)]
    """
    groups: list[list[WayStep]] = []
    end_ns = 0
    for step in steps:
        if not groups or step.start_ns - end_ns > SILENCE_NS:
            groups.append([])
            end_ns = 0
        groups[-1].append(step)
        end_ns = max(end_ns, step.end_ns)
    return tuple(
        Session(
            group[0].start_ns,
            max(step.end_ns for step in group),
            len(group),
            sum(bool(step.flags & _ERROR) for step in group),
            sum(bool(step.flags & _AUTH_FAILURE) for step in group),
        )
        for group in groups
    )


def tale(way: Way, last: int) -> Tale:
    """The last ``last`` lines: who has ten thousand traces is told of the newest."""
    runs: list[list[_Moment]] = []
    before: _Moment | None = None
    for moment in _moments(way):
        if before is not None and moment.time_ns - before.time_ns <= SILENCE_NS and _is_one(before, moment):
            runs[-1].append(moment)
        else:
            runs.append([moment])
        before = moment
    lines: list[TaleLine] = []
    lost_ns = -1
    for at, run in enumerate(runs):
        time_ns, sort = run[0].time_ns, run[0].sort
        if sort == LOST:
            lost_ns = time_ns
        if at >= len(runs) - last:
            lines.append(_line(way, run, time_ns - lost_ns if 0 <= lost_ns >= time_ns - SILENCE_NS else 0))
        if sort == SIGNED_IN:
            lost_ns = -1
    return Tale(tuple(lines), len(runs))


def _is_one(last: _Moment, moment: _Moment) -> bool:
    if last.sort == LOST and moment.sort == SENT:
        return True
    return last.sort == moment.sort and last.lesson == moment.lesson and moment.sort not in _SINGLE


def _moments(way: Way) -> list[_Moment]:
    moments = []
    told_bad: set[int] = set()
    for event in way.events:
        sort = _sort_of(event, way.steps[event.step])
        if _TONES.get(sort) == "error" or event.name == RESUME_MISMATCH:
            told_bad.add(event.step)
        moments.append(_Moment(event.time_ns, int(sort == SENT), event.step, sort, event.lesson, event))
    for place, step in enumerate(way.steps):
        if step.flags & _ERROR and place not in told_bad:
            lesson = step.lessons[0] if len(step.lessons) == 1 else ""
            moments.append(_Moment(step.start_ns, 2, place, FAILED, lesson, None))
    return sorted(moments, key=itemgetter(0, 1, 2))


def _sort_of(event: WayEvent, step: WayStep) -> str:
    if event.name == AUTH_FAILED:  # a sign-in that was refused is no lost session
        return REFUSED if lane_of(step.name) == AUTH and step.name.startswith("POST") else LOST
    if event.name == PROGRESS_RECEIVED:
        return SAVED if event.went_well else NOT_SAVED
    return _SORTS[event.name]


def _line(way: Way, run: Sequence[_Moment], after_ns: int) -> TaleLine:
    first = run[0]
    events = [moment.event for moment in run if moment.event]
    title, detail, badge = _words(way.steps[first.step], first.sort, events, after_ns)
    tone = _TONES.get(first.sort, "")
    if (first.sort == OPENED and (events[0].amount or 0) > SLOW_LOAD_MS) or (first.sort == RESUMED and badge):
        tone = "slow"
    lesson = first.lesson if first.sort in (OPENED, RESUMED, COMPLETED, STALLED, SAVED, NOT_SAVED) else ""
    steps = tuple(dict.fromkeys(moment.step for moment in run))
    return TaleLine(first.time_ns, title, lesson, detail, badge, tone, steps, events[0].name if events else "")


def _words(step: WayStep, sort: str, events: Sequence[WayEvent], after_ns: int) -> tuple[str, str, str]:
    count = len(events)
    amount = sum(event.amount or 0 for event in events)
    if sort == FAILED:
        answer = f" → {step.http_status}" if step.http_status else ""
        return "Failed", f"{step.name}{answer}", ""
    if sort == SIGNED_IN:
        return ("Signed in again", f"{SESSION_CREATED} · {_ns(after_ns)} after the session was lost", "") if after_ns else (
            "Signed in", SESSION_CREATED, "")  # fmt: skip
    if sort in (LOST, REFUSED, SENT):
        return _turned_away(sort, events)
    if sort == OPENED:
        known = events[0].amount
        return "Opened", LOADED if known is None else f"{LOADED} in {_ms(known)}", ""
    if sort == STALLED:
        within_ns = events[-1].time_ns - events[0].time_ns
        within = f" in {_ns(within_ns)}" if within_ns > 0 else ""
        waiting = f" · {_ms(amount)} waiting" if amount else ""
        return f"Playback stalled{_by(count)}", f"{BUFFERING} {times(count)}{within}{waiting}", "buffering"
    if sort == RESUMED:
        return _resumed(events)
    if sort in (SAVED, NOT_SAVED):
        said = f"{events[0].name} {times(count)}" + (f" · {_ns(round(amount * 1e9))} watched" if amount else "")
        if sort == SAVED:
            return f"Progress saved{_by(count)}", said, ""
        answer = f"{step.name} → {step.http_status}" if step.http_status else step.name
        return f"Progress not saved{_by(count)}", f"{answer} · {events[0].name}", (
            f"lost {_ns(round(amount * 1e9))} of progress" if amount else "")  # fmt: skip
    if sort == COMPLETED:
        return "Completed", AUTO_COMPLETED, ""
    return ("Job failed" if sort == BAD_JOB else "Job done") + _by(count), f"{events[0].name} · {step.name}", ""


def _turned_away(sort: str, events: Sequence[WayEvent]) -> tuple[str, str, str]:
    failures = [event for event in events if event.name != REDIRECT]
    cookie = next((event.detail for event in events if event.detail), "")
    sent = {"no cookie": " · hasCookie=false", "cookie rejected": " · hasCookie=true"}.get(cookie, "")
    said = [f"{failures[0].name}{sent} · {times(len(failures))}"] if failures else []
    if len(failures) < len(events):
        said.append(f"{REDIRECT} {times(len(events) - len(failures))}")
    title = {LOST: "Session lost", REFUSED: "Sign-in refused", SENT: "Redirected"}[sort]
    return title, " → ".join(said), cookie


def _resumed(events: Sequence[WayEvent]) -> tuple[str, str, str]:
    attempts = [event for event in events if event.name == RESUME_ATTEMPT]
    wrong = next((event.detail or "somewhere else" for event in events if event.name == RESUME_MISMATCH), "")
    place = next((event.position_s for event in attempts if event.position_s is not None), None)
    took = next((event.amount for event in attempts if event.amount is not None), None)
    said = [f"{events[0].name} at {place:,.0f} s" if place is not None else events[0].name]
    said += [f"in {_ms(took)}"] if took is not None else []
    return "Resumed" + _by(len(attempts)), " · ".join(said), f"off by {wrong}" if wrong else ""


def _by(count: int) -> str:
    return f" ×{count:,}" if count > 1 else ""


def _ns(duration_ns: int) -> str:
    return format_duration(duration_ns)


def _ms(duration_ms: float) -> str:
    return format_duration(round(duration_ms * NS_PER_MS))
