"""Around the lessons: pages, course lists, notes, search and reports, with the ways these go wrong."""

from diamond_viewer.demo.cast import APP, LESSONS, Lesson, Student
from diamond_viewer.demo.database import (
    LESSONS_OF_COURSE,
    NOTE_INSERT,
    PROGRESS_COUNT,
    PROGRESS_OF_LESSON,
    PROGRESS_SUMS,
    query,
)
from diamond_viewer.demo.failures import UNIQUE_NOTE, crash_in, raise_in
from diamond_viewer.demo.recorder import Recorder
from diamond_viewer.demo.server import api, page, session_check
from diamond_viewer.telemetry.model import AttributeValue

_COURSE = "/api/courses/[courseId]/lessons"


def open_dashboard(recorder: Recorder, student: Student) -> None:
    with page(recorder, "/dashboard", attributes={"user.id": student.user_id}):
        query(recorder, "Progress", "count", PROGRESS_COUNT)


def list_lessons(recorder: Recorder, student: Student, course_id: str, *, one_by_one: bool = False) -> None:
    """The lessons of a course. ``one_by_one`` asks for the progress of each in a query of its own: an N+1."""
    lessons = [lesson.lesson_id for lesson in LESSONS if lesson.course_id == course_id]
    target = f"/api/courses/{course_id}/lessons"
    with api(recorder, "GET", _COURSE, target) as call:
        session_check(recorder, call, student, target)
        attributes: dict[str, AttributeValue] = {
            "http.method": "GET",
            "http.route": _COURSE,
            "user.id": student.user_id,
        }
        with recorder.span(APP, "api.courses.lessons", attributes | {"course.id": course_id, "lesson.ids": lessons}):
            query(recorder, "Lesson", "findMany", LESSONS_OF_COURSE)
            for _ in lessons if one_by_one else ():
                query(recorder, "Progress", "findUnique", PROGRESS_OF_LESSON)


def write_note(recorder: Recorder, student: Student, lesson: Lesson, *, twice: bool = False) -> None:
    """A note. Sent ``twice`` by an impatient click it hits the unique slug: P2002, answered with 409."""
    with api(recorder, "POST", "/api/notes") as call:
        session_check(recorder, call, student, "/api/notes")
        attributes: dict[str, AttributeValue] = {
            "http.method": "POST",
            "http.route": "/api/notes",
            "user.id": student.user_id,
            "lessonId": lesson.lesson_id,
            "note.body_preview": "Great <b>lesson</b>",
        }
        with recorder.span(APP, "api.notes.create", attributes) as create:
            message = '23505 duplicate key value violates unique constraint "Note_slug_key"'
            query(recorder, "Note", "create", NOTE_INSERT, error=message if twice else "")
            if twice:
                raise_in(create, UNIQUE_NOTE)
                recorder.log("error", "note failed", {"user.id": student.user_id} | UNIQUE_NOTE.attributes)
                call.status = 409


def search(recorder: Recorder, *, crash: bool = False) -> None:
    """Search; its parser crashes on an empty answer of the suggestion service."""
    with api(recorder, "GET", "/api/search", "/api/search?q=facet") as call:
        recorder.spend(4, 40)
        if crash:
            message = "Cannot read properties of undefined (reading 'results')"
            crash_in(call.handler, "TypeError", message, "i (/srv/diamond/next/.next/server/chunks/_1pj3._.js:1:180)")
            call.handler.attributes["error.type"] = "TypeError"
            call.status = 500


def open_report(recorder: Recorder, student: Student, *, slow: bool) -> None:
    """A weekly report over everybody's progress: one statement that takes a second or more when the cache is cold."""
    with api(recorder, "GET", "/api/reports") as call:
        session_check(recorder, call, student, "/api/reports")
        with recorder.span(APP, "report.generate", {"userId": student.user_id, "report.kind": "weekly"}):
            low_ms, high_ms = (900, 2_600) if slow else (15, 80)
            query(recorder, "Progress", "groupBy", PROGRESS_SUMS, low_ms=low_ms, high_ms=high_ms)
            recorder.spend(2, 30)
