"""Exceptions as the platform's libraries raise and record them, stack traces included."""

from dataclasses import dataclass

from diamond_viewer.demo.recorder import OpenSpan
from diamond_viewer.telemetry.model import AttributeValue

_MODULES = "/srv/diamond/next/node_modules"
_SERVER_STACK = f"""
    at AsyncLocalStorage.run (node:async_hooks:335:14)
    at r0.renderToResponse ({_MODULES}/next/dist/compiled/next-server/app-route-turbo.runtime.prod.js:5:14429)
    at {_MODULES}/next/dist/server/lib/trace/tracer.js:271:36
    at Tracer.startActiveSpan ({_MODULES}/@opentelemetry/sdk-trace/build/src/Tracer.js:132:32)"""


@dataclass(frozen=True, slots=True)
class PrismaError:
    """Prisma records its code as the type; its messages begin with a newline and have several lines."""

    code: str
    call: str
    reason: str

    @property
    def message(self) -> str:
        return f"\nInvalid `prisma.{self.call}()` invocation:\n\n\n{self.reason}"

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        stack = (
            f"PrismaClientKnownRequestError: {self.message}\n"
            f"    at vn.handleRequestError ({_MODULES}/@prisma/client/runtime/client.js:65:8643)\n"
            f"    at vn.handleAndLogRequestError ({_MODULES}/@prisma/client/runtime/client.js:65:7932)\n"
            f"    at vn.request ({_MODULES}/@prisma/client/runtime/client.js:65:7639)\n"
            "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n"
            "    at async /srv/diamond/next/.next/server/chunks/_07pxg_8att9f9._.js:1:383" + _SERVER_STACK
        )
        return {"exception.type": self.code, "exception.message": self.message, "exception.stacktrace": stack}


UNIQUE_PROGRESS = PrismaError(
    "P2002", "progress.upsert", "Unique constraint failed on the fields: (`userId`,`lessonId`)"
)
UNIQUE_NOTE = PrismaError("P2002", "note.create", "Unique constraint failed on the constraint: `Note_slug_key`")
POOL_TIMEOUT = PrismaError(
    "P2024",
    "progress.upsert",
    "Timed out fetching a new connection from the connection pool. "
    "(Current connection pool timeout: 10, connection limit: 9)",
)


def raise_in(span: OpenSpan, error: PrismaError) -> None:
    span.event("exception", error.attributes)
    span.fail(error.message)


def crash_in(span: OpenSpan, kind: str, message: str, at: str) -> None:
    """A plain JavaScript error, recorded with ``recordException``."""
    stack = f"{kind}: {message}\n    at {at}"
    attributes = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stack + _SERVER_STACK}
    span.event("exception", attributes)
    span.fail(message)
