"""Whatever stands in an address, the answer is a page, JSON or a refusal with a sentence: never a 500."""

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.conftest import TRACES

LONG = 7_000  # characters: an address of 8 KiB is refused before anybody reads it
SEARCHES = {
    "a bomb for regular expressions": "name:" + "a*" * 200 + "b",
    "as many wildcards as are allowed": 'name:"a" OR name:' + "*a" * 8,
    "nested like a bomb": "(a+)+$ (a|a)*b ((a*)*)*",
    "longer than a search may be": "a" * LONG,
    "a thousand words": "a " * 3_000,
    "nested deeply": "(" * 500 + "a" + ")" * 500,
    "a thousand denials": "-" * 1_000 + "a",
    "spans within spans": "span:{" * 200,
    "numbers that are none": "duration>1e999s",
    "a number without end": "http.status>" + "9" * 5_000,
    "not a number": "x>nan y<inf z>=-inf",
    "digits of another script": "trace.spans>٣",
    "a quotation that never ends": '"' + "\\" * 3_000,
    "control characters": "a\x00b\x1b[31m",
    "half a surrogate pair": "\ud800",
    "HTML": '<script>alert(1)</script>"><img src=x onerror=alert(1)>',
    "a template": "{{ config }} {% include 'base.html' %}",
    "SQL": "' OR 1=1; DROP TABLE spans; --",
    "a path": "../../../../etc/passwd",
    "a format": "%s%n%x {0.__class__}",
    "only operators": ":=~<>!",
    "right to left": "\u202eerror:sutats",
}
ARGUMENTS = {
    "limit": ("0", "-1", "1001", "1e3", "9" * 400, "٥", "50.0", "0x10", " 5 5"),
    "page": ("0", "-1", "1000000", "1000001", "9" * 30, "two"),
    "min_ms": ("abc", "-5", "1e9", "9" * 50, "nan", "1.1.1", "٣"),
    "since": (
        "yesterday",
        "0000-00-00",
        "2026-13-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "99999999d",
        "2026-11-22T25:00Z",
    ),
    "until": ("1969-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9" * 300, "-1h"),
    "sort": ("name", "start;drop", ""),
    "flag": ("none", "slow" * 99),
    "status": ("500", "ERROR"),
    "user": ("x" * 6_000, "\x00"),
    "anchor": ("0-0", "9" * 19 + "-" + "f" * 32, "-" * 60),
    "column": ("x" * 5_000, "\x00", "__class__", "<b>"),
    "face": ("x", "durations" * 50),
    "trace": ("x", "0" * 31, "../../x"),
    "nonsense": ("1",),
}
PATHS = ("/trace-viewer.html", "/api/traces", "/api/stats", "/api/export", "/logs", "/api/logs")
ROWS = [(field, text, f"{field} {name}") for field in ("q", "text") for name, text in SEARCHES.items()]
ROWS += [(name, value, f"{name} {value[:20]}") for name, values in ARGUMENTS.items() for value in values]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    store = filled([TRACES.read_bytes().splitlines()])
    return create_app(store, clock=lambda: NOW_NS).test_client()


def ask(client: FlaskClient, path: str, **arguments: str) -> tuple[int, str]:
    arguments = {
        name: value.encode(errors="surrogatepass").decode(errors="replace") for name, value in arguments.items()
    }
    response = client.get(path, query_string=arguments)
    return response.status_code, response.get_data(as_text=True)


@pytest.mark.parametrize(("name", "value"), [row[:2] for row in ROWS], ids=[row[2] for row in ROWS])
def test_no_question_breaks_an_answer(client: FlaskClient, name: str, value: str) -> None:
    for path in PATHS:
        more = {"format": "ndjson"} if path == "/api/export" else {}
        status, text = ask(client, path, **{name: value}, **more)
        assert status in (200, 302, 400, 414), (path, status)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        if status in (400, 414) and path.startswith("/api"):
            sentence = json.loads(text)["error"]
            assert sentence[-1] in ".?"
            assert len(sentence) < 500
    status, _ = ask(client, "/search-hints", q=value, cursor="9" * 8)
    assert status in (200, 414)


@pytest.mark.parametrize("name", ["min_ms", "max_ms", "since", "until", "limit", "page", "sort", "flag", "status"])
def test_a_refusal_names_its_parameter(client: FlaskClient, name: str) -> None:
    status, text = ask(client, "/api/traces", **{name: "abc"})
    assert (status, json.loads(text)["error"].startswith(f"{name}='abc'")) == (400, True), text
    assert f"{name}=&#39;abc&#39;" in ask(client, "/trace-viewer.html", **{name: "abc"})[1]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arguments=st.dictionaries(
        st.sampled_from([*ARGUMENTS, "q", "text", "severity", "format"]),
        st.sampled_from([row[1] for row in ROWS]) | st.text(max_size=60),
        max_size=5,
    )
)
def test_no_mixture_of_them_does_either(client: FlaskClient, arguments: dict[str, str]) -> None:
    for path in ("/trace-viewer.html", "/api/traces", "/link", "/search-hints", "/logs", "/api/logs"):
        assert ask(client, path, **arguments)[0] in (200, 302, 400, 414)


def test_a_page_far_behind_the_end_is_the_last_and_the_api_s_is_empty(client: FlaskClient) -> None:
    assert "page 7 of 7" in ask(client, "/trace-viewer.html", page="1000000")[1]
    answer = json.loads(ask(client, "/api/traces", page="1000000")[1])
    assert (answer["total"], answer["traces"]) == (314, [])
