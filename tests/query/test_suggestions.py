"""Autocomplete: what may stand at the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.keys import known_keys
from diamond_viewer.query.language import parse
from diamond_viewer.query.suggestions import Expected, expected_at, matching_keys, written
from tests.query.drawing import drawn


@pytest.mark.parametrize(
    ("text", "expected", "key", "prefix"),
    [
        pytest.param("|", "key", "", "", id="nothing yet"),
        pytest.param("sta|", "key", "", "sta", id="a key begins"),
        pytest.param("sta|tus:error", "key", "", "sta", id="within a key"),
        pytest.param("status:|", "value", "status", "", id="behind the colon"),
        pytest.param("status:er|", "value", "status", "er", id="a value begins"),
        pytest.param("status:error |", "key", "", "", id="behind a blank"),
        pytest.param("status:error -use|", "key", "", "use", id="behind a minus"),
        pytest.param("-user:us|", "value", "user", "us", id="an excluded value"),
        pytest.param("(flag:slow OR flag:|)", "value", "flag", "", id="in parentheses"),
        pytest.param("span:{kind:s|", "value", "kind", "s", id="in one span"),
        pytest.param("span:{|", "key", "", "", id="a span begins"),
        pytest.param('name:"GET /a|', "value", "name", "GET /a", id="in a quoted value"),
        pytest.param('name:"GET /a" le|', "key", "", "le", id="behind a quoted value"),
        pytest.param('"exact wor|', "nothing", "", "", id="in quoted words"),
        pytest.param("user!=u|", "value", "user", "u", id="another operator"),
        pytest.param("http.method:G|", "value", "http.method", "G", id="an attribute"),
        pytest.param("aws.s3.key:a:b|", "value", "aws.s3.key", "a:b", id="a colon in a value"),
    ],
)
def test_what_is_expected(text: str, expected: str, key: str, prefix: str) -> None:
    cursor = text.index("|")
    place = expected_at(text.replace("|", ""), cursor)
    assert (place.expected.value, place.key, place.prefix) == (expected, key, prefix)


def test_values_come_from_the_table_or_from_the_store() -> None:
    assert expected_at("status:", 7).choices == ("error", "ok")
    assert expected_at("name:", 5).field == "operation"
    assert (expected_at("hasCookie:", 10).field, expected_at("hasCookie:", 10).choices) == ("", ())


def test_keys_that_begin_so_come_first() -> None:
    names = [key.name for key in matching_keys("s")]
    assert names[0] in ("status", "service")
    assert set(names) > {"status", "service", "span.duration", "lesson", "trace.spans"}
    assert [key.name for key in matching_keys("LESSONID")] == ["lesson"]
    assert matching_keys("") == known_keys()
    assert matching_keys("zzz") == ()


@given(st.text(max_size=60), st.integers(-3, 70))
def test_no_text_and_no_cursor_is_too_odd(text: str, cursor: int) -> None:
    place = expected_at(text, cursor)
    assert place.expected in Expected
    assert place.expected is Expected.NOTHING or 0 <= place.start <= len(text)


@given(st.text(min_size=1, max_size=30))
def test_a_value_is_written_so_that_it_is_read_back(value: str) -> None:
    assert drawn(parse(f"user:{written(value)}")) == f"user={value}"
