"""What becomes of a search as SQL: values are bound, and where a secret may stand SQL does not decide."""

import pytest

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.conditions import Conditions
from diamond_viewer.clickhouse.layout import NEEDED, Layout
from diamond_viewer.query.language import parse

LAYOUT = Layout("t", dict.fromkeys(NEEDED, "String") | {"SpanAttributes": "Map(LowCardinality(String), String)"})
HOSTILE = "x' OR 1=1 -- \\ {p0:String} %s"


def compiled(search: str) -> tuple[str, bool, Bound]:
    bound = Bound()
    found = Conditions(LAYOUT, bound, "true").of_trace(parse(search))
    return found.text, found.is_exact, bound


@pytest.mark.parametrize(
    "search", ["user:{}", "name:{}", '"a.key":{}', "{}", "a.key~{}", 'span:{{ route:{} "k":{} }}', "event:{}"]
)
def test_no_value_is_pasted(search: str) -> None:
    quoted = '"' + HOSTILE.replace("\\", "\\\\") + '"'
    text, _, bound = compiled(
        search.replace("{{", "\0").replace("}}", "\1").replace("{}", quoted).translate({0: "{", 1: "}"})
    )
    assert "1=1" not in text
    assert any("1=1" in str(value).lower() for value in bound.parameters.values())


@pytest.mark.parametrize(
    "search",
    [
        "user:u",
        "status:error",
        "duration>1s",
        "http.status>=400",
        "route:/api/things",
        "name:*",
        "video.quality:720p",
        "a.key:*",
        "trace.spans>3",
    ],
)
def test_what_holds_no_secret_sql_decides(search: str) -> None:
    assert compiled(search)[1]


@pytest.mark.parametrize(
    "search",
    [
        *(
            "words",
            "db.query.text~secret",
            "password:hunter2",
            "a.key:Bea*",
            "finding:*",
            "trace.name:GET*",
            "statement:x",
        ),
        *("name:GET*", "name~token=a", "service~web", "route:/api/*", "user~usr", "lesson:l*", "event~auth"),
        'name:"GET /reset?token=abcdef"',
    ],
)
def test_the_rest_is_decided_by_what_readers_are_shown(search: str) -> None:
    assert not compiled(search)[1]
    text, is_exact, _ = compiled(f"NOT ({search})")
    assert (text, is_exact) == ("true", False)


def test_of_an_inexact_part_only_the_exact_one_narrows() -> None:
    text, is_exact, _ = compiled("status:error finding:*")
    assert not is_exact
    assert "StatusCode" in text


@pytest.mark.parametrize(
    "search",
    [
        'name:"GET /reset?token=REDACTED"',
        "name~redacted",
        "user:REDACTED",
        "event~token=REDACTED",
        "name~ed",
        "name:*T",
        "user~a",
    ],
)
def test_a_name_is_found_as_it_is_shown_and_so_stands_in_no_table(search: str) -> None:
    text, is_exact, bound = compiled(search)
    assert not is_exact
    assert not bound.parameters
    assert "AND true" in text
