"""Who may look: readers with a token, or those that a trusted proxy has let in. Without either everybody may: loopback only.

A browser gives its token once, at ``/log-in``, for a cookie that no script can read, that no other site can send, that is
signed and that ends. Programs send ``Authorization: Bearer``. A token in an address is never looked at.
"""

import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network, ip_address

from flask import Flask, Response, make_response, redirect, render_template, request

from diamond_viewer.settings.settings import Settings
from diamond_viewer.tokens import TokenFile
from diamond_viewer.web.dialects import error_answer
from diamond_viewer.web.proxied import CAME_BY_PROXY
from diamond_viewer.web.standstill import STANDSTILL

COOKIE = "diamond_session"
SESSION_S = 12 * 3600
FREE_FAILURES = 5  # of one address, before it has to wait
MAX_WAIT_S = 60
MAX_REMEMBERED = 4096  # addresses that failed, sessions that logged out
MAX_TOKEN_LENGTH = 1024

OPEN_PATHS = frozenset(("/healthz", "/readyz"))  # and static/: none of them shows telemetry
LOG_IN_PATHS = frozenset(("/log-in", "/log-out"))
_LOCAL = re.compile(
    r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*"
)  # printable ASCII without a backslash; one slash at its beginning

WRONG_TOKEN = "That is none of the tokens in the file that --auth-token-file names."
NEEDS_TOKEN = "This viewer needs a token: send it as Authorization: Bearer TOKEN."
NEEDS_PROXY = "This viewer answers to those that its proxy has let in."


class Attempts:
    """How often an address was wrong, and how long it has to wait: 1 s after the fifth time, then twice as long each time."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and until when it waits

    def wait_s(self, address: str) -> int:
        """Whole seconds until this address may try again; 0 is now."""
        address = network_of(address)
        with self._lock:
            _, until_s = self._failures.get(address, (0, 0.0))
        return max(0, int(until_s - self._clock_s() + 0.999))

    def failed(self, address: str) -> None:
        address = network_of(address)
        with self._lock:
            count = self._failures.pop(address, (0, 0.0))[0] + 1
            wait_s = min(MAX_WAIT_S, 2 ** min(count - FREE_FAILURES, 10)) if count >= FREE_FAILURES else 0
            self._failures[address] = count, self._clock_s() + wait_s
            while len(self._failures) > MAX_REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        address = network_of(address)
        with self._lock:
            self._failures.pop(address, None)


def network_of(address: str) -> str:
    """Who is counted as one: with IPv6 everybody has 2**64 addresses of their own, and could try each once.

    >>> [network_of(address) for address in ("10.0.0.2", "2001:db8:1:2:3::4", "::ffff:10.0.0.2", "")]
    ['10.0.0.2', '2001:db8:1:2::/64', '10.0.0.2', '']
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False))


class Sessions:
    """Signed cookies. Each ends with the token it was given for, and with the viewer. It says which token that is in a way that
    nobody else can check: whoever gets hold of a cookie cannot try at home which token would fit."""

    def __init__(self, tokens: TokenFile, clock_s: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock_s = clock_s
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, digest: str) -> str:
        """A cookie for the token with this SHA-256."""
        said = f"{int(self._clock_s()) + SESSION_S}.{secrets.token_hex(16)}.{self._name_of(digest)}"
        return f"{said}.{self._signature(said)}"

    def is_valid(self, cookie: str) -> bool:
        said, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._signature(said).encode(), signature.encode(errors="replace")):
            return False
        until, _, name = said.split(".")  # what is signed was written here
        with self._lock:
            has_ended = said in self._ended
        return not has_ended and self._clock_s() < int(until) and self._still_counts(name)

    def end(self, cookie: str) -> None:
        if self.is_valid(cookie):  # or strangers would fill what is remembered
            with self._lock:
                self._ended[cookie.rpartition(".")[0]] = None
                while len(self._ended) > MAX_REMEMBERED:
                    self._ended.popitem(last=False)

    def _still_counts(self, name: str) -> bool:
        return any(hmac.compare_digest(self._name_of(digest), name) for digest in self._tokens.digests())

    def _name_of(self, digest: str) -> str:
        return hmac.digest(self._key, f"token {digest}".encode(), "sha256").hex()

    def _signature(self, said: str) -> str:
        return hmac.digest(self._key, said.encode(errors="replace"), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Gate:
    """``tokens`` is None when no token lets anybody in; ``user_header`` is empty when no proxy does.

    Several applications may stand behind one gate (an import's beside the live one): who is in, is in everywhere.
    """

    tokens: TokenFile | None = None
    user_header: str = ""
    proxies: tuple[str, ...] = ()
    sessions: Sessions | None = None
    attempts: Attempts = field(default_factory=Attempts, compare=False)

    @classmethod
    def of(cls, settings: Settings) -> "Gate":
        tokens = TokenFile(settings.auth_token_file) if settings.auth_token_file else None
        return cls(tokens, settings.trust_proxy_user, settings.proxies, Sessions(tokens) if tokens else None)

    @property
    def is_open(self) -> bool:
        return self.tokens is None and not self.user_header


EVERYBODY = Gate()


def guard(app: Flask, gate: Gate, root: str = "/") -> None:
    """Let nobody past the gate; to be called after ``protect``, whose checks come first. ``root`` is that of the pages."""
    can_log_out = gate.tokens is not None
    app.context_processor(lambda: {"can_log_out": can_log_out and COOKIE in request.cookies})
    if gate.is_open:
        return
    attempts, sessions = gate.attempts, gate.sessions
    open_paths = OPEN_PATHS | LOG_IN_PATHS if sessions else OPEN_PATHS

    def refuse_strangers() -> Response | None:
        request.environ.pop(STANDSTILL, None)  # an answer from the loop would let in whom nobody has asked
        if request.path in open_paths or request.endpoint == "static" or _came_by_proxy(gate):
            return None
        if sessions is None or gate.tokens is None:
            return _refusal(403, NEEDS_PROXY)
        if sessions.is_valid(request.cookies.get(COOKIE, "")):
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return _refusal(401, NEEDS_TOKEN)
        return None if _try(token) else _refused_attempt()

    def _try(token: str) -> str | None:
        """The digest of a token that counts. While an address waits not even the right one is looked at."""
        address = request.remote_addr or ""
        if gate.tokens is None or attempts.wait_s(address):
            return None
        digest = gate.tokens.match(token.strip()) if len(token) <= MAX_TOKEN_LENGTH else None
        if digest:
            attempts.succeeded(address)
        else:
            attempts.failed(address)
        return digest

    def _refused_attempt() -> Response:
        wait_s = attempts.wait_s(request.remote_addr or "")
        if wait_s:
            return _refusal(429, f"Too many wrong tokens came from your address. Try again in {wait_s} s.", wait_s)
        return _refusal(401, WRONG_TOKEN)

    app.before_request_funcs.setdefault(None, []).insert(1, refuse_strangers)  # behind what protect put there
    if sessions is None:
        return

    @app.get("/log-in")
    def log_in_page() -> Response:
        return _form(200, "", local_target(request.args.get("next", "")))

    @app.post("/log-in")
    def log_in() -> Response:
        digest = _try(request.form.get("token", ""))
        if not digest:
            return _refused_attempt()
        response = make_response(redirect(local_target(request.form.get("next", "")), 303))
        response.set_cookie(
            COOKIE,
            sessions.begin(digest),
            max_age=SESSION_S,
            path=root,
            httponly=True,
            samesite="Strict",
            secure=request.is_secure or request.headers.get("Origin", "").lower().startswith("https://"),
        )
        return response

    @app.get("/log-out")
    def log_out_page() -> Response:
        return _names_its_origin(make_response(render_template("log_out.html")))

    @app.post("/log-out")
    def log_out() -> Response:
        sessions.end(request.cookies.get(COOKIE, ""))
        response = make_response(redirect("/log-in", 303))
        response.delete_cookie(COOKIE, path=root, httponly=True, samesite="Strict")
        return response


def local_target(target: str) -> str:
    """The same, if it stays in this viewer; else the first page.

    >>> [local_target(target) for target in ("/errors?q=a%20b", "//evil.example", "/\\\\evil.example", "https://evil.example")]
    ['/errors?q=a%20b', '/', '/', '/']
    >>> [local_target(target) for target in ("", "evil", "/a\\r\\nSet-Cookie: b=c", "javascript:alert(1)", "/log-in?next=/")]
    ['/', '/', '/', '/', '/']
    """
    return target if _LOCAL.fullmatch(target) and target.partition("?")[0] not in LOG_IN_PATHS else "/"


def _came_by_proxy(gate: Gate) -> bool:
    is_named = gate.user_header and request.headers.get(gate.user_header, "").strip()
    return bool(is_named) and bool(request.environ.get(CAME_BY_PROXY))


def _refusal(status: int, sentence: str, wait_s: int = 0) -> Response:
    """In a program's own shape, nothing for a fragment, and the log-in form in place of a page."""
    if (told := error_answer(request.path, status, sentence)) is not None:
        response = told
    elif "HX-Request" in request.headers:
        response = Response(
            sentence, status, {"HX-Refresh": "true"}, mimetype="text/plain"
        )  # the page is the form then
    elif status == 403:
        response = Response(f"{sentence}\n", status, mimetype="text/plain")
    else:
        is_attempt = request.path == "/log-in"
        asked = request.form.get("next", "") if is_attempt else request.full_path.removesuffix("?")
        said = sentence if is_attempt or sentence != NEEDS_TOKEN else ""
        response = _form(status, said, local_target(asked))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if wait_s:
        response.headers["Retry-After"] = str(wait_s)
    return response


def _form(status: int, sentence: str, target: str) -> Response:
    response = make_response(render_template("log_in.html", sentence=sentence, target=target), status)
    return _names_its_origin(response)


def _names_its_origin(response: Response) -> Response:
    """Below no-referrer a browser sends ``Origin: null`` with a form, which is what another site's form would have."""
    response.headers["Referrer-Policy"] = "same-origin"
    return response
