"""The longest files come first, however the others are shuffled, and what was collected is not looked through again."""

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from diamond_viewer.resident import GC_THRESHOLDS
from tests.conftest import LONGEST, pytest_collection_finish, pytest_collection_modifyitems

ROOT = Path(__file__).parents[1]


def test_the_longest_files_are_there_and_come_first() -> None:
    assert [path for path in LONGEST if not (ROOT / path).is_file()] == []
    names = ["tests/test_faults.py", LONGEST[3], "tests/test_units.py", LONGEST[0], LONGEST[3], "diamond_viewer/cli.py"]
    items: list[Any] = [SimpleNamespace(path=ROOT / name, at=at) for at, name in enumerate(names)]
    pytest_collection_modifyitems(items)
    assert [item.at for item in items] == [3, 1, 4, 0, 2, 5]


def test_what_was_collected_is_not_looked_through_for_circles() -> None:
    pytest_collection_finish()  # again: a benchmark that was tried in this process lets go of it
    assert gc.get_freeze_count() > 10_000  # pytest and this file alone are more
    assert gc.get_threshold() == GC_THRESHOLDS
