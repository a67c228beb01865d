"""Signing in with e-mail and password through NextAuth: as it should go, and the ways it fails."""

from diamond_viewer.demo.cast import APP, Student
from diamond_viewer.demo.database import USER_BY_EMAIL, query
from diamond_viewer.demo.recorder import Recorder
from diamond_viewer.demo.server import api, static_page
from diamond_viewer.telemetry.model import AttributeValue

_ROUTE = "/api/auth/[...nextauth]"


def sign_in(recorder: Recorder, student: Student) -> None:
    """The sign-in page, its token, the right password: a session."""
    open_form(recorder)
    recorder.spend(2_000, 9_000)
    with api(recorder, "POST", _ROUTE, "/api/auth/callback/credentials") as call:
        with recorder.span(APP, "auth.authorize", {"auth.provider": "credentials"}) as authorize:
            query(recorder, "User", "findUnique", USER_BY_EMAIL)
            recorder.spend(55, 120)  # the password's hash is slow on purpose
            authorize.attributes["user.id"] = student.user_id
        call.handler.event("auth.session.created", {"user.id": student.user_id, "auth.provider": "credentials"})
        recorder.log("info", "session created", {"user.id": student.user_id})


def wrong_password(recorder: Recorder, *, known_user: bool = True) -> None:
    """NextAuth cannot say who it was: no user id is on this trace."""
    reason = "bad_password" if known_user else "unknown_user"
    with api(recorder, "POST", _ROUTE, "/api/auth/callback/credentials") as call:
        with recorder.span(APP, "auth.authorize", {"auth.provider": "credentials"}) as authorize:
            query(recorder, "User", "findUnique", USER_BY_EMAIL)
            recorder.spend(*((55, 120) if known_user else (0.1, 0.4)))
            authorize.event("auth.failed", {"hasCookie": False, "reason": reason})
            authorize.fail("Invalid credentials")
            recorder.log("warn", "auth failed", {"hasCookie": False, "reason": reason})
        call.status = 401


def missing_credentials(recorder: Recorder, *, has_email: bool = False) -> None:
    with api(recorder, "POST", _ROUTE, "/api/auth/callback/credentials") as call:
        with recorder.span(APP, "auth.authorize", {"auth.provider": "credentials"}) as authorize:
            recorder.spend(0.3, 3)
            found: dict[str, AttributeValue] = {"auth.has_email": has_email, "auth.has_password": False}
            authorize.event("auth.credentials.missing", found)
            recorder.log("warn", "credentials missing", {})
        call.status = 401


def open_form(recorder: Recorder) -> None:
    static_page(recorder, "/login")
    recorder.spend(150, 700)
    with api(recorder, "GET", _ROUTE, "/api/auth/csrf"):
        recorder.spend(0.5, 3)
