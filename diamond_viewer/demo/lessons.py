"""Watching a lesson: access to the video, what the player reports, and saving how far one got."""

from diamond_viewer.demo.cast import APP, Lesson, Student
from diamond_viewer.demo.database import (
    COURSE_BY_ID,
    LESSON_BY_ID,
    PROGRESS_OF_LESSON,
    PROGRESS_SAVE,
    query,
    redis,
    wait_for_connection,
)
from diamond_viewer.demo.failures import POOL_TIMEOUT, UNIQUE_PROGRESS, PrismaError, raise_in
from diamond_viewer.demo.jobs import aggregate_progress
from diamond_viewer.demo.recorder import Context, OpenSpan, Recorder
from diamond_viewer.demo.server import api, page, redirect, session_check
from diamond_viewer.telemetry.model import AttributeValue

_VIDEO = "/api/video/[lessonId]"
_TELEMETRY = "/api/telemetry/video"
_PROGRESS = "/api/progress"

_COMPLETE_RATIO = 0.95  # the platform marks a lesson as completed from here on


def _both(student: Student, lesson: Lesson) -> dict[str, AttributeValue]:
    return {"user.id": student.user_id, "lesson.id": lesson.lesson_id}


def open_lesson(recorder: Recorder, lesson: Lesson) -> None:
    with page(recorder, "/lessons/[lessonId]", f"/lessons/{lesson.lesson_id}", {"lesson.id": lesson.lesson_id}):
        query(recorder, "Lesson", "findUnique", LESSON_BY_ID)


def video_access(recorder: Recorder, student: Student, lesson: Lesson, remote: Context | None = None) -> None:
    """Session, lesson, progress, then a signed URL from the cache or from S3."""
    target = f"/api/video/{lesson.lesson_id}"
    with api(recorder, "GET", _VIDEO, target, remote) as call:
        session_check(recorder, call, student, target)
        with recorder.span(
            APP, "api.video.access", {"http.method": "GET", "http.route": _VIDEO} | _both(student, lesson)
        ):
            query(recorder, "Lesson", "findUnique", LESSON_BY_ID, COURSE_BY_ID)
            query(recorder, "Progress", "findUnique", PROGRESS_OF_LESSON)
            _sign_url(recorder, lesson)
            recorder.log("info", "video access", _both(student, lesson))


def video_refused(recorder: Recorder, student: Student, lesson: Lesson, *, cookie: bool) -> None:
    target = f"/api/video/{lesson.lesson_id}"
    with api(recorder, "GET", _VIDEO, target) as call:
        session_check(recorder, call, student, target, cookie=cookie)


def lesson_refused(recorder: Recorder, lesson: Lesson, *, cookie: bool) -> None:
    redirect(recorder, f"/lessons/{lesson.lesson_id}", cookie)


def video_loaded(
    recorder: Recorder, student: Student, lesson: Lesson, load_ms: int, stalls: int = 0, remote: Context | None = None
) -> None:
    """The player reports a loaded video and the stalls so far. The span began when the browser began to load."""
    quality = recorder.random.choice(("1080p", "720p", "720p", "480p")) if stalls < 2 else "480p"
    with api(recorder, "POST", _TELEMETRY, remote=remote) as call:
        session_check(recorder, call, student, _TELEMETRY)
        player: dict[str, AttributeValue] = {
            "video.player": "hls.js",
            "video.load_time_ms": load_ms,
            "video.quality": quality,
        }
        with recorder.span(APP, "video.load", _both(student, lesson) | player, started_ms_ago=load_ms) as load:
            load.event("video.loaded", {"durationSec": lesson.duration_seconds, "loadTimeMs": load_ms})
            for stall in range(stalls):
                recorder.spend(180, 1_400)
                load.event("video.buffering", {"position": 7.5 * stall, "stalledMs": 200 + 130 * stall})
                recorder.measure("video.buffering_events_total", 1, lesson__id=lesson.lesson_id)
        recorder.measure("video.load_time_ms", load_ms, quality=quality)
        call.status = 204


def video_resumed(
    recorder: Recorder,
    student: Student,
    lesson: Lesson,
    saved_seconds: int,
    resume_ms: int,
    *,
    actual_seconds: int | None = None,
) -> None:
    """The player tried to resume ``resume_ms`` after the video was loaded; ``actual_seconds`` when it landed elsewhere than
    was saved."""
    with api(recorder, "POST", _TELEMETRY) as call:
        session_check(recorder, call, student, _TELEMETRY)
        player: dict[str, AttributeValue] = {"video.player": "hls.js", "video.resume_time_ms": resume_ms}
        with recorder.span(APP, "video.resume", _both(student, lesson) | player, started_ms_ago=resume_ms) as resume:
            loaded: dict[str, AttributeValue] = {"durationSec": lesson.duration_seconds, "loadTimeMs": resume_ms}
            resume.event("video.loaded", loaded, ms_ago=resume_ms)
            resume.event("video.resume_attempt", {"savedPosition": saved_seconds})
            if actual_seconds is not None:
                _mismatch(recorder, resume, saved_seconds, actual_seconds)
        recorder.measure("video.resume_time_ms", resume_ms)
        call.status = 204


def video_progress(recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int) -> None:
    """The player's own heartbeat, beside the saved progress."""
    with api(recorder, "POST", _TELEMETRY) as call:
        session_check(recorder, call, student, _TELEMETRY)
        player: dict[str, AttributeValue] = {
            "video.player": "hls.js",
            "video.position": position_seconds,
            "video.percent": position_seconds / lesson.duration_seconds,
        }
        with recorder.span(APP, "video.progress", _both(student, lesson) | player):
            recorder.spend(0.01, 0.1)
        call.status = 204


def save_progress(
    recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int, remote: Context | None = None
) -> None:
    """The position is saved; near the end the lesson completes by itself and a job counts it in the worker."""
    ratio = position_seconds / lesson.duration_seconds
    completed = ratio >= _COMPLETE_RATIO
    with api(recorder, "POST", _PROGRESS, remote=remote) as call:
        session_check(recorder, call, student, _PROGRESS)
        with recorder.span(APP, "api.progress.update", _update(student, lesson)) as update:
            _received(update, position_seconds)
            if completed:
                update.event("progress.auto_complete_triggered", {"lesson.id": lesson.lesson_id, "ratio": ratio})
            before_ns = recorder.now_ns
            query(recorder, "Progress", "upsert", PROGRESS_SAVE)
            saved_ms = (recorder.now_ns - before_ns) / 1e6
            recorder.measure("progress.save_time_ms", saved_ms, completed=completed)
            recorder.measure("progress.updates_total", 1, completed=completed)
            if completed:
                aggregate_progress(recorder, student, lesson)
            recorder.log("info", "progress saved", _both(student, lesson) | {"ms": saved_ms})


def progress_invalid(recorder: Recorder, student: Student, lesson: Lesson) -> None:
    """The player sends a position beyond the end: 400, and no error status on any span."""
    with api(recorder, "POST", _PROGRESS) as call:
        session_check(recorder, call, student, _PROGRESS)
        with recorder.span(APP, "api.progress.update", _update(student, lesson)) as update:
            recorder.spend(0.1, 0.6)
            update.event("progress.validation_failed", {"field": "positionSeconds", "max": lesson.duration_seconds})
        call.status = 400


def progress_refused(recorder: Recorder, student: Student, *, cookie: bool) -> None:
    with api(recorder, "POST", _PROGRESS) as call:
        session_check(recorder, call, student, _PROGRESS, cookie=cookie)


def progress_conflict(recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int) -> None:
    """Two tabs insert the same row: P2002, 500, three or four red spans for one failed request."""
    message = '23505 duplicate key value violates unique constraint "Progress_pkey"'
    with api(recorder, "POST", _PROGRESS) as call:
        session_check(recorder, call, student, _PROGRESS)
        with recorder.span(APP, "api.progress.update", _update(student, lesson)) as update:
            _received(update, position_seconds)
            query(recorder, "Progress", "upsert", PROGRESS_SAVE, error=message)
            _fail(recorder, student, update, UNIQUE_PROGRESS)
        call.status = 500


def progress_timeout(recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int) -> None:
    """No free connection within the pool's limit: P2024, 500, after ten long seconds without any statement."""
    with api(recorder, "POST", _PROGRESS) as call:
        session_check(recorder, call, student, _PROGRESS)
        with recorder.span(APP, "api.progress.update", _update(student, lesson)) as update:
            _received(update, position_seconds)
            wait_for_connection(recorder, "Progress", "upsert", 10_000)
            _fail(recorder, student, update, POOL_TIMEOUT)
        call.status = 500


def progress_slow(recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int) -> None:
    """The row is locked by a report: the save succeeds, late."""
    with api(recorder, "POST", _PROGRESS) as call:
        session_check(recorder, call, student, _PROGRESS)
        with recorder.span(APP, "api.progress.update", _update(student, lesson)) as update:
            _received(update, position_seconds)
            before_ns = recorder.now_ns
            query(recorder, "Progress", "upsert", PROGRESS_SAVE, low_ms=180, high_ms=1_900)
            recorder.measure("progress.save_time_ms", (recorder.now_ns - before_ns) / 1e6, completed=False)
            recorder.measure("progress.updates_total", 1, completed=False)


def _update(student: Student, lesson: Lesson) -> dict[str, AttributeValue]:
    return {"http.method": "POST", "http.route": _PROGRESS} | _both(student, lesson)


def _received(update: OpenSpan, position_seconds: int) -> None:
    update.event("progress.data_received", {"watchTime": 15, "positionSeconds": position_seconds, "completed": False})


def _fail(recorder: Recorder, student: Student, update: OpenSpan, error: PrismaError) -> None:
    raise_in(update, error)
    recorder.log("error", "progress save failed", {"user.id": student.user_id} | error.attributes)


def _mismatch(recorder: Recorder, resume: OpenSpan, saved_seconds: int, actual_seconds: int) -> None:
    positions = {"expected": saved_seconds, "actual": actual_seconds, "deltaSeconds": actual_seconds - saved_seconds}
    resume.event("video.resume_position_mismatch", positions)
    resume.fail("resume position mismatch")
    recorder.measure("video.resume_failures_total", 1, reason="position_mismatch")


def _sign_url(recorder: Recorder, lesson: Lesson) -> None:
    cached = recorder.random.random() < 0.6
    attributes: dict[str, AttributeValue] = {
        "aws.s3.bucket": "diamond-district-videos",
        "aws.s3.key": lesson.video_key,
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "GetObject",
        "cache.hit": cached,
    }
    with recorder.span(APP, "s3.presign", attributes):
        redis(recorder, "get", f"url:{lesson.video_key}")
        if not cached:
            recorder.spend(2, 24)
            redis(recorder, "set", f"url:{lesson.video_key} [3 other arguments]")
