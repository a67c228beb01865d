"""Which span, or which event on it, is why a trace matched."""

import pytest

from diamond_viewer.query.language import parse
from diamond_viewer.query.reasons import reasons, span_conditions
from tests.builders import event, span

SPANS = [
    span("root", name="GET /", kind=2, attributes={"http.route": "/", "http.response.status_code": 500}, colour="red"),
    span(
        "auth",
        "root",
        name="auth.authorize",
        events=[event("seen"), event("auth.failed", attributes={"hasCookie": False})],
    ),
    span("db", "root", ms=2000, is_error=True, status_message="Unique constraint", events=[event("exception")]),
    span("late", "root", name="late", colour="red"),
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("status:error", []),
        ("user:usr_1 duration>1s", []),
        ("event:auth.failed", ["auth/auth.failed"]),
        ("event:auth.*", ["auth/auth.failed"]),
        ("hasCookie=false", ["auth/auth.failed"]),
        ("event:auth.failed hasCookie=false", ["auth/auth.failed"]),
        ("name:auth.authorize", ["auth"]),
        ("service:web", ["root"]),
        ("colour:red", ["root"]),
        ("http.status>=500", ["root"]),
        ('"unique CONSTRAINT"', ["db"]),
        ("span.duration>1s event:seen", ["db", "auth/seen"]),
        ("span:{status:error event:exception}", ["db/exception"]),
        ("event:nowhere OR event:seen", ["auth/seen"]),
        ("-event:seen", []),
        ("span:{-colour:red}", ["auth"]),
        ("colour:blue", []),
    ],
)
def test_the_reason_is_the_first_span_or_its_event(search: str, found: list[str]) -> None:
    said = reasons(SPANS, span_conditions([parse(search)]))
    assert [r.span.span_id + (f"/{r.event.name}" if r.event else "") for r in said] == found


def test_no_span_behind_the_last_reason_is_looked_at() -> None:
    looked: list[str] = []
    looking = (one for one in SPANS if not looked.append(one.span_id))  # type: ignore[func-returns-value]
    reasons(looking, span_conditions([parse("name:auth.authorize")]))
    assert looked == ["root", "auth"]
