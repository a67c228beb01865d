"""Whether there is anything to read: else the demo stands in. What the feed would not read does not count."""

from pathlib import Path

import pytest

from diamond_viewer.feed.files import has_files


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("traces.json", True),
        ("traces-2026-11-22T14-50-51.358-size.json", True),
        ("traces-2026-11-22T14-50-51.358.json.gz", True),
        ("traces.json.1", True),
        ("metrics.json", False),
        ("traces.log", False),
        ("traces-old.json", False),
        ("traces.json.bak", False),
        ("traces2.json", False),
    ],
)
def test_a_backup_alone_is_reason_enough_to_show_real_files(tmp_path: Path, name: str, found: bool) -> None:
    (tmp_path / name).touch()
    assert has_files(str(tmp_path / "traces.json")) is found


def test_where_no_folder_is_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not has_files(str(tmp_path / "traces.json"))
    assert not has_files(str(tmp_path / "gone" / "traces.json"))
    assert not has_files(str(tmp_path / "file" / "traces.json"))


def test_a_folder_that_nobody_can_look_into_is_left_to_the_feed(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)  # fails for root as well, unlike missing rights
    assert has_files(str(circle / "traces.json"))
