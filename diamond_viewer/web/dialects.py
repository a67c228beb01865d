"""Which addresses are for programs, and in what shape each of them says that something is wrong."""

from collections.abc import Callable, Mapping

from flask import Response, jsonify

Shape = Callable[[int, str], Response]


def _own(status: int, sentence: str) -> Response:
    return jsonify(error=sentence)


def _jaeger(status: int, sentence: str) -> Response:
    """Source: jaeger's query service, ``structuredResponse``."""
    return jsonify(data=None, total=0, limit=0, offset=0, errors=[{"code": status, "msg": sentence}])


def _text(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", mimetype="text/plain")


SHAPES: Mapping[str, Shape] = {"/api": _own, "/jaeger": _jaeger, "/tempo": _text, "/metrics": _text}


def is_for_programs(path: str) -> bool:
    """
    >>> [is_for_programs(path) for path in ("/api/traces", "/api", "/apis", "/tempo/api/echo", "/health")]
    [True, True, False, True, False]
    """
    return _shape_of(path) is not None


def error_answer(path: str, status: int, sentence: str) -> Response | None:
    """None for the address of a page."""
    shape = _shape_of(path)
    if shape is None:
        return None
    response = shape(status, sentence)
    response.status_code = status
    return response


def _shape_of(path: str) -> Shape | None:
    return next((shape for prefix, shape in SHAPES.items() if path == prefix or path.startswith(f"{prefix}/")), None)
