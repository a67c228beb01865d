"""Which visits of a person a rule of journeys could have something to say about, by columns alone: as in ``suspicion``, who is
no suspect surely is not guilty. Each test is wider than its rule, because columns know neither where a redirect led nor which
request of a trace a save belongs to.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from diamond_viewer.diagnosis import vocabulary as says
from diamond_viewer.diagnosis.bursts import bursts
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.diagnosis.vocabulary import limit_ns
from diamond_viewer.telemetry.units import NS_PER_SECOND

CALL = ""  # in the place of an event's name: a request
_LOSSES = (says.AUTH_FAILED, says.CREDENTIALS_MISSING, says.REDIRECT)
_WATCHING = (
    *(says.LOADED, says.RESUME_ATTEMPT, says.BUFFERING, says.VIDEO_PROGRESS),
    *(says.PROGRESS_RECEIVED, says.PROGRESS_REFUSED, says.AUTO_COMPLETED),
)
_ROUNDING = 1e-6  # positions are kept with 24 bits
_WITHIN_REQUEST_NS = NS_PER_SECOND  # an inner server span begins that much after its request, at most


class Sign(NamedTuple):
    """Something that happened in a trace of a visit. ``trace`` tells traces apart. ``lessons``, sorted, are those that its
    request names where that ``is_sure``, else all that its trace names; ``is_well`` when surely nothing of it failed.
    ``what`` is an event's or a span's name, or ``CALL``, and then ``asked`` what for; ``saved`` are the positions that a call
    saves, if that is known; ``position_s`` is that of an event, NaN where it says none."""

    time_ns: int
    what: str
    trace: int
    lessons: tuple[str, ...]
    is_well: bool
    asked: str = ""
    saved: frozenset[float] = frozenset()
    position_s: float = 0
    is_sure: bool = False


def accused(signs: Sequence[Sign], limits: Thresholds) -> dict[str, frozenset[int]]:
    """Rules that could find something in a visit, and the traces that each of them has to look at; no trace: at all of them.
    ``signs`` of the visit, in order of time."""
    by_name: dict[str, list[Sign]] = {}
    for sign in signs:
        by_name.setdefault(sign.what, []).append(sign)

    def of(name: str) -> list[Sign]:
        return by_name.get(name, [])

    found: dict[str, frozenset[int]] = {}

    def accuse(rule: str, is_suspect: bool, names: Sequence[str]) -> None:
        if is_suspect:
            found[rule] = frozenset(sign.trace for name in names for sign in of(name))

    redirects, stalls, loaded = of(says.REDIRECT), of(says.BUFFERING), of(says.LOADED)
    saves, attempts, played = of(says.PROGRESS_RECEIVED), of(says.RESUME_ATTEMPT), of(says.VIDEO_PROGRESS)
    is_looping = _many(redirects, limits.redirect_loop_count, limits.redirect_loop_window_ms)
    accuse("redirect-loop", is_looping, [says.REDIRECT])
    accuse("buffering", _many(stalls, limits.buffering_count, limits.buffering_window_ms), [says.BUFFERING])
    if late := _resumes_late(loaded, attempts, limits):
        found["resume-gap"] = _with_lessons_of(late, [*loaded, *attempts])
    completed = of(says.AUTO_COMPLETED)
    if unresumed := _resumes_not(saves, completed, loaded, attempts, limits):
        found["resume-missing"] = _with_lessons_of(unresumed, [*saves, *completed, *loaded, *attempts])
    accuse("progress-stopped", _saves_no_more(saves, played, limits), _WATCHING)
    accuse("progress-missing", _never_saves(loaded, [*played, *stalls], saves, limits), _WATCHING)
    if again := _asked_twice(of(CALL), limits):
        found["duplicate-calls"] = again
    lost = [one for name in _LOSSES for one in of(name)]
    if _comes_back(lost, of(says.SESSION_CREATED), limits):
        found["signed-in-again"] = frozenset()  # every session check counts
    return found


def _many(signs: Sequence[Sign], count: float, window_ms: float) -> bool:
    """In several traces: what one shows alone, the rules of one trace tell."""
    if len({one.trace for one in signs}) < 2:
        return False
    return bool(bursts([one.time_ns for one in signs], count, window_ms))


def _comes_back(lost: Sequence[Sign], created: Sequence[Sign], limits: Thresholds) -> bool:
    within_ns = limit_ns(limits.sign_in_again_ms)
    return any(0 <= back.time_ns - one.time_ns <= within_ns for back in created for one in lost)


def _resumes_late(loaded: Sequence[Sign], attempts: Sequence[Sign], limits: Thresholds) -> list[Sign]:
    """Loads after which the next of the same lesson is an attempt that came late, in another trace."""
    moments = sorted([*loaded, *attempts], key=lambda one: one.time_ns)
    late = []
    for place, load in enumerate(moments):
        if load.what != says.LOADED:
            continue
        for then in islice(moments, place + 1, None):
            after_ns = then.time_ns - load.time_ns
            if after_ns > limit_ns(limits.resume_wait_ms):
                break
            is_attempt = then.what == says.RESUME_ATTEMPT and then.trace != load.trace
            if is_attempt and after_ns > limit_ns(limits.resume_gap_ms) and _share_a_lesson(load, then):
                late.append(load)
                break
            if after_ns > 0 and _are_of_one(load, then):
                break  # that one is the next
    return late


def _resumes_not(
    saves: Sequence[Sign],
    completed: Sequence[Sign],
    loaded: Sequence[Sign],
    attempts: Sequence[Sign],
    limits: Thresholds,
) -> list[Sign]:
    """Loads of what had been watched beyond its first seconds and not to its end, beside which there is no attempt that is
    surely of their lesson."""
    wait_ns = limit_ns(limits.resume_wait_ms)
    least_s = limits.resume_position_s * (1 - _ROUNDING)
    # latest first; of those at one time the completion comes last, and before it the save that says most
    told = sorted(
        [*saves, *completed], key=lambda one: (one.time_ns, one.what, not one.position_s < least_s), reverse=True
    )
    return [
        load
        for load in loaded
        if _was_left_midway(told[bisect_left(told, -load.time_ns, key=lambda one: -one.time_ns) :], load, least_s)
        and not any(_are_of_one(one, load) and abs(one.time_ns - load.time_ns) <= wait_ns for one in attempts)
    ]


def _was_left_midway(before: Sequence[Sign], load: Sign, least_s: float) -> bool:
    """By the last that is told ``before`` of the lesson; NaN may be any position."""
    for one in before:
        if not _share_a_lesson(one, load):
            continue
        is_certain = _are_of_one(one, load)
        if one.what == says.AUTO_COMPLETED:
            if is_certain:
                return False
        elif not one.position_s < least_s:
            return True
        elif is_certain and one.is_well:
            return False
    return False


def _with_lessons_of(signs: Sequence[Sign], among: Sequence[Sign]) -> frozenset[int]:
    """The traces that name a lesson which one of the signs' traces names."""
    lessons = {lesson for sign in signs for lesson in sign.lessons}
    return frozenset(sign.trace for sign in among if not lessons.isdisjoint(sign.lessons))


def _saves_no_more(saves: Sequence[Sign], played: Sequence[Sign], limits: Thresholds) -> bool:
    stop_ns = limit_ns(limits.progress_stop_ms)
    for report in played:
        before = [save for save in saves if save.time_ns <= report.time_ns and _may_be_of_one(save, report)]
        if before:
            sure = [save.time_ns for save in before if save.is_well and _are_of_one(save, report)]
            if report.time_ns - max(sure, default=before[0].time_ns) > stop_ns:
                return True
    return False


def _never_saves(loaded: Sequence[Sign], played: Sequence[Sign], saves: Sequence[Sign], limits: Thresholds) -> bool:
    for load in loaded:
        if any(save.is_well and _are_of_one(save, load) for save in saves):
            continue
        until_ns = load.time_ns + limit_ns(limits.progress_stop_ms)
        if any(one.time_ns > until_ns and _may_be_of_one(one, load) for one in played):
            return True
    return False


def _asked_twice(calls: Sequence[Sign], limits: Thresholds) -> frozenset[int]:
    """The traces of calls that come again in another trace."""
    window_ns = limit_ns(limits.duplicate_window_ms) + _WITHIN_REQUEST_NS
    ordered = sorted(calls, key=lambda call: (call.asked, call.time_ns))
    again: set[int] = set()
    for place, call in enumerate(ordered):
        for later in islice(ordered, place + 1, None):
            if later.asked != call.asked or later.time_ns - call.time_ns > window_ns:
                break
            if later.trace != call.trace and _may_save_the_same(call, later) and _may_be_of_one(call, later):
                again |= {call.trace, later.trace}
    return frozenset(again)


def _may_save_the_same(one: Sign, other: Sign) -> bool:
    """Two saves of different positions are two calls."""
    return not one.saved or not other.saved or not one.saved.isdisjoint(other.saved)


def _may_be_of_one(one: Sign, other: Sign) -> bool:
    """Of one lesson, or both of none."""
    if one.lessons == other.lessons or not (one.is_sure and other.is_sure):
        return True
    return not set(one.lessons).isdisjoint(other.lessons)


def _share_a_lesson(one: Sign, other: Sign) -> bool:
    """For rules that pass over what names none."""
    return not set(one.lessons).isdisjoint(other.lessons)


def _are_of_one(one: Sign, other: Sign) -> bool:
    return one.is_sure and other.is_sure and len(one.lessons) == 1 and one.lessons == other.lessons
