"""PostgreSQL through Prisma, and Redis: the spans these clients leave, with the statements of the real platform."""

from diamond_viewer.demo.cast import PG, PRISMA, REDIS
from diamond_viewer.demo.recorder import Recorder
from diamond_viewer.telemetry.model import KIND_CLIENT, AttributeValue


def _columns(table: str, *columns: str) -> str:
    return ", ".join(f'"public"."{table}"."{column}"' for column in columns)


_LESSON = _columns("Lesson", "id", "courseId", "title", "durationSec", "s3Key", "position")
_PROGRESS = _columns("Progress", "userId", "lessonId", "position", "watchTime", "completed", "updatedAt")
_USER = _columns("User", "id", "email", "name", "password", "role", "createdAt")

LESSON_BY_ID = f'SELECT {_LESSON} FROM "public"."Lesson" WHERE ("public"."Lesson"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3'
LESSONS_OF_COURSE = f'SELECT {_LESSON} FROM "public"."Lesson" WHERE "public"."Lesson"."courseId" = $1 OFFSET $2'
COURSE_BY_ID = (
    f'SELECT {_columns("Course", "id", "title")} FROM "public"."Course" WHERE "public"."Course"."id" = $1 OFFSET $2'
)
PROGRESS_OF_LESSON = (
    f'SELECT {_PROGRESS} FROM "public"."Progress" WHERE (("public"."Progress"."userId" = $1 '
    'AND "public"."Progress"."lessonId" = $2) AND 1=1) LIMIT $3 OFFSET $4'
)
PROGRESS_COUNT = (
    'SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."Progress"."userId", "public"."Progress"."lessonId" '
    'FROM "public"."Progress" WHERE "public"."Progress"."lessonId" = $1 OFFSET $2) AS "sub"'
)
PROGRESS_SUMS = (
    'SELECT SUM("public"."Progress"."watchTime") AS "_sum$watchTime", "public"."Progress"."lessonId" '
    'FROM "public"."Progress" WHERE 1=1 GROUP BY "public"."Progress"."lessonId" OFFSET $1'
)
PROGRESS_SAVE = (
    'INSERT INTO "public"."Progress" ("userId","lessonId","position","watchTime","completed","updatedAt") '
    'VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT ("userId","lessonId") DO UPDATE SET "position" = $7, '
    '"watchTime" = ("public"."Progress"."watchTime" + $8), "completed" = $9, "updatedAt" = $10 '
    'WHERE (("public"."Progress"."userId" = $11 AND "public"."Progress"."lessonId" = $12) AND 1=1) '
    f"RETURNING {_PROGRESS}"
)
NOTE_INSERT = (
    'INSERT INTO "public"."Note" ("userId","lessonId","body","slug") VALUES ($1,$2,$3,$4) '
    f"RETURNING {_columns('Note', 'id', 'userId', 'lessonId', 'body', 'slug')}"
)
USER_BY_EMAIL = f'SELECT {_USER} FROM "public"."User" WHERE ("public"."User"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3'

_POSTGRES: dict[str, AttributeValue] = {
    "db.system.name": "postgresql",
    "db.namespace": "diamond",
    "server.address": "127.0.0.1",
    "server.port": 5432,
}


def query(
    recorder: Recorder,
    model: str,
    method: str,
    *statements: str,
    low_ms: float = 0.6,
    high_ms: float = 9,
    error: str = "",
) -> None:
    """One call of the Prisma client: an operation, in it each statement twice, as Prisma's own span and the driver's.

    ``error`` is PostgreSQL's code and message (``23505 duplicate key ...``) with which the last statement fails.
    """
    operation = {"method": method, "model": model, "name": f"{model}.{method}"}
    with recorder.span(PRISMA, "prisma:client:operation", operation):
        with recorder.span(PRISMA, "prisma:client:serialize", {}):
            recorder.spend(0.05, 0.4)
        if recorder.random.random() < 0.12:  # the plan of a query is compiled once per process and then cached
            with recorder.span(PRISMA, "prisma:client:compile", {"models": [model], "actions": [method]}):
                recorder.spend(0.5, 11)
        for number, statement in enumerate(statements, 1):
            fails = error if number == len(statements) else ""
            with recorder.span(
                PRISMA,
                "prisma:client:db_query",
                {"db.query.text": statement, "db.system.name": "postgresql"},
                kind=KIND_CLIENT,
            ):
                recorder.spend(0.1, 0.6)
                if recorder.random.random() < 0.05:
                    _connect(recorder)
                _statement(recorder, statement, low_ms, high_ms, fails)
        recorder.spend(0.05, 0.4)


def wait_for_connection(recorder: Recorder, model: str, method: str, waited_ms: float) -> None:
    """A Prisma call that never gets a connection: the pool is exhausted, no statement is sent."""
    operation = {"method": method, "model": model, "name": f"{model}.{method}"}
    with recorder.span(PRISMA, "prisma:client:operation", operation):
        with recorder.span(PRISMA, "prisma:client:serialize", {}):
            recorder.spend(0.05, 0.4)
        recorder.spend(waited_ms, waited_ms + 40)


def redis(recorder: Recorder, command: str, arguments: str, low_ms: float = 0.2, high_ms: float = 2) -> None:
    attributes: dict[str, AttributeValue] = {
        "db.operation.name": command,
        "db.system.name": "redis",
        "db.query.text": f"{command} {arguments}",
        "server.address": "127.0.0.1",
        "server.port": 6379,
    }
    with recorder.span(REDIS, command, attributes, kind=KIND_CLIENT):
        recorder.spend(low_ms, high_ms)


def _statement(recorder: Recorder, statement: str, low_ms: float, high_ms: float, error: str) -> None:
    verb = statement.split(" ", 1)[0]
    with recorder.span(
        PG, f"pg.query:{verb} diamond", _POSTGRES | {"db.query.text": statement}, kind=KIND_CLIENT
    ) as span:
        recorder.spend(low_ms, high_ms)
        if error:
            code, _, message = error.partition(" ")
            # the pg instrumentation gives neither a type nor a stack
            span.event("exception", {"exception.message": f"PostgreSQL error of type 'error' occurred (code: {code})"})
            span.fail(message)


def _connect(recorder: Recorder) -> None:
    pool = {"db.postgresql.idle.timeout.millis": 10000} | _POSTGRES
    with recorder.span(PG, "pg-pool.connect", pool, kind=KIND_CLIENT):
        recorder.spend(0.1, 0.5)
        with recorder.span(PG, "pg.connect", _POSTGRES, kind=KIND_CLIENT):
            recorder.spend(4, 40)
