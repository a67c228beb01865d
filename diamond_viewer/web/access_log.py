"""What is written down of requests: nothing, unless it is asked for; then a JSON object a line, without a value of telemetry.

An address names users and lessons. So a request is told by its route (``/users/<path:user>``), its query by the names in it.
What breaks is one line too: where, and the kind of the exception, whose message may quote what was being read.
"""

import logging
import time
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Flask, Response, request

from diamond_viewer.query.filters import FILTER_BY_PARAMETER
from diamond_viewer.web.standstill import STANDSTILL

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))

access = logging.getLogger("diamond_viewer.access")
trouble = logging.getLogger("diamond_viewer.web")

_BEGAN = "diamond_viewer.began"


def log_access(app: Flask) -> None:
    """A line for each answer, once its last byte was handed on. To be called last: then it sees every refusal."""

    def begin() -> None:
        request.environ[_BEGAN] = time.monotonic_ns()
        request.environ.pop(STANDSTILL, None)  # what the server's loop answers by itself would be missing

    def end(response: Response) -> Response:
        began_ns = request.environ.get(_BEGAN, time.monotonic_ns())
        said: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "reader": request.remote_addr or "",
            "method": request.method if request.method in METHODS else "(other)",
            "route": route_of(),
            "parameters": sorted({name if name in FILTER_BY_PARAMETER else "(other)" for name in request.args}),
            "status": response.status_code,
            "bytes": response.content_length,
        }

        def write() -> None:
            duration_ms = (time.monotonic_ns() - began_ns) / 1e6
            access.info("%s", orjson.dumps(said | {"duration_ms": round(duration_ms, 3)}).decode())

        response.call_on_close(write)
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request_funcs.setdefault(None, []).insert(0, end)  # the first that is registered runs last


class TellsNoValues(Flask):
    """Flask, which tells of an exception where it was raised and of which kind it is."""

    def log_exception(self, exc_info: Any) -> None:
        trouble.error("%s %s could not be answered.", request.method[:10], route_of(), exc_info=exc_info)


def route_of() -> str:
    """With the names of what stood there."""
    return request.url_rule.rule if request.url_rule else "(none)"
