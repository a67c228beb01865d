"""Visits: what one person does on the platform in one go, good days and bad ones.

A visit is a generator. Between two steps it yields the seconds its person takes until the next one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from diamond_viewer.demo import courses, jobs, lessons, player, sign_in
from diamond_viewer.demo.cast import (
    CROWD,
    INES,
    JONAS,
    LENA,
    LESSONS,
    MARA,
    NOBODY,
    NOOR,
    OTTO,
    PAVEL,
    TARIK,
    Lesson,
    Student,
)
from diamond_viewer.demo.recorder import Recorder
from diamond_viewer.demo.server import not_found, static_page

Visit = Iterator[float]
Script = Callable[[Recorder, Student, Lesson], Visit]


def plays_to_the_end(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    yield from _arrive(recorder, student, lesson)
    yield from _load(recorder, student, lesson)
    yield from _watch(recorder, student, lesson, 0, beats=recorder.random.randrange(3, 9))
    yield from _watch(recorder, student, lesson, lesson.duration_seconds - 45, beats=3)  # skips to the end: completes
    courses.write_note(recorder, student, lesson)


def plays_a_little(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Still signed in from before."""
    courses.open_dashboard(recorder, student)
    yield 4
    yield from _load(recorder, student, lesson)
    yield from _watch(recorder, student, lesson, 0, beats=recorder.random.randrange(2, 7))


def stalls(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """A slow line: long loading, then a series of stalls."""
    lessons.open_lesson(recorder, lesson)
    yield 1
    lessons.video_access(recorder, student, lesson)
    load_ms = int(recorder.random.uniform(2_400, 6_500))
    yield load_ms / 1000
    lessons.video_loaded(recorder, student, lesson, load_ms, stalls=recorder.random.randrange(2, 6))
    yield from _watch(recorder, student, lesson, 0, beats=3)
    lessons.video_loaded(
        recorder, student, lesson, load_ms, stalls=recorder.random.randrange(3, 7)
    )  # from the start again
    yield 0.2
    lessons.video_resumed(recorder, student, lesson, 45, 180)


def resumes(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Comes back where the last visit ended: at once, or after seconds."""
    saved_seconds = recorder.random.randrange(60, lesson.duration_seconds - 60)
    fast = recorder.random.random() < 0.6
    resume_ms = recorder.random.randrange(90, 260) if fast else recorder.random.randrange(2_100, 7_800)
    lessons.open_lesson(recorder, lesson)
    yield 1
    lessons.video_access(recorder, student, lesson)
    yield resume_ms / 1000
    lessons.video_resumed(recorder, student, lesson, saved_seconds, resume_ms)
    yield from _watch(recorder, student, lesson, saved_seconds, beats=4)


def resumes_elsewhere(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """The other device saved later: the player lands at the wrong place, the person looks for the right one."""
    saved_seconds = recorder.random.randrange(120, lesson.duration_seconds - 60)
    actual_seconds = recorder.random.choice((0, 0, saved_seconds - 95))
    lessons.open_lesson(recorder, lesson)
    yield 1
    lessons.video_access(recorder, student, lesson)
    yield 0.4
    lessons.video_resumed(recorder, student, lesson, saved_seconds, 140, actual_seconds=actual_seconds)
    yield from _watch(recorder, student, lesson, saved_seconds, beats=2)


def loses_the_session(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """The cookie is there but its session is gone: saving fails, the middleware redirects, signing in helps."""
    yield from _arrive(recorder, student, lesson)
    yield from _load(recorder, student, lesson)
    yield from _watch(recorder, student, lesson, 0, beats=3)
    for _ in range(recorder.random.randrange(2, 5)):
        lessons.progress_refused(recorder, student, cookie=True)
        yield 5
    lessons.lesson_refused(recorder, lesson, cookie=True)
    yield 2
    sign_in.sign_in(recorder, student)
    yield 2
    lessons.video_access(recorder, student, lesson)
    yield 1
    lessons.video_resumed(recorder, student, lesson, 45, 180)
    yield from _watch(recorder, student, lesson, 45, beats=3)


def blocks_cookies(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Signs in again and again: no cookie ever comes back."""
    for _ in range(2):
        sign_in.sign_in(recorder, student)
        yield 1
        lessons.lesson_refused(recorder, lesson, cookie=False)
        yield 4
    lessons.video_refused(recorder, student, lesson, cookie=False)
    yield 3
    lessons.progress_refused(recorder, student, cookie=False)


def forgets_the_password(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    sign_in.open_form(recorder)
    yield 6
    sign_in.missing_credentials(recorder, has_email=True)
    yield 7
    sign_in.wrong_password(recorder, known_user=False)  # a slip in the address
    yield 9
    sign_in.wrong_password(recorder)
    yield 12
    yield from plays_to_the_end(recorder, student, lesson)


def cannot_save(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Two open tabs and a busy database: conflicts, slow saves, no connection for ten seconds."""
    yield from _load(recorder, student, lesson)
    yield from _watch(recorder, student, lesson, 0, beats=2)
    lessons.progress_conflict(recorder, student, lesson, 45)
    yield 2
    lessons.save_progress(recorder, student, lesson, 45)
    yield 10
    lessons.progress_slow(recorder, student, lesson, 60)
    yield 10
    lessons.progress_timeout(recorder, student, lesson, 75)
    yield 1
    lessons.progress_invalid(recorder, student, lesson)
    yield from _watch(recorder, student, lesson, 75, beats=2)


def clicks_twice(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Effects run twice and impatient clicks: two video calls at once, a note that is already there, an N+1."""
    courses.list_lessons(recorder, student, lesson.course_id, one_by_one=True)
    yield 3
    with recorder.aside(after_ms=recorder.random.uniform(5, 400)):
        lessons.video_access(recorder, student, lesson)
    lessons.video_access(recorder, student, lesson)
    yield 1
    lessons.video_loaded(recorder, student, lesson, int(recorder.random.uniform(300, 900)), stalls=1)
    yield from _watch(recorder, student, lesson, 0, beats=2)
    courses.write_note(recorder, student, lesson)
    yield 0.3
    courses.write_note(recorder, student, lesson, twice=True)
    yield 5
    courses.search(recorder, crash=True)


def teaches(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Reports, an upload to transcode, a class list to import; the worker is killed now and then."""
    sign_in.sign_in(recorder, student)
    yield 3
    courses.open_report(recorder, student, slow=True)
    yield 4
    courses.open_report(recorder, student, slow=False)
    yield 8
    jobs.request_transcode(recorder, student, lesson, killed=recorder.random.random() < 0.4)
    yield 10
    jobs.import_roster(recorder, student, killed=recorder.random.random() < 0.4)
    yield 6
    courses.list_lessons(recorder, student, lesson.course_id)


def watches_in_the_new_player(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    player.session(recorder, student, lesson)
    yield 3
    yield from _watch(recorder, student, lesson, 30, beats=3)


def nobody_in_particular(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    """Crawlers, the home page, housekeeping."""
    static_page(recorder, "/")
    yield 2
    not_found(recorder, recorder.random.choice(("/wp-login.php", "/.env", "/favicon.png")))
    yield 2
    courses.search(recorder)
    yield 5
    jobs.check_stalled_jobs(recorder)
    yield 1
    sign_in.missing_credentials(recorder)


@dataclass(frozen=True, slots=True)
class Habit:
    """How often (``weight``, relative) who does what."""

    weight: int
    script: Script
    students: tuple[Student, ...]


HABITS: tuple[Habit, ...] = (
    Habit(26, plays_to_the_end, CROWD),
    Habit(24, plays_a_little, CROWD),
    Habit(6, resumes, (*CROWD, NOOR)),
    Habit(8, nobody_in_particular, (NOBODY,)),
    Habit(4, resumes_elsewhere, (NOOR, NOOR, MARA)),
    Habit(5, stalls, (LENA, LENA, LENA, MARA)),
    Habit(4, loses_the_session, (PAVEL, PAVEL, MARA)),
    Habit(2, blocks_cookies, (OTTO,)),
    Habit(4, forgets_the_password, (TARIK, TARIK, MARA)),
    Habit(4, cannot_save, (MARA,)),
    Habit(4, clicks_twice, (MARA, LENA)),
    Habit(5, teaches, (INES,)),
    Habit(4, watches_in_the_new_player, (JONAS,)),
)


def next_visit(recorder: Recorder, number: int, opened: dict[str, set[Lesson]]) -> Visit:
    """The ``number``-th visit. The first ones go through every habit once, rarest first, so that a short past has them all.

    ``opened`` holds which lessons each user has opened. A visit is about another one: a lesson that is opened again is resumed,
    which most scripts do not do.
    """
    if number < len(HABITS):
        habit = HABITS[-1 - number]
    else:
        habit = recorder.random.choices(HABITS, [habit.weight for habit in HABITS])[0]
    student = recorder.random.choice(habit.students)
    known = opened.setdefault(student.user_id, set())
    if len(known) == len(LESSONS):
        known.clear()  # the first of them was hours ago
    lesson = recorder.random.choice([lesson for lesson in LESSONS if lesson not in known])
    known.add(lesson)
    return habit.script(recorder, student, lesson)


def _arrive(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    sign_in.sign_in(recorder, student)
    yield 1
    courses.open_dashboard(recorder, student)
    yield recorder.random.uniform(2, 6)
    courses.list_lessons(recorder, student, lesson.course_id)
    yield recorder.random.uniform(2, 6)
    lessons.open_lesson(recorder, lesson)
    yield 1


def _load(recorder: Recorder, student: Student, lesson: Lesson) -> Visit:
    lessons.video_access(recorder, student, lesson)
    load_ms = int(350 + 1_100 * recorder.random.random() ** 2)
    yield load_ms / 1000
    lessons.video_loaded(recorder, student, lesson, load_ms)


def _watch(recorder: Recorder, student: Student, lesson: Lesson, position_seconds: int, *, beats: int) -> Visit:
    """The player reports every few seconds, and saves beside it."""
    for beat in range(1, beats + 1):
        yield recorder.random.uniform(6, 11)
        position = min(position_seconds + 15 * beat, lesson.duration_seconds)
        lessons.video_progress(recorder, student, lesson, position)
        recorder.spend(20, 300)
        lessons.save_progress(recorder, student, lesson, position)
    yield 2
