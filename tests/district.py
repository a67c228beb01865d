"""The real telemetry of tests/data, read by plain loops once in each process, for all that only ask."""

from functools import cache
from pathlib import Path

from tests.plain_store import PlainStore

DISTRICT = Path(__file__).parent / "data" / "diamond-district"
LINES = (DISTRICT / "traces.json").read_bytes().splitlines()


@cache
def plain_district() -> PlainStore:
    """Whoever adds to it or reports to it makes one of his own: ``PlainStore.from_lines(LINES)``."""
    return PlainStore.from_lines(LINES)
