"""``docs/faults.md`` from case 56 on: each has a row, and its tests are there. Of the first 55 ``tests/feed`` sees to it."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "docs" / "faults.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (\d+) \| (.+) \|$", TABLE, re.MULTILINE))
NAMED = re.compile(r"`([\w/]+(?:\.py)?)::(test_\w+)`")


@lru_cache
def names_in(name: str) -> frozenset[str]:
    path = TESTS / name if name.endswith(".py") else TESTS / "web" / f"test_{name}.py"
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef))


def test_every_case_has_its_row() -> None:
    assert sorted(map(int, ROWS)) == list(range(1, 99))


@pytest.mark.parametrize("case", [str(case) for case in range(56, 99)])
def test_every_row_names_tests_that_are_there(case: str) -> None:
    named = NAMED.findall(ROWS[case])
    assert named
    assert [(file, test) for file, test in named if test not in names_in(file)] == []
