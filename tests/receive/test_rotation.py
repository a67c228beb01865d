"""The rotating file: whole lines, the Collector's names, no more backups than asked for."""

import re
from pathlib import Path

from diamond_viewer.receive.rotation import RotatingFile

NOW_NS = 1_795_358_295_457_000_000
BACKUP = re.compile(r"traces-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-size\.json")


def _written(folder: Path) -> list[bytes]:
    """The bytes of each file, oldest first: backups sort by their time, and the live file comes last."""
    backups = sorted(path for path in folder.iterdir() if path.name != "traces.json")
    assert all(BACKUP.fullmatch(path.name) for path in backups)
    return [path.read_bytes() for path in [*backups, folder / "traces.json"]]


def test_rotation_keeps_every_line_whole_and_in_order(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "traces.json", max_bytes=100, max_backups=1000)
    lines = [b"%d:" % n + b"x" * (n * 7 % 60) for n in range(200)]
    for n, line in enumerate(lines):
        file.append(line, NOW_NS + n * 1_000_000, in_two_writes=n % 2 == 0)
    file.close()
    written = _written(tmp_path)
    assert all(content.endswith(b"\n") and len(content) <= 100 for content in written)
    assert b"".join(written).splitlines() == lines


def test_only_the_newest_backups_are_kept(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "traces.json", max_bytes=10, max_backups=3)
    for n in range(50):
        file.append(b"line %03d" % n, NOW_NS + n * 1_000_000)
    file.close()
    assert b"".join(_written(tmp_path)).split(b"\n")[:-1] == [b"line 046", b"line 047", b"line 048", b"line 049"]


def test_rotations_within_one_millisecond_overwrite_nothing(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "traces.json", max_bytes=10, max_backups=100)
    for n in range(20):
        file.append(b"line %03d" % n, NOW_NS)
    file.close()
    assert b"".join(_written(tmp_path)).splitlines() == [b"line %03d" % n for n in range(20)]


def test_a_line_longer_than_a_file_has_one_to_itself(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "traces.json", max_bytes=10, max_backups=100)
    for line in (b"short", b"a line much longer than ten", b"short"):
        file.append(line, NOW_NS)
    file.close()
    assert _written(tmp_path) == [b"short\n", b"a line much longer than ten\n", b"short\n"]


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(b"before\n")
    file = RotatingFile(tmp_path / "traces.json", max_bytes=15, max_backups=100)
    file.append(b"after", NOW_NS)
    file.append(b"next", NOW_NS)
    file.close()
    assert _written(tmp_path) == [b"before\nafter\n", b"next\n"]
