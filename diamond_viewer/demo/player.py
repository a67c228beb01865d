"""The new player, which traces itself: its spans come from the browser, in a resource of its own, on later lines."""

from diamond_viewer.demo.cast import BROWSER, PLAYER, Lesson, Student
from diamond_viewer.demo.lessons import save_progress, video_access, video_loaded
from diamond_viewer.demo.recorder import OpenSpan, Recorder
from diamond_viewer.telemetry.model import KIND_CLIENT, AttributeValue

_ORIGIN = "https://diamond.example"


def session(recorder: Recorder, student: Student, lesson: Lesson) -> None:
    """Load and first saves in one trace whose root is in the browser and ends last."""
    attributes: dict[str, AttributeValue] = {
        "session.id": f"s{recorder.random.getrandbits(32)}",
        "user.id": student.user_id,
        "lesson.id": lesson.lesson_id,
    }
    with recorder.span(BROWSER, "video.session", attributes, resource=PLAYER):
        recorder.spend(2, 6)
        with _fetch(recorder, "GET", f"/api/video/{lesson.lesson_id}", 200) as fetch:
            recorder.spend(5, 30)
            video_access(recorder, student, lesson, fetch.context)
            recorder.spend(5, 30)
        load_ms = int(recorder.spend(250, 900))
        with _fetch(recorder, "POST", "/api/telemetry/video", 204) as fetch:
            recorder.spend(5, 30)
            video_loaded(recorder, student, lesson, load_ms, remote=fetch.context)
        for position_seconds in (10, 20, 30):
            recorder.spend(900, 1_400)
            with _fetch(recorder, "POST", "/api/progress", 200) as fetch:
                recorder.spend(5, 30)
                save_progress(recorder, student, lesson, position_seconds, fetch.context)


def _fetch(recorder: Recorder, method: str, path: str, status: int) -> OpenSpan:
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "url.full": _ORIGIN + path,
        "server.address": _ORIGIN.removeprefix("https://"),
        "http.response.status_code": status,
    }
    return recorder.span(BROWSER, f"HTTP {method}", attributes, kind=KIND_CLIENT)
