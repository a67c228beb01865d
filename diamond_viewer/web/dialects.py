"""Which addresses are for programs, and in what shape each of them says that something is wrong."""

from collections.abc import Callable, Mapping

import orjson
from flask import Response

Shape = Callable[[int, str], tuple[str, bytes]]  # status and sentence -> media type and body

JSON, TEXT = "application/json", "text/plain"


def _own(status: int, sentence: str) -> tuple[str, bytes]:
    return JSON, orjson.dumps({"error": sentence})


def _jaeger(status: int, sentence: str) -> tuple[str, bytes]:
    """Source: jaeger's query service, ``structuredResponse``."""
    errors = [{"code": status, "msg": sentence}]
    return JSON, orjson.dumps({"data": None, "total": 0, "limit": 0, "offset": 0, "errors": errors})


def _text(status: int, sentence: str) -> tuple[str, bytes]:
    return TEXT, f"{sentence}\n".encode(errors="replace")


SHAPES: Mapping[str, Shape] = {"/api": _own, "/jaeger": _jaeger, "/tempo": _text, "/metrics": _text}


def is_for_programs(path: str) -> bool:
    """
    >>> [is_for_programs(path) for path in ("/api/traces", "/api", "/apis", "/tempo/api/echo", "/health")]
    [True, True, False, True, False]
    """
    return _shape_of(path) is not None


def error_body(path: str, status: int, sentence: str) -> tuple[str, bytes] | None:
    """Media type and body; None for the address of a page.

    >>> error_body("/api/traces", 400, "No."), error_body("/health", 400, "No.")
    (('application/json', b'{"error":"No."}'), None)
    """
    shape = _shape_of(path)
    return shape(status, sentence) if shape else None


def error_answer(path: str, status: int, sentence: str) -> Response | None:
    """Likewise, as a response."""
    found = error_body(path, status, sentence)
    return Response(found[1], status, mimetype=found[0]) if found else None


def _shape_of(path: str) -> Shape | None:
    return next((shape for prefix, shape in SHAPES.items() if path == prefix or path.startswith(f"{prefix}/")), None)
