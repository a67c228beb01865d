"""Rules about watching: loading, resuming, stalling and saving progress, within one trace."""

from collections.abc import Sequence

from diamond_viewer.diagnosis.blame import busiest
from diamond_viewer.diagnosis.bursts import bursts
from diamond_viewer.diagnosis.facts import Happening, TraceFacts
from diamond_viewer.diagnosis.finding import Evidence, Finding, Severity, fingerprint_of
from diamond_viewer.diagnosis.vocabulary import (
    BUFFERING,
    LOADED,
    PROGRESS_REFUSED,
    RESUME_ATTEMPT,
    RESUME_MISMATCH,
    VIDEO_LOAD,
    limit_ns,
    number,
    times,
    words,
)
from diamond_viewer.telemetry.units import NS_PER_MS, NS_PER_SECOND, format_duration


def resume_gap(facts: TraceFacts, *, resume_gap_ms: float = 500) -> tuple[Finding, ...]:
    """From ``video.loaded`` to the next ``video.resume_attempt``. Origin: the platform resumes within half a second."""
    if RESUME_ATTEMPT not in facts.events or LOADED not in facts.events:
        return ()
    findings = []
    loaded: Happening | None = None
    for happening in facts.happenings:
        if happening.event.name == LOADED:
            loaded = happening
        elif happening.event.name == RESUME_ATTEMPT and loaded:
            took_ns = happening.time_ns - loaded.time_ns
            if took_ns > limit_ns(resume_gap_ms):
                evidence = facts.evidence((loaded.row, happening.row))
                findings.append(slow_resume(took_ns, resume_gap_ms, happening.time_ns, evidence))
            loaded = None
    return tuple(findings)


def slow_resume(took_ns: int, limit_ms: float, time_ns: int, evidence: tuple[Evidence, ...]) -> Finding:
    """The finding of a resume that came late; a journey says the same of two traces."""
    took, limit = format_duration(took_ns), format_duration(limit_ns(limit_ms))
    return Finding(
        "resume-gap",
        Severity.WARNING,
        f"Slow to resume: {took} passed between video.loaded and video.resume_attempt (limit {limit}).",
        evidence,
        fingerprint_of("resume-gap"),
        "See what ran between the two: reading the saved position, or the player itself.",
        time_ns,
        (("resume_gap_ms", limit_ms),),
        took_ns,
    )


def resume_mismatch(facts: TraceFacts) -> tuple[Finding, ...]:
    """``video.resume_position_mismatch``: playback began elsewhere than was saved. Origin: the platform's event."""
    findings = []
    for happening in facts.events.get(RESUME_MISMATCH, ()):
        expected, actual = number(happening.event, "expected"), number(happening.event, "actual")
        delta = number(happening.event, "deltaSeconds")
        if delta is None and expected is not None and actual is not None:
            delta = actual - expected
        where = ""
        if expected is not None and actual is not None:
            where = f" (saved at {_clock(expected)}, started at {_clock(actual)})"
        if not delta:
            what = "Resumed in the wrong place"
        else:
            seconds = format_duration(round(abs(delta) * NS_PER_SECOND))
            what = f"Resumed in the wrong place: {seconds} {'lost' if delta < 0 else 'skipped'}"
        findings.append(
            Finding(
                "resume-mismatch",
                Severity.PROBLEM,
                f"{what}{where}.",
                facts.evidence([happening.row]),
                fingerprint_of("resume-mismatch"),
                "Compare the position that was saved last with the one that was read, and whether two devices saved.",
                happening.time_ns,
            )
        )
    return tuple(findings)


def buffering(
    facts: TraceFacts, *, buffering_count: float = 2, buffering_window_ms: float = 30_000
) -> tuple[Finding, ...]:
    """Several ``video.buffering`` in succession. Origin: two in 30 seconds, the platform's rule; one stall is no trouble."""
    stalls = facts.events.get(BUFFERING, [])
    return tuple(
        stalled(
            stalls[burst.start : burst.stop],
            buffering_count,
            buffering_window_ms,
            facts.evidence(one.row for one in stalls[burst.start : burst.stop]),
        )
        for burst in bursts([one.time_ns for one in stalls], buffering_count, buffering_window_ms)
    )


def stalled(stalls: Sequence[Happening], count: float, window_ms: float, evidence: tuple[Evidence, ...]) -> Finding:
    """The finding of a series of stalls, in one trace or over several."""
    waited_ms = sum(number(one.event, "stalledMs") or 0 for one in stalls)
    waited_ns = round(waited_ms * NS_PER_MS)
    within_ns = stalls[-1].time_ns - stalls[0].time_ns
    within = f" within {format_duration(within_ns)}" if within_ns >= NS_PER_MS else ""
    waited = f" and kept its viewer waiting for {format_duration(waited_ns)}" if waited_ns > 0 else ""
    return Finding(
        "buffering",
        Severity.WARNING,
        f"The video stalled {times(len(stalls))}{within}{waited}.",
        evidence,
        fingerprint_of("buffering"),
        "See the quality the player had chosen, and whether others watching this lesson stalled too.",
        stalls[0].time_ns,
        (("buffering_count", count), ("buffering_window_ms", window_ms)),
        max(waited_ns, 0),
    )


def slow_load(facts: TraceFacts, *, slow_load_ms: float = 1000) -> tuple[Finding, ...]:
    """A ``video.load`` that took long, with the span to blame: S3, Redis, the database or own code.

    Origin: the platform's limit for any span, 1000 ms; Mux's startup score halves the grade at 8 s.
    """
    slow = [row for row in facts.named.get(VIDEO_LOAD, ()) if facts.lasted_ns[row] > limit_ns(slow_load_ms)]
    if not slow:
        return ()
    row = max(slow, key=lambda row: facts.lasted_ns[row])
    took_ns, culprit = facts.lasted_ns[row], busiest(facts, row)
    repeated = f", the longest of {len(slow):,} slow loads" if len(slow) > 1 else ""
    if culprit is None:
        why = "Nothing that ran on the server meanwhile took long"
        next_step = "Look at this person’s network and player, and at the call of the video’s address just before."
    else:
        name = words(facts.spans[culprit.row].name)
        why = f"{format_duration(culprit.busy_ns)} of it went to {culprit.kind} ({name})"
        next_step = f"Open {name}: it was busy while the viewer waited."
    return (
        Finding(
            "slow-load",
            Severity.WARNING,
            f"The video took {format_duration(took_ns)} to load{repeated}. {why}.",
            facts.evidence([row, culprit.row] if culprit else slow),
            fingerprint_of("slow-load", culprit.kind if culprit else ""),
            next_step,
            facts.spans[row].start_ns,
            (("slow_load_ms", slow_load_ms),),
            took_ns,
        ),
    )


def progress_refused(facts: TraceFacts) -> tuple[Finding, ...]:
    """``progress.validation_failed``: what the player sent could not be saved. Origin: the platform's event."""
    findings = []
    for happening in facts.events.get(PROGRESS_REFUSED, ()):
        said = happening.event.attributes
        reason = words(said.get("reason")) or words(said.get("field"))
        why = f" ({reason})" if reason else ""
        answered = facts.work(happening.row).answered
        findings.append(
            Finding(
                "progress-refused",
                Severity.WARNING,
                f"The progress was not saved: what the player sent was refused{why}; {answered}.",
                facts.evidence([happening.row]),
                fingerprint_of("progress-refused", reason),
                "Compare what this version of the player sends with what the API accepts.",
                happening.time_ns,
            )
        )
    return tuple(findings)


def _clock(seconds: float) -> str:
    """A position in a video as players show it.

    >>> _clock(240), _clock(3723.4), _clock(-3)
    ('4:00', '1:02:03', '0:00')
    """
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
