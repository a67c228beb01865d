"""Who and what the demo is made of: processes, instrumentation scopes, students and lessons. All made up."""

from dataclasses import dataclass

from diamond_viewer.telemetry.model import AttributeValue, Resource, Scope

NEXT = Scope("next.js", "16.4.6", {})
HTTP = Scope("@opentelemetry/instrumentation-http", "0.223.0", {})
PRISMA = Scope("prisma", "", {})
PG = Scope("@opentelemetry/instrumentation-pg", "0.76.0", {})
REDIS = Scope("@opentelemetry/instrumentation-ioredis", "0.71.0", {})
QUEUE = Scope("diamond-district-queue", "", {})
APP = Scope("diamond-district", "1.4.2", {})
WORK = Scope("diamond-district-worker", "1.4.2", {})
BROWSER = Scope("player", "0.9.0", {})
PINO = Scope("@opentelemetry/instrumentation-pino", "0.69.0", {})


def _node_process(service: str, version: str, pid: int, arguments: tuple[str, ...]) -> Resource:
    """The resource the Node SDK detects; its keys and their order are those of the real platform."""
    attributes: dict[str, AttributeValue] = {
        "service.name": service,
        "host.name": "facet-1",
        "host.arch": "amd64",
        "host.id": "d1a30000000000000000000000000d1a",
        "process.pid": pid,
        "process.executable.name": "node",
        "process.executable.path": "/usr/bin/node",
        "process.command_args": ["/usr/bin/node", *arguments],
        "process.runtime.version": "20.20.2",
        "process.runtime.name": "nodejs",
        "process.runtime.description": "Node.js",
        "process.command": arguments[2],
        "process.owner": "diamond",
        "service.version": version,
        "service.namespace": "diamond-district",
        "deployment.environment.name": "demo",
        "deployment.environment": "demo",
    }
    return Resource(attributes)


_NEXT_START = ("-r", "./otel.cjs", "/srv/diamond/next/node_modules/next/dist/bin/next", "start", "-p", "3000")

WEB = _node_process("diamond-district-web", "1.4.2", 28091, _NEXT_START)
WEB_BEFORE = _node_process("diamond-district-web", "1.4.1", 27310, _NEXT_START)  # a second process, one release behind
WORKER = _node_process("diamond-district-worker", "1.4.2", 28094, ("-r", "./otel.cjs", "/srv/diamond/next/worker.cjs"))
PLAYER = Resource(
    {
        "service.name": "diamond-district-player",
        "service.version": "0.9.0",
        "telemetry.sdk.language": "webjs",
        "browser.platform": "macOS",
        "browser.mobile": False,
        "browser.brands": ["Chromium 131", "Not(A:Brand 24"],
        "user_agent.original": "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Chrome/131.0",
    }
)


@dataclass(frozen=True, slots=True)
class Student:
    user_id: str
    name: str  # for the reader of this code: telemetry carries ids only


@dataclass(frozen=True, slots=True)
class Lesson:
    lesson_id: str
    course_id: str
    duration_seconds: int

    @property
    def video_key(self) -> str:
        return f"videos/{self.course_id}/{self.lesson_id}.mp4"


LESSONS = tuple(Lesson(f"lesson-{n:03d}", f"course-{(n - 1) % 4 + 1}", 360 + n * 97 % 900) for n in range(1, 41))

MARA = Student("usr_0007", "Mara: everything that can go wrong goes wrong for her")
JONAS = Student("usr_0015", "Jonas: watches in the new player, which sends spans of its own")
LENA = Student("usr_0023", "Lena: a slow line, so her videos stall")
TARIK = Student("usr_0028", "Tarik: forgets his password")
NOOR = Student("usr_0037", "Noor: resumes on another device")
PAVEL = Student("usr_0043", "Pavel: his session is lost while he watches")
INES = Student("usr_0085", "Ines: teaches; opens reports and uploads videos")
OTTO = Student("usr_0117", "Otto: blocks cookies")
NOBODY = Student("", "leaves no user id: crawlers and housekeeping")
CROWD = tuple(
    Student(f"usr_{n:04d}", "has an ordinary day") for n in (2, 16, 29, 57, 71, 90, 107, 110, 122, 131, 150, 177)
)
