"""Which visits of a person a rule of journeys could have something to say about, by columns alone: as in ``suspicion``, who is
no suspect surely is not guilty. Each test is wider than its rule, because columns know neither where a redirect led nor which
request of a trace a save belongs to.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from diamond_viewer.diagnosis import vocabulary as says
from diamond_viewer.diagnosis.bursts import bursts
from diamond_viewer.diagnosis.diagnose import JOURNEY_RULES
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
_MANY_SIGNS = 4_000  # of a visit; a lively one has three for each of its 300 traces
_MANY_KINDS = 64  # of signs; more are not compared with each other: any may be like any
_WITHIN_REQUEST_NS = NS_PER_SECOND  # an inner server span begins that much after its request, at most


_Kind = tuple[tuple[str, ...], bool, frozenset[float]]  # see ``_kind``


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
    ``signs`` of the visit, in order of time. Very many are not compared with each other: any rule could find something."""
    if len(signs) > _MANY_SIGNS:
        return {rule.name: frozenset() for rule in JOURNEY_RULES}
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
        found["resume-gap"] = late
    if unresumed := _resumes_not(saves, of(says.AUTO_COMPLETED), loaded, attempts, limits):
        found["resume-missing"] = unresumed
    accuse("progress-stopped", _saves_no_more(saves, played, limits), _WATCHING)
    accuse("progress-missing", _never_saves(loaded, [*played, *stalls], saves, limits), _WATCHING)
    if again := _asked_twice(of(CALL), limits):
        found["duplicate-calls"] = again
    lost = [one for name in _LOSSES for one in of(name)]
    if _comes_back(lost, of(says.SESSION_CREATED), limits):
        found["signed-in-again"] = frozenset()  # every session check counts
    return found


def _time_ns(sign: Sign) -> int:
    return sign.time_ns


def _many(signs: Sequence[Sign], count: float, window_ms: float) -> bool:
    """In several traces: what one shows alone, the rules of one trace tell."""
    if len({one.trace for one in signs}) < 2:
        return False
    return bool(bursts([one.time_ns for one in signs], count, window_ms))


def _comes_back(lost: Sequence[Sign], created: Sequence[Sign], limits: Thresholds) -> bool:
    within_ns = limit_ns(limits.sign_in_again_ms)
    times_ns = sorted(one.time_ns for one in lost)
    before = ((back.time_ns, bisect_right(times_ns, back.time_ns)) for back in created)
    return any(count and time_ns - times_ns[count - 1] <= within_ns for time_ns, count in before)


def _resumes_late(loaded: Sequence[Sign], attempts: Sequence[Sign], limits: Thresholds) -> frozenset[int]:
    """The traces of loads after which the next of the same lesson is an attempt that came late, in another trace."""
    moments = sorted([*loaded, *attempts], key=_time_ns)
    gap_ns, wait_ns = limit_ns(limits.resume_gap_ms), limit_ns(limits.resume_wait_ms)

    def then(load: Sign) -> Iterator[Sign]:
        """What may be the next of the lesson. Of what happens at the same time columns do not know which came first."""
        until_ns = load.time_ns + wait_ns
        for one in islice(moments, bisect_left(moments, load.time_ns, key=_time_ns), None):
            if one.time_ns > until_ns:
                return
            if one is not load and _share_a_lesson(load, one):
                yield one
                if one.time_ns > load.time_ns and _are_of_one(load, one):
                    until_ns = one.time_ns

    def is_late(load: Sign, one: Sign) -> bool:
        return one.what == says.RESUME_ATTEMPT and one.trace != load.trace and one.time_ns - load.time_ns > gap_ns

    return _traces_of([load for load in loaded if any(is_late(load, one) for one in then(load))], loaded, then)


def _resumes_not(
    saves: Sequence[Sign],
    completed: Sequence[Sign],
    loaded: Sequence[Sign],
    attempts: Sequence[Sign],
    limits: Thresholds,
) -> frozenset[int]:
    """The traces that tell of loads of what had been watched beyond its first seconds and not to its end, beside which there is
    no attempt that is surely of their lesson: those that tell how far it had been watched, and attempts that may be of it."""
    wait_ns = limit_ns(limits.resume_wait_ms)
    least_s = limits.resume_position_s * (1 - _ROUNDING)
    # latest first; of those at one time the completion comes last, and before it the save that says most
    told = sorted(
        [*saves, *completed], key=lambda one: (one.time_ns, one.what, not one.position_s < least_s), reverse=True
    )

    def before(load: Sign) -> Iterator[Sign]:
        return islice(told, bisect_left(told, -load.time_ns, key=lambda one: -one.time_ns), None)

    def beside(load: Sign) -> Sequence[Sign]:
        first = bisect_left(attempts, load.time_ns - wait_ns, key=_time_ns)
        return attempts[first : bisect_right(attempts, load.time_ns + wait_ns, key=_time_ns)]

    asked = [
        load
        for load in loaded
        if _was_left_midway(before(load), load, least_s) and not any(_are_of_one(one, load) for one in beside(load))
    ]

    def tell(load: Sign) -> Iterator[Sign]:
        yield from _tell_how_far(before(load), load)
        yield from (one for one in beside(load) if _share_a_lesson(one, load))

    return _traces_of(asked, loaded, tell)


def _was_left_midway(before: Iterable[Sign], load: Sign, least_s: float) -> bool:
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


def _tell_how_far(before: Iterable[Sign], load: Sign) -> Iterator[Sign]:
    """Of what is told ``before``, latest first, all that may be of the lesson, until one surely says how far it was watched.
    What is told at the same time as that one counts as well: columns do not know which of them came first."""
    certain_ns = None
    for one in before:
        if certain_ns is not None and one.time_ns < certain_ns:
            return
        if _share_a_lesson(one, load):
            yield one
            if _are_of_one(one, load) and (one.is_well or one.what == says.AUTO_COMPLETED):
                certain_ns = one.time_ns


def _traces_of(asked: Sequence[Sign], loaded: Sequence[Sign], tell: Callable[[Sign], Iterable[Sign]]) -> frozenset[int]:
    """The traces of these loads and of what tells of each, and likewise of all other loads in these traces: the rule sees them
    as well."""
    loads_of: dict[int, list[Sign]] = {}
    for load in loaded:
        loads_of.setdefault(load.trace, []).append(load)
    found: set[int] = set()
    waiting = list(asked)
    while waiting:
        load = waiting.pop()
        for trace in {load.trace, *(one.trace for one in tell(load))} - found:
            found.add(trace)
            waiting += loads_of.get(trace, ())
    return frozenset(found)


def _saves_no_more(saves: Sequence[Sign], played: Sequence[Sign], limits: Thresholds) -> bool:
    """Whether a report comes long after the last save that surely is of its lesson; where there is none, after the first that
    may be."""
    stop_ns = limit_ns(limits.progress_stop_ms)
    sure_ns: dict[tuple[str, ...], int] = {}
    first: dict[_Kind, Sign] = {}  # in order of time
    for one in sorted([*saves, *played], key=lambda one: (one.time_ns, one.what == says.VIDEO_PROGRESS)):
        if one.what != says.VIDEO_PROGRESS:
            first.setdefault(_kind(one), one)
            if one.is_well and _are_of_one(one, one):
                sure_ns[one.lessons] = one.time_ns
            continue
        since_ns = sure_ns.get(one.lessons) if _are_of_one(one, one) else None
        if since_ns is None:
            is_crowd = len(first) > _MANY_KINDS
            since_ns = next((save.time_ns for save in first.values() if is_crowd or _may_be_of_one(save, one)), None)
        if since_ns is not None and one.time_ns - since_ns > stop_ns:
            return True
    return False


def _never_saves(loaded: Sequence[Sign], played: Sequence[Sign], saves: Sequence[Sign], limits: Thresholds) -> bool:
    saved = {save.lessons for save in saves if save.is_well and _are_of_one(save, save)}
    last: dict[_Kind, Sign] = {}
    for one in sorted(played, key=_time_ns):
        last[_kind(one)] = one
    is_crowd = len(last) > _MANY_KINDS
    for load in loaded:
        if _are_of_one(load, load) and load.lessons in saved:
            continue
        until_ns = load.time_ns + limit_ns(limits.progress_stop_ms)
        if is_crowd or any(one.time_ns > until_ns and _may_be_of_one(one, load) for one in last.values()):
            return True
    return False


def _asked_twice(calls: Sequence[Sign], limits: Thresholds) -> frozenset[int]:
    """The traces of calls that come again in another trace. ``calls`` in order of time."""
    window_ns = limit_ns(limits.duplicate_window_ms) + _WITHIN_REQUEST_NS
    by_asked: dict[str, list[Sign]] = {}
    for call in calls:
        by_asked.setdefault(call.asked, []).append(call)
    again: set[int] = set()
    for alike in by_asked.values():
        if len(alike) > 1:
            again |= _come_again(alike, window_ns)
    return frozenset(again)


def _come_again(calls: Sequence[Sign], window_ns: int) -> set[int]:
    """Of calls that ask for the same. Of each kind the last two of different traces stand for all before them in the window,
    which were found when these came."""
    again: set[int] = set()
    last: OrderedDict[_Kind, list[Sign]] = OrderedDict()
    for call in calls:
        least_ns = call.time_ns - window_ns
        while last and next(iter(last.values()))[-1].time_ns < least_ns:
            last.popitem(last=False)
        if len(last) > _MANY_KINDS:
            return {one.trace for one in calls}
        for held in last.values():
            if _may_save_the_same(held[-1], call) and _may_be_of_one(held[-1], call):
                others = {one.trace for one in held if one.trace != call.trace and one.time_ns >= least_ns}
                if others:
                    again |= {call.trace, *others}
        kind = _kind(call)
        last[kind] = [*[one for one in last.pop(kind, ()) if one.trace != call.trace][-1:], call]
    return again


def _kind(sign: Sign) -> _Kind:
    """What tells apart signs of the same name, beside their time and their trace."""
    return sign.lessons, sign.is_sure, sign.saved


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
