"""OTLP/HTTP as a WSGI application: a request is checked, decoded, stored, and only then answered.

Source: opentelemetry-proto ``docs/specification.md``, OTLP/HTTP. Who sends what cannot be stored hears why, in the
encoding that was used; the status says whether to try again (429 and 503, with Retry-After) or not.
"""

import re
import threading
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from diamond_viewer.receive.bodies import BodyError, read_body
from diamond_viewer.receive.storage import Storage
from diamond_viewer.telemetry.otlp_answers import JSON, PROTOBUF, failure, success
from diamond_viewer.telemetry.otlp_request import MAX_LINE_BYTES, RequestError, TooMuchError, lines_from_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RETRY_S = 10  # after which a full disk may have room again
BIG_BYTES = 1024**2  # compressed or not: bigger bodies are decoded one at a time
PREFLIGHT_S = 7200  # how long a browser may remember that it is allowed

_SIGNALS = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}
_REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}
_REASONS |= {405: "Method Not Allowed", 413: "Content Too Large", 415: "Unsupported Media Type"}
_REASONS |= {503: "Service Unavailable"}
_HEADER_NAMES = re.compile(r"[A-Za-z0-9_-]+(\s*,\s*[A-Za-z0-9_-]+)*", re.ASCII)

Headers = list[tuple[str, str]]
NOSNIFF = ("X-Content-Type-Options", "nosniff")  # a refusal quotes what was sent


class RefusalError(Exception):
    """The request is answered with ``status`` and a sentence."""

    def __init__(self, status: int, sentence: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class Receiver:
    """The WSGI application. ``allowed_origins`` are those of web pages that may send; without one, no browser may."""

    def __init__(
        self, storage: Storage, allowed_origins: Collection[str] = (), max_line_bytes: int = MAX_LINE_BYTES
    ) -> None:
        self._storage = storage
        self._allowed_origins = frozenset(allowed_origins)
        self._max_line_bytes = min(max_line_bytes, MAX_LINE_BYTES)
        self._big = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        media_type = media_type_of(environ.get("CONTENT_TYPE", ""))
        headers = self._origin_headers(environ)
        try:
            status, body = self._answer(environ, media_type, headers)
        except RefusalError as refusal:
            status, body = refusal.status, failure(refusal.status, str(refusal), media_type or JSON)
            headers += refusal.headers
        if status != 204:
            headers += [("Content-Type", media_type or JSON), ("Content-Length", str(len(body)))]
        start_response(f"{status} {_REASONS[status]}", [*headers, NOSNIFF])
        return [body]

    def _answer(self, environ: "WSGIEnvironment", media_type: str, headers: Headers) -> tuple[int, bytes]:
        if environ.get("HTTP_ORIGIN") and not headers:
            raise RefusalError(
                403,
                f"Web pages of {environ['HTTP_ORIGIN'][:100]!r} may not send telemetry. "
                "Start the viewer with --otlp-allow-origin to let them.",
            )
        signal = _SIGNALS.get(environ["PATH_INFO"])
        if signal is None:
            raise RefusalError(404, "OTLP/HTTP is received at /v1/traces, /v1/metrics and /v1/logs.")
        if environ["REQUEST_METHOD"] == "OPTIONS" and headers:
            headers += _preflight_headers(environ)
            return 204, b""
        if environ["REQUEST_METHOD"] != "POST":
            raise RefusalError(405, "Telemetry is sent with POST.", ("Allow", "POST"))
        if not media_type:
            raise RefusalError(415, f"Content-Type must be {JSON} or {PROTOBUF}.")
        if _size_of(environ) <= BIG_BYTES and not environ.get("HTTP_CONTENT_ENCODING"):
            return self._store(environ, signal, media_type)
        with self._big:
            return self._store(environ, signal, media_type)

    def _store(self, environ: "WSGIEnvironment", signal: str, media_type: str) -> tuple[int, bytes]:
        try:
            body = read_body(environ["wsgi.input"], environ.get("HTTP_CONTENT_ENCODING", ""))
            accepted = lines_from_request(
                body, signal, is_protobuf=media_type == PROTOBUF, max_line_bytes=self._max_line_bytes
            )
            if accepted.lines:
                self._storage.store(accepted.lines)
        except BodyError as error:
            raise RefusalError(error.status, str(error)) from None
        except TooMuchError as error:
            raise RefusalError(413, str(error)) from None
        except RequestError as error:
            raise RefusalError(400, str(error)) from None
        except OSError as error:
            raise RefusalError(
                503, f"It cannot be stored now ({error.strerror}): nothing of it was.", ("Retry-After", str(RETRY_S))
            ) from None
        return 200, success(signal, media_type, accepted.rejected, accepted.why)

    def _origin_headers(self, environ: "WSGIEnvironment") -> Headers:
        origin = environ.get("HTTP_ORIGIN", "")
        if origin.lower() not in self._allowed_origins:
            return []
        return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]


def media_type_of(content_type: str) -> str:
    """One of OTLP's two, or empty.

    >>> media_type_of("Application/JSON; charset=utf-8"), media_type_of("application/x-protobuf"), media_type_of("text/plain")
    ('application/json', 'application/x-protobuf', '')
    """
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type if media_type in (JSON, PROTOBUF) else ""


def _size_of(environ: "WSGIEnvironment") -> int:
    return int(environ.get("CONTENT_LENGTH") or 0)


def _preflight_headers(environ: "WSGIEnvironment") -> Headers:
    """What a browser asks before it sends: which methods and headers are fine, and whether a public page may."""
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    headers = [("Access-Control-Allow-Methods", "POST"), ("Access-Control-Max-Age", str(PREFLIGHT_S))]
    if _HEADER_NAMES.fullmatch(asked):
        headers.append(("Access-Control-Allow-Headers", asked))
    if environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    return headers
