"""The benchmark of searching runs, small, and says what it measured."""

from pathlib import Path

from tests.bench.searching import ANSWERED_BY_COLUMNS, main


def test_every_search_is_measured(tmp_path: Path) -> None:
    main(["--spans", "3000", "--out", str(tmp_path / "out.md")])
    text = (tmp_path / "out.md").read_text()
    assert all(f"| `{search}`" in text for search in ANSWERED_BY_COLUMNS)
    assert "MB/s" in text
