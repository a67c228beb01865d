"""What the cluster answers otherwise is written down once, and the documentation says the same."""

from pathlib import Path

from diamond_viewer.clickhouse.differences import DIFFERENCES

DOCS = Path(__file__).parents[2] / "docs" / "clickhouse.md"


def test_the_documentation_lists_every_difference() -> None:
    written = DOCS.read_text("utf-8")
    assert [one.name for one in DIFFERENCES if f"| {one.name} | {one.sentence} |" not in written] == []
