"""How far two words are apart, against the plain way of counting it; and where a search's values stand."""

from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.comparisons import closest
from diamond_viewer.query.demanded import demanded_by
from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake

WORDS = st.text("abC1-", max_size=9)


def slips(word: str, other: str) -> int:
    """Optimal string alignment, all of the table."""
    table = [
        [max(at, place) if not (at and place) else 0 for place in range(len(other) + 1)] for at in range(len(word) + 1)
    ]
    for at in range(1, len(word) + 1):
        for place in range(1, len(other) + 1):
            ways = [table[at - 1][place] + 1, table[at][place - 1] + 1]
            ways.append(table[at - 1][place - 1] + (word[at - 1] != other[place - 1]))
            if at > 1 and place > 1 and (word[at - 1], word[at - 2]) == (other[place - 2], other[place - 1]):
                ways.append(table[at - 2][place - 2] + 1)
            table[at][place] = min(ways)
    return table[-1][-1]


@given(WORDS, st.lists(WORDS, max_size=6), st.integers(1, 3))
def test_the_closest_word_is_the_one_with_the_fewest_slips(word: str, known: list[str], most: int) -> None:
    near = min(((slips(word.lower(), other), other) for other in known), default=(most + 1, ""))
    assert closest(word, known, most) == (near[1] if near[0] <= most else "")


@given(st.text('lesonuri:=" ()OR-*{}s1', max_size=40), st.text(max_size=8).filter(str.strip))
def test_a_value_that_is_put_in_place_is_what_the_search_then_demands(search: str, value: str) -> None:
    for at, one in enumerate(demanded_by(search)):
        assert search[one.begin : one.end].strip('"')[:1] == one.value[:1] or one.value.startswith("\\")
        replaced = demanded_by(one.replaced(search, value))
        assert (replaced[at].field, replaced[at].value) == (one.field, value)
        try:
            parse(search)
        except Mistake:
            continue
        parse(one.replaced(search, value))
