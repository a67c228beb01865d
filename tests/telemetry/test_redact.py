from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.model import Attributes, AttributeValue, Event, Link, Resource, Scope
from diamond_viewer.telemetry.redact import REDACTED, redact_attributes, redact_resource, redact_span
from diamond_viewer.telemetry.secret_values import says_nothing
from tests.builders import span

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ({"password": "x", "a": "b"}, {"password": REDACTED, "a": "b"}),
        ({"http.request.header.authorization": ["Basic x"]}, {"http.request.header.authorization": [REDACTED]}),
        (
            {"password": 1234, "token": 1.5, "api.key": b"x"},
            {"password": REDACTED, "token": REDACTED, "api.key": REDACTED},
        ),
        ({"user": {"name": "ada", "Api-Key": "x"}}, {"user": {"name": "ada", "Api-Key": REDACTED}}),
        (
            {"credentials": {"user": "ada", "n": [1, "x", None]}},
            {"credentials": {"user": REDACTED, "n": [1, REDACTED, None]}},
        ),
        ({"list": [{"a": [f"Bearer {JWT}"]}]}, {"list": [{"a": [f"Bearer {REDACTED}"]}]}),
        ({"body": b"password=x&a=b"}, {"body": b"password=REDACTED&a=b"}),
        ({JWT: 1}, {REDACTED: 1}),
        ({"x": {JWT: "y"}}, {"x": {REDACTED: "y"}}),
        (
            {"password=length": "y", "x": {"password=length": "y"}},
            {f"password={REDACTED}": REDACTED, "x": {f"password={REDACTED}": REDACTED}},
        ),
        ({"query": {"sig": "x", "part": "3"}}, {"query": {"sig": REDACTED, "part": "3"}}),
    ],
)
def test_secrets_are_taken_out_of_attributes(attributes: Attributes, shown: Attributes) -> None:
    assert redact_attributes(attributes) == shown


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"hasCookie": False, "auth.has_password": True, "token": None, "cookie": ""},
        {"gen_ai.usage.input_tokens": 812, "llm.token_count.prompt": 3, "cookies": 2},
        {"session.id": "s385564088", "auth.session.check": "ok", "password": "missing", "authorization": "false"},
        {"list": [1, "a", [b"\xff\x00", {"k": float("nan")}]], "bytes": b"\xff\xfe=\x00"},
        {"aws.s3.key": "videos/course-3/lesson-011.mp4", "recs.key": "u:usr_0000"},
    ],
)
def test_ordinary_attributes_come_back_as_the_very_object(attributes: Attributes) -> None:
    assert redact_attributes(attributes) is attributes


def test_values_nested_5_000_deep_need_no_recursion() -> None:
    value: AttributeValue = {"password": "hunter2"}
    for _ in range(5_000):
        value = [value]
    shown = redact_attributes({"deep": value})["deep"]
    for _ in range(5_000):
        assert isinstance(shown, list)
        shown = shown[0]
    assert shown == {"password": REDACTED}


SECRET = f"Bearer {JWT}"
SHOWN = f"Bearer {REDACTED}"


def test_everything_that_a_producer_wrote_of_a_span_is_read() -> None:
    given_span = replace(
        span("a", name=SECRET, status_message=SECRET, attributes={"a": SECRET}, service=SECRET),
        events=(Event(SECRET, 1, {"a": SECRET}), Event("tick", 2, {})),
        links=(Link("1" * 32, "2" * 16, f"k={SECRET}", {"a": SECRET}),),
        resource=Resource({"service.name": SECRET}, f"https://u:p@x/{JWT}"),
        scope=Scope(SECRET, SECRET, {"a": SECRET}, JWT),
        trace_state=f"k={SECRET}",
    )
    shown = redact_span(given_span)
    assert JWT not in repr(shown)
    assert shown == replace(
        given_span,
        name=SHOWN,
        status_message=SHOWN,
        attributes={"a": SHOWN},
        service=SHOWN,
        events=(Event(SHOWN, 1, {"a": SHOWN}), Event("tick", 2, {})),
        links=(Link("1" * 32, "2" * 16, f"k={SHOWN}", {"a": SHOWN}),),
        resource=Resource({"service.name": SHOWN}, f"https://{REDACTED}:{REDACTED}@x/{REDACTED}"),
        scope=Scope(SHOWN, SHOWN, {"a": SHOWN}, REDACTED),
        trace_state=f"k={SHOWN}",
    )


TEXT_FIELDS = [field.name for field in fields(span("a")) if isinstance(getattr(span("a"), field.name), str)]


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_no_text_of_a_span_is_forgotten(name: str) -> None:
    change: dict[str, Any] = {name: SECRET}
    shown = getattr(redact_span(replace(span("a"), **change)), name)
    assert shown == (SECRET if name in ("trace_id", "span_id", "parent_id") else SHOWN)  # ids are hex by then


@pytest.mark.parametrize(
    "change",
    [
        {"attributes": {"a": SECRET}},
        {"events": (Event(SECRET, 1, {}),)},
        {"events": (Event("tick", 1, {}), Event("tick", 1, {"a": SECRET}))},
        {"links": (Link("1" * 32, "2" * 16, SECRET, {}),)},
        {"links": (Link("1" * 32, "2" * 16, "", {"a": SECRET}),)},
        {"resource": Resource({"a": SECRET})},
        {"resource": Resource({}, SECRET)},
        {"scope": Scope(SECRET, "", {})},
        {"scope": Scope("", SECRET, {})},
        {"scope": Scope("", "", {"a": SECRET})},
        {"scope": Scope("", "", {}, SECRET)},
    ],
    ids=str,
)
def test_a_secret_at_one_place_only_is_taken_out(change: dict[str, Any]) -> None:
    shown = repr(redact_span(replace(span("a"), **change)))
    assert JWT not in shown
    assert shown.count(SHOWN) == 1


def test_a_span_without_secrets_comes_back_as_the_very_object() -> None:
    ordinary = span("a", events=[Event("auth.failed", 1, {"hasCookie": False})], attributes={"http.route": "/api/me"})
    assert redact_span(ordinary) is ordinary


def test_spans_that_share_a_resource_share_the_redacted_one() -> None:
    resource = Resource({"db.password": "hunter2"})
    first, second = (redact_span(replace(span(name), resource=resource)) for name in ("a", "b"))
    assert first.resource is second.resource
    assert first.resource == Resource({"db.password": REDACTED})


def test_a_resource_is_known_by_what_it_is_not_by_where_it_lay() -> None:
    for number in range(500):  # more than are remembered; freed ones leave their place in memory to the next
        resource = Resource({"n": number, "password": "x"})
        assert redact_resource(resource) == Resource({"n": number, "password": REDACTED})


VALUES: st.SearchStrategy[AttributeValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_redacting_twice_is_redacting_once(attributes: dict[str, AttributeValue]) -> None:
    once = redact_attributes(attributes)
    assert redact_attributes(once) == once
    assert len(once) == len(attributes)


@given(VALUES, st.sampled_from(["password", "x-api-key", "Set-Cookie", "client.secret"]))
def test_under_a_secret_name_no_text_is_shown(value: AttributeValue, key: str) -> None:
    def texts(of: AttributeValue) -> list[str]:
        if isinstance(of, dict):
            return [text for inner in of.values() for text in texts(inner)]
        if isinstance(of, list):
            return [text for inner in of for text in texts(inner)]
        return [of] if isinstance(of, str) else []

    shown = [text for text in texts(redact_attributes({key: value})[key]) if text != REDACTED]
    assert all(says_nothing(text) for text in shown)
