"""Groups of errors and figures of operations are what plain loops count, however traces are spread over segments."""

import pytest

from diamond_viewer.index.memory import MemoryStore
from tests.asking import NOW_NS, asked
from tests.index.filling import filled, one_by_one
from tests.index.test_truth import LINES, PLAIN

MEMORY = filled(one_by_one(LINES), segment_spans=300)  # many segments, with guests
WHOLE = filled([LINES])
FILTERS: list[dict[str, str]] = [
    {},
    {"status": "error"},
    {"user": "usr_0007"},
    {"lesson": "lesson-011"},
    {"q": "http.status>=400 OR event:auth.failed"},
    {"since": "2026-11-22T14:00:00Z", "until": "2026-11-22T14:40:00Z"},
    {"since": "2026-11-22T14:30:00Z"},
    {"user": "nobody"},
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("store", [MEMORY, WHOLE], ids=["many segments", "one segment"])
def test_errors_of_real_telemetry_are_as_counted(store: MemoryStore, filters: dict[str, str], limit: int) -> None:
    query = asked(**filters)
    assert store.errors(query, NOW_NS, limit) == PLAIN.errors(query, NOW_NS, limit)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("store", [MEMORY, WHOLE], ids=["many segments", "one segment"])
def test_operations_of_real_telemetry_are_as_counted(store: MemoryStore, filters: dict[str, str]) -> None:
    query = asked(**filters)
    found, expected = store.operations(query, NOW_NS, 200), PLAIN.operations(query, NOW_NS, 200)
    assert found.operations == expected.operations
    assert found.statements == expected.statements
    assert found == expected
