"""``docs/faults.md`` says which test covers which case: it names all cases, and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = (TESTS.parent / "docs" / "faults.md").read_text("utf-8")
CASES = range(1, 56)
ROW = re.compile(r"^\| (?P<case>\d+) \| [^|]+ \| `(?P<file>\w+)` `(?P<name>\w+)` \| (?P<outcome>.+) \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer(TABLE)]


def names_in(name: str) -> set[str]:
    folder = "telemetry" if name == "lines" else "feed"
    tree = ast.parse((TESTS / folder / f"test_{name}.py").read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_case_has_its_row() -> None:
    assert [int(row["case"]) for row in ROWS] == list(CASES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_every_row_names_a_test_that_exists(row: dict[str, str]) -> None:
    assert f"test_{row['name']}" in names_in(row["file"])
    others = re.findall(r"`(\w+_\w+_\w+_\w+)`", row["outcome"])
    feed_tests = set().union(
        *(names_in(path.stem.removeprefix("test_")) for path in (TESTS / "feed").glob("test_*.py"))
    )
    assert {f"test_{other}" for other in others} <= feed_tests
