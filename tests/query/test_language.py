"""The search language: what it means, and what it says of a mistake."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.query.query import Query
from tests.query.drawing import drawn
from tests.query.searches import MEANINGS, MISTAKES

PIECES = [
    *("status", "user", "lesson", "duration", "span", "trace", "http.status", "db.slow", "hasCookie", "lesso", "name"),
    *(":", "=", "!=", ">", ">=", "<", "<=", "~", "==", "=~", "!", "-", "*", "(", ")", "{", "}", '"', "\\", " ", "  "),
    *("AND", "OR", "NOT", "error", "1s", "5", "-1", "1e9", "0x1", "µ", "é", "\x00", "\ud800", "\u212a", "//", "9" * 50),
    *("span:{", "trace:", "\n", "\t", "\u00a0", "٣", "1" * 400 + "s", "1." + "0" * 30 + "ms", "nan", "inf", "+5"),
]
searches = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200)


@pytest.mark.parametrize(("text", "meaning"), MEANINGS, ids=[text[:40] for text, _ in MEANINGS])
def test_a_search_means(text: str, meaning: str) -> None:
    assert drawn(parse(text)) == meaning


@pytest.mark.parametrize(
    ("text", "character", "words"), MISTAKES, ids=[text[:40] or "empty" for text, _, _ in MISTAKES]
)
def test_a_mistake_is_named_where_it_is(text: str, character: int, words: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert (caught.value.position + 1, words in caught.value.sentence) == (character, True), str(caught.value)
    assert str(caught.value) == f"At character {character}: {caught.value.sentence}"
    assert caught.value.sentence[-1] in ".?"
    assert len(str(caught.value)) < 400


def test_a_third_of_the_table_are_mistakes() -> None:
    assert len(MEANINGS) + len(MISTAKES) >= 120
    assert 3 * len(MISTAKES) >= len(MEANINGS) + len(MISTAKES)


@settings(max_examples=1500, deadline=None)
@given(text=searches)
@example(text='"' * 999)
@example(text="(" * 4000)
@example(text="-" * 4000 + "a")
@example(text="NOT " * 1000 + "a")
@example(text=("a" * 40 + ":") * 90)
@example(text="\\" * 4000)
@example(text='"' + "\\" * 4000)
def test_whatever_is_typed_is_a_search_or_a_mistake_within_it(text: str) -> None:
    position = 0
    try:
        term = parse(text)
        assert hash(term) == hash(parse(text))
    except Mistake as mistake:
        position = mistake.position
    assert 0 <= position <= len(text)


@settings(max_examples=300, deadline=None)
@given(text=searches)
def test_a_search_in_a_query_string_is_a_term_or_a_refusal(text: str) -> None:
    query, notices = Query.from_args([("q", text)], 0)
    assert not (query.set_filters and notices)
    query.terms(0)
    refusal = ""
    try:
        assert Query.from_args([("q", text)], 0, strict=True)[0] == query
    except FilterError as error:
        refusal = str(error)
    assert "".join(notices) == refusal


def test_a_query_string_knows_the_search_beside_the_other_filters() -> None:
    query, notices = Query.from_args([("q", " status:error OR lesson:* "), ("user", "usr_0007")], 0)
    assert notices == ()
    assert query.value("q") == "status:error OR lesson:*"
    assert [drawn(term) for term in query.terms(0)] == ["user=usr_0007", "(#error | lesson:*)"]
    assert Query.from_args([("q", "lesso:x")], 0)[1] == (str(mistake_of("lesso:x")),)


def mistake_of(text: str) -> Mistake:
    with pytest.raises(Mistake) as caught:
        parse(text)
    return caught.value
