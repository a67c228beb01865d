"""Rules over all traces of one person, in order of time: what no single trace can show.

Whose traces they are is for the caller to say. Traces that name the user are; a failed check or a redirect names nobody,
and belongs to a person only by what else the caller knows (a session, a client, the minute around).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diamond_viewer.diagnosis.auth import leads_to_sign_in
from diamond_viewer.diagnosis.bursts import bursts
from diamond_viewer.diagnosis.calls import Call, calls_of, repeated_calls
from diamond_viewer.diagnosis.facts import Happening, TraceFacts
from diamond_viewer.diagnosis.finding import MAX_EVIDENCE, Evidence, Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.video import slow_resume, stalled
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    AUTHORIZE,
    AUTO_COMPLETED,
    BUFFERING,
    CREDENTIALS_MISSING,
    LOADED,
    PROGRESS_RECEIVED,
    PROGRESS_REFUSED,
    REDIRECT,
    RESUME_ATTEMPT,
    SESSION_CHECK,
    SESSION_CREATED,
    VIDEO_PROGRESS,
    limit_ns,
    number,
    times,
    words,
)
from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.units import format_clock, format_duration


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened on the way. ``what`` is the name of an event, or of a span that has none.

    ``went_well`` is false when the request in which it happened did not (a save that was refused).
    """

    time_ns: int
    what: str
    evidence: Evidence
    lesson: str
    went_well: bool
    happening: Happening | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """One person's traces. ``moments`` and ``calls`` in order of time; ``end_ns`` is when the last of them was seen."""

    moments: tuple[Moment, ...]
    calls: tuple[Call, ...]
    end_ns: int

    def of(self, *names: str) -> list[Moment]:
        return [moment for moment in self.moments if moment.what in names]


_EVENTS = frozenset(
    (
        AUTH_FAILED,
        CREDENTIALS_MISSING,
        SESSION_CREATED,
        REDIRECT,
        LOADED,
        RESUME_ATTEMPT,
        BUFFERING,
        PROGRESS_RECEIVED,
        PROGRESS_REFUSED,
        AUTO_COMPLETED,
    )
)
_SPANS = (VIDEO_PROGRESS, SESSION_CHECK)


def follow(traces: Iterable[TraceFacts]) -> Journey:
    """The way of one person through these traces, whatever their order; a trace that comes twice counts once."""
    return joined(alone(facts) for facts in {facts.trace_id: facts for facts in traces}.values())


def joined(ways: Iterable[Journey]) -> Journey:
    """One way out of those of different traces."""
    moments: list[Moment] = []
    calls: list[Call] = []
    end_ns = 0
    for way in ways:
        moments += way.moments
        calls += way.calls
        end_ns = max(end_ns, way.end_ns)
    moments.sort(key=lambda moment: (moment.time_ns, moment.what, moment.evidence))
    calls.sort(key=lambda call: (call.start_ns, call.evidence))
    return Journey(tuple(moments), tuple(calls), end_ns)


def alone(facts: TraceFacts) -> Journey:
    """What a single trace adds to the way of its person. Its order does not matter yet."""
    moments: list[Moment] = []
    lessons_of_work = [",".join(facts.people(rows)[1]) for rows in facts.rows_by_work()]
    failed_works = {facts.work_of[row] for row in facts.failed}
    places: list[tuple[int, str, int, Happening | None]] = [
        (one.time_ns, one.event.name, one.row, one) for one in facts.happenings if one.event.name in _EVENTS
    ]
    places += [(facts.spans[row].start_ns, name, row, None) for name in _SPANS for row in facts.named.get(name, ())]
    for time_ns, what, row, happening in places:
        work = facts.work_of[row]
        lesson = ",".join(facts.people([row])[1]) or lessons_of_work[work]
        evidence = Evidence(facts.trace_id, facts.spans[row].span_id)
        went_well = facts.works[work].status < 400 and work not in failed_works
        if what == SESSION_CHECK:
            went_well = facts.spans[row].status_code != STATUS_ERROR and bool(facts.people([row])[0])
        if what == AUTH_FAILED and facts.spans[row].name == AUTHORIZE:
            what = CREDENTIALS_MISSING  # a sign-in that was refused is no lost session
        moments.append(Moment(time_ns, what, evidence, lesson, went_well, happening))
    begun_ns = [work.span.start_ns for work in facts.works]
    end_ns = max([0, *begun_ns, *(moment.time_ns for moment in moments)])
    return Journey(tuple(moments), tuple(calls_of(facts)), end_ns)


def redirect_loop(
    journey: Journey, *, redirect_loop_count: float = 3, redirect_loop_window_ms: float = 10_000
) -> tuple[Finding, ...]:
    """Sent to the sign-in page three times in ten seconds. Origin: the platform's support rule."""
    redirects = [one for one in journey.of(REDIRECT) if one.happening and leads_to_sign_in(one.happening)]
    findings = []
    for burst in bursts([one.time_ns for one in redirects], redirect_loop_count, redirect_loop_window_ms):
        looped = [redirects[place] for place in burst]
        if len({one.evidence.trace_id for one in looped}) == 1:
            continue  # its trace shows it alone
        took_ns = looped[-1].time_ns - looped[0].time_ns
        target = _said(looped[0], "to")
        findings.append(
            Finding(
                "redirect-loop",
                Severity.PROBLEM,
                f"Caught in a redirect loop: sent to {target} {times(len(looped))} within {format_duration(took_ns)}.",
                _evidence(looped),
                fingerprint_of("redirect-loop", target),
                "See what the sign-in page does with this person’s cookie: it is not there, or not accepted, after signing in.",
                looped[0].time_ns,
                (("redirect_loop_count", redirect_loop_count), ("redirect_loop_window_ms", redirect_loop_window_ms)),
                took_ns,
            )
        )
    return tuple(findings)


def signed_in_again(journey: Journey, *, sign_in_again_ms: float = 1_800_000) -> tuple[Finding, ...]:
    """A session that was lost, or a sign-in that was refused, and the sign-in that worked within half an hour.

    A redirect of someone who was not seen signed in before is how every visit begins, and no loss.
    Origin: auth-failure chains; half an hour is what analytics call one visit.
    """
    findings = []
    lost: list[Moment] = []
    was_in = has_refused = False
    for moment in journey.moments:
        if moment.what == SESSION_CHECK and moment.went_well:
            was_in = True
            if has_refused:
                lost, has_refused = [one for one in lost if one.what != CREDENTIALS_MISSING], False
        elif moment.what in (AUTH_FAILED, CREDENTIALS_MISSING) or (moment.what == REDIRECT and was_in):
            if not (moment.what == REDIRECT and moment.happening and not leads_to_sign_in(moment.happening)):
                lost.append(moment)
                has_refused |= moment.what == CREDENTIALS_MISSING
        elif moment.what == SESSION_CREATED:
            recent = [one for one in lost if moment.time_ns - one.time_ns <= limit_ns(sign_in_again_ms)]
            if recent:
                findings.append(_out(recent, moment, sign_in_again_ms))
            lost, was_in, has_refused = [], True, False
    return tuple(findings)


def duplicate_calls(journey: Journey, *, duplicate_window_ms: float = 1000) -> tuple[Finding, ...]:
    """The same call again within 1 s over several traces: same method, route, user and lesson.

    Calls that name no user are left out: over several traces nothing says that one person made them.
    Origin: the platform's pattern of doubled video calls.
    """
    known = [call for call in journey.calls if call.user]
    return repeated_calls(known, duplicate_window_ms, in_one_trace=False)


def resume_gap(journey: Journey, *, resume_gap_ms: float = 500, resume_wait_ms: float = 10_000) -> tuple[Finding, ...]:
    """As ``video.resume_gap``, when the player reports loading and resuming in requests of their own. Origin: the same."""
    findings = []
    for loaded, then in _pairs(journey.of(LOADED, RESUME_ATTEMPT)):
        took_ns = then.time_ns - loaded.time_ns
        is_pair = then.what == RESUME_ATTEMPT and then.evidence.trace_id != loaded.evidence.trace_id
        if is_pair and limit_ns(resume_gap_ms) < took_ns <= limit_ns(resume_wait_ms):
            findings.append(slow_resume(took_ns, resume_gap_ms, then.time_ns, _evidence([loaded, then])))
    return tuple(findings)


def resume_missing(
    journey: Journey, *, resume_wait_ms: float = 10_000, resume_position_s: float = 10
) -> tuple[Finding, ...]:
    """A lesson with a saved position was loaded again, and no ``video.resume_attempt`` came within 10 s.

    Only when the person was seen again later than that (else it may still come), and not after the lesson was completed.
    Origin: absence detection. A position in the first 10 s is not worth resuming.
    """
    findings = []
    saved_at: dict[str, float] = {}
    attempts_ns = {
        lesson: [one.time_ns for one in same] for lesson, same in _by_lesson(journey.of(RESUME_ATTEMPT)).items()
    }
    for moment in journey.of(PROGRESS_RECEIVED, AUTO_COMPLETED, LOADED):
        if not moment.lesson:
            continue
        if moment.what == AUTO_COMPLETED or (moment.what == PROGRESS_RECEIVED and _is_completed(moment)):
            saved_at.pop(moment.lesson, None)
        elif moment.what == PROGRESS_RECEIVED and moment.went_well and moment.happening:
            saved_at[moment.lesson] = number(moment.happening.event, "positionSeconds") or 0
        elif moment.what == LOADED and saved_at.get(moment.lesson, 0) > resume_position_s:
            deadline_ns = moment.time_ns + limit_ns(resume_wait_ms)
            wait_ns = limit_ns(resume_wait_ms)
            came_ns = attempts_ns.get(moment.lesson, [])
            first = bisect_left(came_ns, moment.time_ns - wait_ns)
            came = first < len(came_ns) and came_ns[first] <= deadline_ns
            if came or journey.end_ns <= deadline_ns:
                continue
            seconds = format_duration(round(saved_at[moment.lesson] * 1e9))
            findings.append(
                Finding(
                    "resume-missing",
                    Severity.WARNING,
                    f"{words(moment.lesson)} was loaded but not resumed: {seconds} had been watched, "
                    f"and no video.resume_attempt came within {format_duration(wait_ns)}.",
                    _evidence([moment]),
                    fingerprint_of("resume-missing"),
                    "See whether the saved position reached the player: it is in the answer of the video API.",
                    moment.time_ns,
                    (("resume_wait_ms", resume_wait_ms), ("resume_position_s", resume_position_s)),
                )
            )
    return tuple(findings)


def buffering(
    journey: Journey, *, buffering_count: float = 2, buffering_window_ms: float = 30_000
) -> tuple[Finding, ...]:
    """As ``video.buffering``, for stalls of one lesson that were reported in several traces. Origin: the same."""
    findings = []
    by_lesson: dict[str, list[Moment]] = {}
    for moment in journey.of(BUFFERING):
        by_lesson.setdefault(moment.lesson, []).append(moment)
    for moments in by_lesson.values():
        for burst in bursts([one.time_ns for one in moments], buffering_count, buffering_window_ms):
            these = [moments[place] for place in burst]
            if len({one.evidence.trace_id for one in these}) > 1:
                stalls = [one.happening for one in these if one.happening]
                findings.append(stalled(stalls, buffering_count, buffering_window_ms, _evidence(these)))
    return tuple(findings)


def progress_stopped(journey: Journey, *, progress_stop_ms: float = 60_000) -> tuple[Finding, ...]:
    """Progress was saved, then no more for a minute and longer although the player went on reporting its position.

    Origin: absence detection; the player saves every few seconds, a minute is several saves.
    """
    findings = []
    failed_saves = [one for one in journey.of(PROGRESS_RECEIVED, PROGRESS_REFUSED) if not one.went_well]
    failed_ns = [one.time_ns for one in failed_saves]
    for lesson, moments in _by_lesson(journey.of(PROGRESS_RECEIVED, VIDEO_PROGRESS)).items():
        saves = [one for one in moments if one.what == PROGRESS_RECEIVED and one.went_well]
        played = [one for one in moments if one.what == VIDEO_PROGRESS]
        played_ns = [one.time_ns for one in played]
        ends_ns = [*(one.time_ns for one in saves[1:]), journey.end_ns + 1]
        for save, until_ns in zip(saves, ends_ns[: len(saves)], strict=True):
            since = played[bisect_right(played_ns, save.time_ns) : bisect_left(played_ns, until_ns)]
            silent_ns = since[-1].time_ns - save.time_ns if since else 0
            if len(since) < 2 or silent_ns <= limit_ns(progress_stop_ms):
                continue
            between = range(bisect_right(failed_ns, save.time_ns), bisect_left(failed_ns, until_ns))
            refused = sum(failed_saves[at].lesson in ("", lesson) for at in between)
            tries = f"; {refused:,} {'attempt' if refused == 1 else 'attempts'} failed" if refused else ""
            findings.append(
                Finding(
                    "progress-stopped",
                    Severity.PROBLEM,
                    f"Progress saves stopped while {words(lesson)} went on playing: "
                    f"nothing was saved for {format_duration(silent_ns)}{tries}.",
                    _evidence([save, *since]),
                    fingerprint_of("progress-stopped"),
                    "See the last save and what the player sent afterwards: a lost session, an error, or nothing at all.",
                    save.time_ns,
                    (("progress_stop_ms", progress_stop_ms),),
                    silent_ns,
                )
            )
    return tuple(findings)


def progress_missing(journey: Journey, *, progress_stop_ms: float = 60_000) -> tuple[Finding, ...]:
    """A video was loaded and played for a minute and longer, and no progress was ever saved after it.

    That it played is told by the player's reports or its stalls; who loads a lesson and leaves has no progress to save.
    Origin: absence detection.
    """
    findings = []
    names = (LOADED, PROGRESS_RECEIVED, VIDEO_PROGRESS, BUFFERING)
    for lesson, moments in _by_lesson(journey.of(*names)).items():
        loaded = next((one for one in moments if one.what == LOADED), None)
        if loaded is None or any(one.what == PROGRESS_RECEIVED and one.went_well for one in moments):
            continue
        played = [one for one in moments if one.what in (VIDEO_PROGRESS, BUFFERING) and one.time_ns > loaded.time_ns]
        played_ns = played[-1].time_ns - loaded.time_ns if played else 0
        if played_ns <= limit_ns(progress_stop_ms):
            continue
        findings.append(
            Finding(
                "progress-missing",
                Severity.PROBLEM,
                f"{words(lesson)} was loaded and played for {format_duration(played_ns)}, and no progress was saved.",
                _evidence([loaded, *played]),
                fingerprint_of("progress-missing"),
                "See whether the player called the progress API at all, and what it was answered.",
                loaded.time_ns,
                (("progress_stop_ms", progress_stop_ms),),
                played_ns,
            )
        )
    return tuple(findings)


def _out(lost: Sequence[Moment], back: Moment, limit_ms: float) -> Finding:
    sessions = [one for one in lost if one.what != CREDENTIALS_MISSING]
    first = (sessions or lost)[0]
    took_ns = back.time_ns - first.time_ns
    took, clock = format_duration(took_ns), format_clock(back.time_ns)[:8]
    if sessions:
        sentence = f"Signed in again at {clock}, {took} after the session was lost."
    else:
        refused = f"{len(lost):,} refused {'attempt' if len(lost) == 1 else 'attempts'}"
        sentence = f"Signed in at {clock} after {refused}, {took} after the first."
    return Finding(
        "signed-in-again",
        Severity.WARNING if sessions else Severity.NOTE,
        sentence,
        _evidence([*lost, back]),
        fingerprint_of("signed-in-again", "lost" if sessions else "refused"),
        "See what the person was doing when it happened, and whether anything was lost between."
        if sessions
        else "Nothing to do: the right password was found.",
        first.time_ns,
        (("sign_in_again_ms", limit_ms),),
        took_ns,
    )


def _pairs(moments: Sequence[Moment]) -> list[tuple[Moment, Moment]]:
    """Each ``video.loaded`` with what follows it of the same lesson."""
    pairs = []
    for same in _by_lesson(moments).values():
        pairs += [(one, following) for one, following in pairwise(same) if one.what == LOADED]
    return sorted(pairs, key=lambda pair: (pair[1].time_ns, pair[1].evidence))


def _by_lesson(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    """Moments that name a lesson, by it."""
    by_lesson: dict[str, list[Moment]] = {}
    for moment in moments:
        if moment.lesson:
            by_lesson.setdefault(moment.lesson, []).append(moment)
    return by_lesson


def _is_completed(moment: Moment) -> bool:
    return moment.happening is not None and moment.happening.event.attributes.get("completed") is True


def _said(moment: Moment, key: str) -> str:
    return words(moment.happening.event.attributes.get(key)) if moment.happening else ""


def _evidence(moments: Iterable[Moment]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(moment.evidence for moment in moments))[:MAX_EVIDENCE]
