"""Scenarios of several traces: what one person did, in order."""

from tests.diagnosis.scenario import Scenario, bad, good, nearly
from tests.diagnosis.staging import Take, take

MIRA, LESSON = "usr_0028", "lesson-003"


def redirect(number: int, s: float) -> Take:
    return take("64d5").copy(number).at(1000 * s)


def rejected(number: int, s: float) -> Take:
    return take("c3db").copy(number).at(1000 * s)


def sign_in(number: int, s: float) -> Take:
    return take("d161").by(MIRA).copy(number).at(1000 * s)


def loaded(number: int, s: float, lesson: str = LESSON) -> Take:
    return take("0f92").by(MIRA).on(lesson).copy(number).at(1000 * s)


def resumed(number: int, s: float, lesson: str = LESSON) -> Take:
    return take("a630").by(MIRA).on(lesson).copy(number).at(1000 * s)


def played(number: int, s: float, position: int) -> Take:
    return take("bea5").by(MIRA).on(LESSON).say("video.progress", "video.position", position).copy(number).at(1000 * s)


def saved(number: int, s: float, position: int) -> Take:
    update = take("4b61").by(MIRA).on(LESSON).change_event("progress.data_received", "positionSeconds", position)
    return update.copy(number).at(1000 * s)


def video(number: int, s: float, user: str = MIRA, lesson: str = LESSON) -> Take:
    return take("a131").by(user).on(lesson).copy(number).at(1000 * s)


def stalled(number: int, s: float) -> Take:
    report = loaded(number, s)
    return report.event("video.load", "video.buffering", 500, position=30, stalledMs=400)


def watching(first: int, s: float, beats: int, *, saves: bool = True) -> list[Take]:
    """A report of the player every ten seconds, and a save beside each."""
    takes = [played(first + beat, s + 10 * beat, 10 + 10 * beat) for beat in range(beats)]
    if saves:
        takes += [saved(first + 500 + beat, s + 10 * beat + 0.2, 10 + 10 * beat) for beat in range(beats)]
    return takes


JOURNEYS: tuple[Scenario, ...] = (
    good("a-good-evening", sign_in(1, 0), video(2, 5), loaded(3, 5.2), *watching(10, 10, 12)),
    good(
        "comes-back-and-resumes",
        *watching(10, 0, 4),
        video(2, 600),
        loaded(3, 600.3),
        resumed(4, 600.8),
        saved(5, 660, 60),
    ),
    good("arrives-signed-out", redirect(1, 0), sign_in(2, 12), video(3, 20)),
    bad("redirect-loop", redirect(1, 0), redirect(2, 4), redirect(3, 8), rules=("redirect-loop",)),
    bad("long-redirect-loop", *(redirect(number, 2 * number) for number in range(9)), rules=("redirect-loop",)),
    nearly("slow-redirects", redirect(1, 0), redirect(2, 6), redirect(3, 11), why="three in 11 s"),
    nearly("two-redirects", redirect(1, 0), redirect(2, 1), why="two are no loop"),
    bad("out-for-forty-seconds", saved(1, 0, 20), rejected(2, 10), sign_in(3, 50), rules=("signed-in-again",)),
    bad(
        "redirected-out-of-a-session",
        saved(1, 0, 20),
        redirect(2, 10),
        sign_in(3, 30),
        rules=("signed-in-again",),
        why="was signed in before",
    ),
    nearly(
        "sent-home-and-signs-in-elsewhere",
        saved(1, 0, 20),
        redirect(2, 10).change_event("middleware.redirect", "to", "/courses"),
        sign_in(3, 30),
        why="a redirect, but not to a sign-in page",
    ),
    bad("mistyped-once", take("bc76").at(0), sign_in(2, 9), rules=("signed-in-again",), why="a note: refused, then in"),
    nearly("back-the-next-day", saved(1, 0, 20), rejected(2, 10), sign_in(3, 86_400), why="another visit"),
    nearly("never-came-back", saved(1, 0, 20), rejected(2, 10), why="no sign-in follows"),
    bad("three-calls-at-once", video(1, 0), video(2, 0.01), video(3, 0.02), rules=("duplicate-calls",)),
    nearly("called-again-later", video(1, 0), video(2, 1.2), why="1.2 s apart"),
    nearly("two-lessons", video(1, 0), video(2, 0.01, lesson="lesson-004"), why="another lesson"),
    nearly("two-people", video(1, 0), video(2, 0.01, user="usr_0099"), why="another user"),
    nearly("two-positions", saved(1, 0, 20), saved(2, 0.3, 35), why="each save has its own position"),
    bad("resumed-late", loaded(1, 0), resumed(2, 3), rules=("resume-gap",)),
    nearly("resumed-at-once", loaded(1, 0), resumed(2, 0.5), why="less than 500 ms after video.loaded"),
    bad("did-not-resume", *watching(10, 0, 4), loaded(3, 600), saved(4, 660, 5), rules=("resume-missing",)),
    nearly("just-loaded", *watching(10, 0, 4), loaded(3, 600), why="nothing was seen of this person since"),
    nearly(
        "loaded-another-lesson",
        *watching(10, 0, 4),
        loaded(3, 600, "lesson-009"),
        video(4, 660, lesson="lesson-009"),
        why="nothing was saved of that one",
    ),
    nearly(
        "began-again-after-the-end",
        saved(1, 0, 300).event("api.progress.update", "progress.auto_complete_triggered", 1, ratio=0.97),
        loaded(2, 600),
        saved(3, 660, 20),
        why="the lesson was completed",
    ),
    bad("stalls-in-two-reports", stalled(1, 0), stalled(2, 20), rules=("buffering",)),
    nearly("stalls-far-apart", stalled(1, 0), stalled(2, 40), why="40 s apart"),
    bad(
        "saves-stopped",
        *watching(10, 0, 3),
        *watching(20, 30, 8, saves=False),
        rules=("progress-stopped",),
        why="eight reports of the player, no save",
    ),
    bad(
        "saves-refused",
        *watching(10, 0, 3),
        *watching(20, 30, 8, saves=False),
        take("34a1").by(MIRA).at(45_000),
        rules=("progress-stopped",),
    ),
    nearly(
        "saves-paused", *watching(10, 0, 3), *watching(20, 30, 4, saves=False), saved(30, 80, 80), why="40 s without"
    ),
    bad("never-saved", loaded(1, 0), *watching(10, 5, 9, saves=False), rules=("progress-missing",)),
    nearly("loaded-and-left", loaded(1, 0), video(2, 300, lesson="lesson-009"), why="did not play it"),
)
