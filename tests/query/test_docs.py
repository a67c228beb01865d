"""The page that teaches the language, held against the language and real telemetry."""

import re
from pathlib import Path

import pytest

from diamond_viewer.query.keys import known_keys
from diamond_viewer.query.language import MAX_CHARACTERS, MAX_CONDITIONS, MAX_DEPTH, parse
from diamond_viewer.telemetry.model import FLAG_NAMES
from tests.asking import NOW_NS, all_rows, asked
from tests.district import LINES, plain_district
from tests.index.filling import filled

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "search-language.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```search\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
TABLE = {cells[1].strip("` "): cells for line in PAGE.splitlines() if len(cells := line.split("|")) == 6}
PLAIN, MEMORY = plain_district(), filled([LINES])


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_finds_something_and_not_everything(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.index.held.SEARCH_NS", 10**12)
    found = all_rows(MEMORY, asked(q=example))
    assert found == all_rows(PLAIN, asked(q=example))
    assert 0 < len(found) < MEMORY.search(asked(), NOW_NS).total


@pytest.mark.parametrize("key", known_keys(), ids=lambda key: key.name)
def test_a_key_is_explained(key: object) -> None:
    assert key in known_keys()
    [row] = [key_row for key_row in known_keys() if key_row is key]
    _, _, aliases, _, what, _ = TABLE[row.name]
    assert re.findall(r"`(.*?)`", aliases) == list(row.aliases)
    assert row.sentence in what
    assert f"`{row.example}`" in what
    parse(row.example)


def test_everything_in_the_text_that_looks_like_a_search_is_one() -> None:
    quoted = [text for text in re.findall(r"`([^`\n]+)`", PAGE) if re.match(r'-?"?[A-Za-z].*[:=<>~]\S', text)]
    searches = [
        text for text in quoted if text not in ("key:value", "key~part", "key:*", "-key:*", "key!=value", "-key=value")
    ]
    assert len(searches) > 40
    for search in searches:
        parse(search)


def test_every_flag_and_every_bound_is_named() -> None:
    assert [name for name in FLAG_NAMES if f"flag:{name}" not in PAGE] == []
    assert f"{MAX_CHARACTERS:,} characters, {MAX_CONDITIONS} conditions and {MAX_DEPTH} nested" in PAGE
