"""The platform's words: the names of its spans and events that rules and flows look for, and what their attributes say.

Sources: the platform's handbook of key patterns; BullMQ's and Prisma's own instrumentation for the names below them.
"""

from diamond_viewer.telemetry.model import AttributeValue, Event
from diamond_viewer.telemetry.semconv import COOKIE_KEY

SESSION_CHECK, VIDEO_ACCESS, SIGN_URL = "auth.session.check", "api.video.access", "s3.presign"
PROGRESS_UPDATE, AUTHORIZE = "api.progress.update", "auth.authorize"
VIDEO_LOAD, VIDEO_RESUME, VIDEO_PROGRESS = "video.load", "video.resume", "video.progress"
PLAYER_SESSION = "video.session"  # lasts as long as a person watches: never slow
PRISMA = "prisma:"
PRISMA_CALLS = frozenset(("prisma:client:operation", "prisma:client:transaction"))
CONNECT_SPANS = frozenset(("pg-pool.connect", "pg.connect", "prisma:client:connect"))

AUTH_FAILED, CREDENTIALS_MISSING = "auth.failed", "auth.credentials.missing"
SESSION_CREATED, REDIRECT = "auth.session.created", "middleware.redirect"
LOADED, RESUME_ATTEMPT = "video.loaded", "video.resume_attempt"
RESUME_MISMATCH, BUFFERING = "video.resume_position_mismatch", "video.buffering"
PROGRESS_RECEIVED, PROGRESS_REFUSED = "progress.data_received", "progress.validation_failed"
AUTO_COMPLETED = "progress.auto_complete_triggered"
JOB_COMPLETED, JOB_FAILED = "job completed", "job failed"
WAY_EVENTS = (  # what a person's or a lesson's way is told by
    AUTH_FAILED, CREDENTIALS_MISSING, SESSION_CREATED, REDIRECT, LOADED, RESUME_ATTEMPT, RESUME_MISMATCH, BUFFERING,
    PROGRESS_RECEIVED, PROGRESS_REFUSED, AUTO_COMPLETED, JOB_COMPLETED, JOB_FAILED,
)  # fmt: skip

SIGN_IN_ROUTES = ("/api/auth/",)  # NextAuth's own calls: no cookie is expected there
SIGN_IN_PAGES = ("login", "signin", "sign-in")
REPORT_ROUTE = "/api/telemetry/"  # what a player tells: many posts in a second, each another event
VIDEO_ROUTE, PROGRESS_ROUTE = "/api/video", "/api/progress"

REFUSALS = {"bad_password": "the password was wrong", "unknown_user": "no account has this address"}

# Redis commands that wait on purpose: BullMQ's workers spend their lives in them
WAITING_COMMANDS = frozenset(
    ("blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax", "xread", "xreadgroup", "subscribe", "psubscribe")
)
BOOKKEEPING_STATEMENTS = frozenset(("begin", "commit", "rollback", "connect", "select 1"))


def has_cookie(event: Event) -> bool | None:
    """Whether a cookie was sent; None when the event does not say."""
    value = event.attributes.get(COOKIE_KEY)
    return None if value is None else value in (True, "true")


def number(event: Event, key: str) -> float | None:
    """A finite number of an event, also when it came as text.

    >>> [number(Event("e", 0, {"a": value}), "a") for value in (2, "2.5", True, "x", float("nan"), None)]
    [2.0, 2.5, None, None, None, None]
    """
    value = event.attributes.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        said = float(value)
    except (ValueError, OverflowError):
        return None
    return said if abs(said) < 1e15 else None


def words(value: AttributeValue) -> str:
    """Text on one line, at most 160 characters; "" for what is no text."""
    line = " ".join(value.split()) if isinstance(value, str) else ""
    return line if len(line) <= 160 else line[:159].rstrip() + "…"


def is_sign_in_page(address: str) -> bool:
    """
    >>> is_sign_in_page("/login?from=%2F"), is_sign_in_page("/auth/signin"), is_sign_in_page("/dashboard")
    (True, True, False)
    """
    path = address.partition("?")[0].casefold()
    return any(page in path for page in SIGN_IN_PAGES)


def waits_on_purpose(statement: str) -> bool:
    """
    >>> waits_on_purpose("bzpopmin bull:mail:marker 5"), waits_on_purpose("get url:a"), waits_on_purpose("")
    (True, False, False)
    """
    return statement.partition(" ")[0].casefold() in WAITING_COMMANDS


def times(count: int) -> str:
    """
    >>> times(1), times(2), times(1200)
    ('once', 'twice', '1,200 times')
    """
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def limit_ns(limit_ms: float) -> int:
    return round(limit_ms * 1_000_000)
