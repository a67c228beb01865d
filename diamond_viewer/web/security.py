"""What every answer carries and what no request may do; ``protect`` puts it around a Flask application.

Sources: OWASP's secure headers, web.dev "strict CSP" and "Fetch Metadata", NCC Group's DNS rebinding notes.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flask import Flask, Request, Response, abort, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from diamond_viewer.settings.settings import LOOPBACK_NAMES
from diamond_viewer.web.dialects import error_answer, is_for_programs

MAX_BODY_BYTES = 64 * 1024  # nothing is uploaded here: a form or two at most
MAX_QUERY_BYTES = 8 * 1024  # all filters together, generously

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a URL here names users and lessons
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # for whom frame-ancestors is too new
}

FOREVER = "public, max-age=31536000, immutable"
_VERSIONED_NAME = re.compile(r"-\d+(\.\d+)+[.-]|[.-][0-9a-f]{8,64}\.")  # htmx-4.0.1.min.js, viewer.3f2a9c01.css
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:\d{1,5})?")

TITLES = {
    400: "This request cannot be read",
    403: "Not allowed from there",
    404: "Not found",
    405: "Not that way",
    413: "Too much at once",
    414: "The address is too long",
    500: "Something broke in the viewer",
    429: "Too many at once",
    503: "Not now",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not answer to that method.",
    413: f"A request's body may have at most {MAX_BODY_BYTES:,} bytes.",
    500: "The terminal that runs the viewer shows what went wrong; the traces are not affected.",
}


def protect(
    app: Flask, allowed_hosts: Iterable[str] = (), body_limits: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Register the checks before, the headers after, and the error pages of ``app``.

    ``allowed_hosts``: names or addresses, in lower case and without port, that a Host header may carry besides loopback's.
    ``body_limits``: the paths that take larger bodies than others, with their bytes.
    """
    hosts = frozenset(LOOPBACK_NAMES) | frozenset(allowed_hosts)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES

    def refuse_what_is_not_for_us() -> Response | None:
        if host_name(request.headers.get("Host", "")) not in hosts:
            # plain text, not the error page: whoever rebinds a name to this address must learn nothing, not even how
            # many files are read
            return Response(
                "This viewer does not answer to that host name. See --allowed-host.\n", 400, mimetype="text/plain"
            )
        if len(request.query_string) > MAX_QUERY_BYTES:
            abort(414, f"The query string may have at most {MAX_QUERY_BYTES:,} bytes.")
        max_bytes = body_limits.get(request.path, MAX_BODY_BYTES)
        request.max_content_length = request.max_form_memory_size = max_bytes
        if (request.content_length or 0) > max_bytes:
            abort(413, f"A request's body may have at most {max_bytes:,} bytes.")
        if not is_from_here(request):
            abort(403, "Another web site asked for this. Open the address in the browser instead.")
        return None

    # first of all: a view's own before_request functions must not run for a request that is refused
    app.before_request_funcs.setdefault(None, []).insert(0, refuse_what_is_not_for_us)
    app.after_request(_with_headers)
    app.register_error_handler(HTTPException, _error_page)


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets; empty for what is no host.

    >>> [host_name(header) for header in ("LOCALHOST:8000", "[::1]:80", "evil.example", "a b", "127.0.0.1@evil", "")]
    ['localhost', '::1', 'evil.example', '', '', '']
    """
    match = _HOST.fullmatch(header.lower())
    return match["name"].strip("[]") if match else ""


def is_from_here(request: Request) -> bool:
    """False when another site's page caused the request.

    Following a link from elsewhere to a page stays possible; everything else (its scripts, images, frames, forms, and all of
    what programs ask for) does not. Programs that are no browsers send none of these headers and are not meant.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if request.method not in SAFE_METHODS:
        origin = request.headers.get("Origin")
        if site is not None and site != "same-origin":
            return False
        if origin == "null":  # forms of ours say that, because of the referrer policy; the browser says that they are
            return site is not None
        return origin is None or origin.lower().partition("://")[2] == request.headers.get("Host", "").lower()
    if site in (None, "same-origin", "none"):
        return True
    follows_link = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) == (
        "navigate",
        "document",
    )
    return follows_link and not is_for_programs(request.path)


def _with_headers(response: Response) -> Response:
    policy = response.headers.get("Referrer-Policy")  # a page with a form that changes something has one of its own
    response.headers.update(HEADERS)
    if policy == "same-origin":
        response.headers["Referrer-Policy"] = policy
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"  # traces are personal data: in memory only, on both sides
    elif "v" in request.args or _VERSIONED_NAME.search(request.path):
        response.headers["Cache-Control"] = FOREVER
    else:
        response.headers["Cache-Control"] = "no-cache"  # ask each time; mostly answered with 304
    return response


def _error_page(error: HTTPException) -> Response:
    """Errors as designed states: in the shape that a program expects, else ``error.html``."""
    status = error.code or 500
    sentence = SENTENCES.get(status, f"{error.name}.")
    if error.description != type(error).description and not isinstance(error, InternalServerError):
        sentence = error.description or sentence  # a view said abort(404, "...")
    response = error_answer(request.path, status, sentence)
    if response is None:
        title = TITLES.get(status, error.name)
        response = make_response(render_template("error.html", status=status, title=title, sentence=sentence), status)
    kept = ((name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After"))
    response.headers.extend(kept)
    return response
