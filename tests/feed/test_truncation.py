"""Files that lose their content and keep their identity."""

import os
import shutil
from pathlib import Path

import pytest

from diamond_viewer.feed.tail import HEAD_BYTES, MARKER_BYTES
from tests.feed.following import Following, backup
from tests.feed.recorder import line_of, lines_of, read


def truncate(f: Following) -> None:
    """What a collector without ``append`` does when it restarts."""
    os.ftruncate(f.out, 0)
    os.lseek(f.out, 0, os.SEEK_SET)


def test_a_truncation_that_we_see_at_zero_starts_over(tmp_path: Path) -> None:
    with Following(tmp_path, appends=False) as f:
        f.write(1, 2)
        f.look()
        truncate(f)
        f.look()
        f.write(3)
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"truncations": 1}
        (problem,) = f.recorder.problems()
        assert "may be missing" in problem.sentence


@pytest.mark.parametrize("more", [1, 3, 40])
def test_a_file_regrown_past_our_offset_is_read_from_its_beginning(tmp_path: Path, more: int) -> None:
    with Following(tmp_path, appends=False) as f:
        f.write(1)
        f.look()
        truncate(f)
        f.write(*range(2, 3 + more), padding=100)
        f.look()
        assert f.numbers == list(range(1, 3 + more))
        assert f.counted() == {"truncations": 1}


def test_a_file_regrown_to_exactly_its_old_size_is_noticed(tmp_path: Path) -> None:
    with Following(tmp_path, appends=False) as f:
        f.write(1, 2)
        f.look()
        size_bytes = f.live_path.stat().st_size
        truncate(f)
        f.write(3, 4)
        assert f.live_path.stat().st_size == size_bytes
        f.look()
        assert f.numbers == [1, 2, 3, 4]
        assert f.counted() == {"truncations": 1}


def test_new_content_under_the_same_head_is_noticed(tmp_path: Path) -> None:
    """All lines of one service begin with the same resource, here longer than all that is remembered of a head."""
    padding = HEAD_BYTES + 1000
    with Following(tmp_path, appends=False) as f:
        f.write(1, padding=padding)
        f.look()
        truncate(f)
        f.write(2, 3, padding=padding)
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"truncations": 1}


def test_new_content_above_the_same_end_is_noticed(tmp_path: Path) -> None:
    """A long stack trace at the end of a line, longer than all that is remembered of what stands before our offset."""
    end = b" " * (MARKER_BYTES + 1000) + b"\n"
    with Following(tmp_path, appends=False) as f:
        f.append(line_of(1) + end)
        f.look()
        truncate(f)
        f.append(line_of(2) + end)
        f.write(3)
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"truncations": 1}


def test_a_hole_of_nuls_is_skipped_and_the_line_behind_it_read(tmp_path: Path) -> None:
    """truncate -s0 under a writer without O_APPEND: it goes on at its old offset."""
    with Following(tmp_path, appends=False) as f:
        f.write(1, padding=10_000)
        f.look()
        size_bytes = f.live_path.stat().st_size
        os.truncate(f.live_path, 0)
        f.write(2)
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {"truncations": 1, "gap_bytes": size_bytes}


def test_a_hole_of_gigabytes_costs_no_reading(tmp_path: Path) -> None:
    hole_bytes = 50 * 2**30
    with Following(tmp_path, appends=False) as f:
        os.lseek(f.out, hole_bytes, os.SEEK_SET)
        f.write(1)
        f.look()
        assert f.numbers == [1]
        assert f.counted() == {"gap_bytes": hole_bytes}
        assert f.recorder.state.bytes_read < 4 * 2**20


def test_a_line_torn_by_a_hole_of_its_own_size_is_joined(tmp_path: Path) -> None:
    line = line_of(2) + b"\n"
    with Following(tmp_path, appends=False) as f:
        f.write(1)
        f.append(line[:120])
        f.look()
        os.truncate(f.live_path, 0)
        f.append(line[120:])
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted()["joined"] == 1


def test_halves_that_a_truncation_brought_together_are_not_joined(tmp_path: Path) -> None:
    """They may belong to different lines, and fit: a span that never was."""
    with Following(tmp_path) as f:
        f.append(line_of(1)[:-40])
        f.look()
        os.truncate(f.live_path, 0)
        f.append(line_of(2)[-40:] + b"\n")
        f.write(3)
        f.look()
        assert f.numbers == [3]
        assert f.counted() == {"truncations": 1, "bad_lines": 2}


def test_a_copy_made_before_the_truncation_counts_nothing_twice(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1, 2)
        f.look()
        f.write(3)  # not read yet: only the copy keeps it
        shutil.copyfile(f.live_path, tmp_path / "traces.json.1")
        os.truncate(f.live_path, 0)
        f.write(4)
        f.look()
        assert f.numbers == [1, 2, 3, 4]
        assert f.counted() == {"truncations": 1, "duplicate_lines": 2}


def test_lines_written_between_copy_and_truncation_are_lost_and_this_is_said(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        shutil.copyfile(f.live_path, tmp_path / "traces.json.1")
        f.write(2)
        os.truncate(f.live_path, 0)
        f.write(3)
        f.look()
        assert f.numbers == [1, 3]
        assert f.counted()["truncations"] == 1
        assert "may be missing" in f.recorder.source(f.live_path).problems[0].sentence


def test_a_fragment_of_a_full_disk_costs_no_line_behind_it(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.append(line_of(1)[:120])
        f.look()
        f.write(2, 3)
        f.look()
        assert f.numbers == [2, 3]
        assert f.counted() == {"salvaged": 1, "bad_lines": 1}


def test_a_tail_of_nuls_after_a_power_cut_is_skipped(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.append(line_of(2)[:80] + bytes(5000))
        f.look()
        f.write(3)
        f.look()
        assert f.numbers == [1, 3]
        assert f.counted() == {"gap_bytes": 5000, "bad_lines": 1}


def test_hundreds_of_files_that_are_truncated_again_and_again(tmp_path: Path) -> None:
    """group_by opens a path with O_TRUNC each time it comes back to it."""
    paths = [tmp_path / f"traces-{number}.json" for number in range(500)]
    with Following(tmp_path, tmp_path / "traces-*.json") as f:
        for turn in range(2):
            for number, path in enumerate(paths):
                path.write_bytes(lines_of(1 + turn * 1000 + number))
            f.look()
        assert f.numbers == [*range(1, 501), *range(1001, 1501)]
        assert f.counted() == {"truncations": 500}


def test_a_backup_that_is_written_over_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(1))
    with Following(tmp_path) as f:
        f.look()
        path.write_bytes(lines_of(2, 3))
        f.look()
        assert f.numbers == [1, 2, 3]


def test_a_truncated_file_is_still_whole_in_a_fresh_read(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        os.truncate(f.live_path, 0)
        f.write(2)
        assert read(f.live_path).numbers == [2]
