"""The tale of a way: what is one line, what each line is called, and where it stops."""

import pytest

from diamond_viewer.diagnosis.tale import TaleLine, sessions, tale
from diamond_viewer.diagnosis.visits import SILENCE_NS
from diamond_viewer.diagnosis.watched import lessons_watched, viewers, watched
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.ways import Way, WayEvent, WayStep

S = 10**9


def step(
    name: str = "POST /api/x", start_ns: int = 0, *, flags: int = 0, status: int = 200, lesson: str = "l1"
) -> WayStep:
    return WayStep(f"{start_ns:032x}", name, "web", start_ns, start_ns + S, flags, status, ("ada",), (lesson,))


def happened(name: str, time_ns: int = 0, at: int = 0, *, lesson: str = "l1", **more: object) -> WayEvent:
    plain = WayEvent(time_ns, name, "", at, "", "ada", lesson, None, None, True)
    return plain._replace(**more)  # type: ignore[arg-type]


def told(*events: WayEvent, steps: tuple[WayStep, ...] = (step(),)) -> list[TaleLine]:
    return list(tale(Way(steps, events), 100).lines)


@pytest.mark.parametrize(
    ("events", "titles"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([happened("middleware.redirect")], ["Redirected"], id="arrives signed out"),
        pytest.param([happened("auth.credentials.missing")] * 2, ["Sign-in refused"], id="refused twice"),
        pytest.param([happened("video.buffering", n) for n in range(4)], ["Playback stalled ×4"], id="stalls are one"),
        pytest.param(
            [happened("video.buffering", 1), happened("video.buffering", 2, lesson="l2")],
            ["Playback stalled", "Playback stalled"],
            id="of two lessons",
        ),
        pytest.param(
            [happened("video.buffering", 1), happened("video.buffering", SILENCE_NS + 2)],
            ["Playback stalled", "Playback stalled"],
            id="half an hour between them",
        ),
        pytest.param(
            [happened("progress.data_received", 1), happened("progress.data_received", 2, went_well=False)],
            ["Progress saved", "Progress not saved"],
            id="the second was refused",
        ),
        pytest.param(
            [happened("auth.failed", 1), happened("auth.session.created", 1 + SILENCE_NS + 1)],
            ["Session lost", "Signed in"],
            id="back too late to be again",
        ),
        pytest.param([happened("video.loaded", n) for n in (1, 2)], ["Opened", "Opened"], id="each opening counts"),
        pytest.param(
            [happened("job failed"), happened("job completed", 1)], ["Job failed", "Job done"], id="a job tried again"
        ),
    ],
)
def test_titles(events: list[WayEvent], titles: list[str]) -> None:
    assert [line.title for line in told(*events)] == titles


def test_a_refused_password_is_no_lost_session() -> None:
    [line] = told(happened("auth.failed"), steps=(step("POST /api/auth/[...nextauth]"),))
    assert (line.title, line.tone) == ("Sign-in refused", "auth")


def test_a_failure_is_told_once() -> None:
    failed = step(flags=Flag.ERROR, status=500)
    [line] = told(steps=(failed,))
    assert (line.title, line.detail, line.tone) == ("Failed", "POST /api/x → 500", "error")
    [line] = told(happened("progress.data_received", amount=15.0, went_well=False), steps=(failed,))
    assert (line.title, line.badge) == ("Progress not saved", "lost 15 s of progress")


def test_a_slow_load_and_a_wrong_resume_are_violet() -> None:
    events = (
        happened("video.loaded", 1, amount=1_600.0),
        happened("video.resume_attempt", 2, amount=120.0, position_s=240.0),
        happened("video.resume_position_mismatch", 3, detail="240 s"),
    )
    opened, resumed = told(*events)
    assert (opened.detail, opened.tone) == ("video.loaded in 1.6 s", "slow")
    assert (resumed.detail, resumed.badge, resumed.tone) == (
        "video.resume_attempt at 240 s · in 120 ms",
        "off by 240 s",
        "slow",
    )


def test_only_the_last_lines_are_told_and_all_are_counted() -> None:
    found = tale(Way((step(),), tuple(happened("video.loaded", n) for n in range(50))), 3)
    assert ([line.time_ns for line in found.lines], found.count) == ([47, 48, 49], 50)


def test_a_long_trace_bridges_the_silence() -> None:
    long = step()._replace(end_ns=SILENCE_NS)
    assert [one.steps for one in sessions((long, step(start_ns=2 * SILENCE_NS)))] == [2]
    assert [one.steps for one in sessions((long, step(start_ns=2 * SILENCE_NS + 1)))] == [1, 1]
    assert sessions(()) == ()


def test_what_was_watched_is_added_up_by_lesson_and_by_viewer() -> None:
    way = Way(
        (step(), step(lesson="l2", flags=Flag.ERROR, status=500)),
        (
            happened("progress.data_received", 1, amount=15.0, position_s=15.0),
            happened("progress.data_received", 2, amount=15.0, position_s=30.0),
            happened("progress.data_received", 3, 1, lesson="l2", amount=5.0, went_well=False),
            happened("progress.validation_failed", 4, 1, lesson=""),
        ),
    )
    first, second = lessons_watched(way)
    assert (first.key, first.watched_s, first.saves, first.lost_saves, first.stopped_s) == ("l1", 30, 2, 0, 30)
    assert (second.key, second.lost_saves, second.lost_s, second.errors) == ("l2", 1, 5, 1)
    [ada] = viewers(way)
    assert (ada.watched_s, ada.lost_saves, ada.traces) == (35, 2, 2)
    assert watched("", ()).stopped_s is None
