"""Files that get other names, and come back."""

import gzip
import os
from pathlib import Path

import pytest

from tests.feed.following import Following, backup
from tests.feed.recorder import line_of, lines_of, read


@pytest.mark.parametrize("style", ["", "-size"], ids=["lumberjack", "timberjack"])
def test_a_rotated_file_is_read_to_its_end_under_its_new_name(tmp_path: Path, style: str) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        f.write(2)
        path = f.rotate(backup(1, style))
        f.write(3)
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"rotations": 1}
        assert f.recorder.source(path).state == "done"
        assert f.recorder.source(f.live_path).state == "live"


@pytest.mark.parametrize("count", [2, 10])
def test_several_rotations_between_two_looks_lose_nothing(tmp_path: Path, count: int) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        for number in range(count):
            f.write(10 + number)
            f.rotate(backup(number))
        f.write(99)
        f.look()
        assert f.numbers == [1, *range(10, 10 + count), 99]
        assert f.recorder.names == [f"n{number}" for number in f.numbers], "oldest first"
        assert f.counted() == {"rotations": count}


def test_a_long_line_that_was_half_read_when_its_file_was_rotated_is_completed(tmp_path: Path) -> None:
    line = line_of(1, padding=20_000_000) + b"\n"
    with Following(tmp_path) as f:
        f.append(line[:9_000_000])
        f.look()
        assert f.numbers == []
        f.append(line[9_000_000:])
        f.rotate(backup(1))
        f.look()
        assert f.numbers == [1]
        assert f.counted() == {"rotations": 1}


def test_a_line_feed_that_went_to_the_next_file_is_no_line(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.append(line_of(1))
        f.look()
        f.rotate(backup(1))
        f.append(b"\n")
        f.write(2)
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {"rotations": 1}
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines, fresh.state.lines) == ([1, 2], 0, 2)


@pytest.mark.parametrize("cut", [1, 20, 150, -2])
def test_a_line_cut_by_the_rotation_is_joined(tmp_path: Path, cut: int) -> None:
    line = line_of(2) + b"\n"
    with Following(tmp_path) as f:
        f.write(1)
        f.append(line[:cut])
        f.look()
        f.rotate(backup(1))
        f.look()
        f.append(line[cut:])
        f.write(3)
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"rotations": 1, "joined": 1}
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines, fresh.counter("joined")) == ([1, 2, 3], 0, 1)


def test_a_half_line_that_nothing_goes_on_with_is_one_bad_line(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.append(line_of(1)[:100])
        f.look()
        f.rotate(backup(1))
        f.write(2)
        f.look()
        f.look()
        assert f.numbers == [2]
        assert f.counted() == {"rotations": 1, "bad_lines": 1}
        (problem,) = f.recorder.problems()
        assert (problem.kind, problem.offset, problem.count) == ("cut off", 0, 1)


def test_a_half_line_in_a_backup_is_given_time(tmp_path: Path) -> None:
    """logrotate renames while the collector goes on writing to the file it holds."""
    line = line_of(1)
    with Following(tmp_path, patience_s=600) as f:
        f.append(line[:100])
        f.look()
        f.live_path.rename(tmp_path / "traces.json.1")
        (tmp_path / "traces.json").write_bytes(lines_of(2))
        f.look()
        f.append(line[100:] + b"\n")
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {"rotations": 1}


def test_a_half_line_that_was_counted_as_bad_is_taken_back_when_its_writer_goes_on(tmp_path: Path) -> None:
    line = line_of(1)
    with Following(tmp_path) as f:
        f.append(line[:100])
        f.look()
        f.live_path.rename(tmp_path / "traces.json.1")
        (tmp_path / "traces.json").write_bytes(lines_of(2))
        f.look()
        f.look()
        assert f.counted() == {"rotations": 1, "bad_lines": 1}
        f.append(line[100:] + b"\n")
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {"rotations": 1}
        assert f.recorder.problems() == []


def test_a_whole_line_behind_a_fragment_needs_no_line_feed_in_a_backup(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.append(line_of(1)[:60] + line_of(2))
        f.look()
        f.rotate(backup(1))
        f.append(b"\n")
        f.look()
        assert f.numbers == [2]
        assert f.counted() == {"rotations": 1, "salvaged": 1, "bad_lines": 1}


def test_a_join_survives_the_compressed_copy_of_both_files(tmp_path: Path) -> None:
    line = line_of(1) + b"\n"
    with Following(tmp_path) as f:
        f.append(line[:100])
        f.look()
        first = f.rotate(backup(1))
        f.append(line[100:])
        second = f.rotate(backup(2))
        f.look()
        for path in (first, second):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        f.look()
        f.look()
        assert f.numbers == [1]
        assert f.counted() == {"rotations": 2, "joined": 1, "duplicate_lines": 1}


def test_backups_renamed_by_an_upgrade_are_not_read_again(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        old = f.rotate(backup(1))
        f.look()
        old.rename(tmp_path / backup(1, "-size"))
        f.look()
        assert f.numbers == [1]
        assert f.counted() == {"rotations": 1}


def test_a_backup_renamed_back_to_the_live_name_goes_on_where_it_was(tmp_path: Path) -> None:
    """timberjack rolls back when it cannot create the new file."""
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        f.live_path.rename(tmp_path / backup(1))
        f.look()
        (tmp_path / backup(1)).rename(f.live_path)
        f.write(2)
        f.look()
        assert f.numbers == [1, 2]
        assert "duplicate_lines" not in f.counted()
        assert f.recorder.source(f.live_path).state == "live"


def test_a_rotation_during_the_first_look_reads_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        listed = os.scandir
        looks: list[str] = []

        def scandir_after_a_rotation(path: str) -> object:
            if not looks:  # between holding the live file and listing its backups
                looks.append(path)
                f.rotate(backup(1))
                f.write(2)
            return listed(path)

        monkeypatch.setattr(os, "scandir", scandir_after_a_rotation)
        f.look()
        f.look()
        assert f.numbers == [1, 2]
        assert "duplicate_lines" not in f.counted()


def test_a_restarted_viewer_finds_what_a_fresh_read_finds(tmp_path: Path) -> None:
    line = line_of(4)
    with Following(tmp_path) as f:
        f.write(1)
        f.rotate(backup(1))
        f.write(2, 3)
        f.append(line[:50])
        f.look()
        f.append(line[50:] + b"\n")
        f.look()
        assert f.numbers == read(f.live_path).numbers == [1, 2, 3, 4]


def test_backups_of_one_millisecond_and_of_a_clock_going_back_are_all_read(tmp_path: Path) -> None:
    names = [
        backup(7),
        backup(7, "-size"),
        "traces-2026-10-25T02-30-00.000.json",
        "traces-2026-10-25T02-15-00.000.json",
    ]
    for number, name in enumerate(names, 1):
        (tmp_path / name).write_bytes(lines_of(number))
        os.utime(tmp_path / name, ns=(0, number * 10**9))
    fresh = read(tmp_path / "traces.json")
    assert fresh.names == ["n1", "n2", "n3", "n4"], "in the order they were written, whatever their names say"


def test_a_glob_reads_live_files_and_backups_alike(tmp_path: Path) -> None:
    (tmp_path / backup(1)).write_bytes(lines_of(1))
    (tmp_path / "traces.json").write_bytes(lines_of(2))
    (tmp_path / "other.json").write_bytes(lines_of(3))
    fresh = read(tmp_path / "traces*.json")
    assert fresh.names == ["n1", "n2"]
    states = {Path(source.path).name: source.state for source in fresh.state.sources}
    assert states == {"traces.json": "live", backup(1): "done"}


def test_files_that_a_glob_matches_later_are_found(tmp_path: Path) -> None:
    with Following(tmp_path, tmp_path / "*" / "traces.json") as f:
        f.look()
        assert "nothing matches" in f.recorder.state.notice
        (tmp_path / "web").mkdir()
        (tmp_path / "web" / "traces.json").write_bytes(lines_of(1))
        f.look()
        assert f.numbers == [1]
        assert f.recorder.state.notice == ""


def test_the_other_signals_beside_the_live_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_bytes(b'{"resourceMetrics":[{}]}\n')
    with Following(tmp_path) as f:
        f.look()
        (tmp_path / "logs.json").write_bytes(b'{"resourceLogs":[{}]}\n')
        f.look()
        assert f.counted() == {"other_signal": 2}


def test_logrotates_numbers_are_followed_as_they_move_on(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.look()
        for number in range(1, 5):
            f.write(number)
            for older in range(number - 1, 0, -1):
                (tmp_path / f"traces.json.{older}").rename(tmp_path / f"traces.json.{older + 1}")
            f.rotate("traces.json.1")
            f.look()
        assert f.numbers == [1, 2, 3, 4]
        assert f.counted() == {"rotations": 4}
    assert read(tmp_path / "traces.json").names == ["n1", "n2", "n3", "n4"]


def test_more_backups_than_may_be_open_are_read_all_the_same(tmp_path: Path) -> None:
    for number in range(1, 301):
        path = tmp_path / backup(number)
        path.write_bytes(lines_of(number))
        os.utime(path, ns=(0, number * 10**9))
    with Following(tmp_path) as f:
        f.look()
        assert f.numbers == list(range(1, 301))
        f.look()
        assert f.counted() == {}
