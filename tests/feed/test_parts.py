"""Sealed files that are read in pieces, so that every core has something to read."""

from dataclasses import replace
from pathlib import Path

import pytest

from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.sealed import SealedReading, read_sealed
from diamond_viewer.index.memory import MemoryStore
from tests.asking import all_rows, drawn
from tests.feed.following import backup
from tests.feed.recorder import line_of, lines_of
from tests.feed.test_backfill import Backlog, sealed, write_files
from tests.plain_store import PlainStore


def read_in_parts(path: Path, count: int) -> list[SealedReading | None]:
    whole = sealed(path)
    step = -(-whole.size_bytes // count)
    return [
        read_sealed(replace(whole, begin=begin, end=begin + step), MemoryStore.packer)
        for begin in range(0, whole.size_bytes, step)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 60])
def test_each_line_of_a_file_lies_in_one_of_its_parts(tmp_path: Path, count: int) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(*range(1, 12), padding=3_000) + lines_of(99, padding=200_000) + lines_of(20, 21))
    found = read_in_parts(path, count)
    read = [reading for reading in found if reading is not None]
    assert len(read) == len(found)
    assert sum(reading.lines for reading in read) == 14
    assert [reading.begin for reading in read][1:] == [reading.end for reading in read][:-1]
    assert (read[0].begin, read[-1].end) == (0, path.stat().st_size)


def test_a_file_alone_keeps_every_worker_busy(tmp_path: Path) -> None:
    lines = write_files(tmp_path, files=2)
    backlog = Backlog(tmp_path, worker_count=4)
    backlog.read()
    packed = [segment for _, segment in sorted(backlog.store._segments.items()) if not segment.is_open]
    assert [len(segment.digests) for segment in packed] == [8, 8, 7, 7]
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert (backlog.health.lines, backlog.health.feed.bytes_read) == (60, backlog.health.feed.bytes_total)


@pytest.mark.parametrize("line", [3, 28], ids=["in the first part", "in the last"])
def test_a_part_that_needs_its_neighbours_is_left_to_the_reader_from_there_on(tmp_path: Path, line: int) -> None:
    """Nothing is counted twice."""
    lines = write_files(tmp_path, files=2)
    path = tmp_path / backup(1)
    content = path.read_bytes().splitlines(keepends=True)
    content[line] = b"\0\0\0" + content[line]
    path.write_bytes(b"".join(content))
    backlog = Backlog(tmp_path, worker_count=2)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert (backlog.health.lines, backlog.health.feed.bytes_read) == (60, backlog.health.feed.bytes_total)
    assert not backlog.health.feed.counters["duplicate_lines"]


@pytest.mark.parametrize("line", [3, 28], ids=["into the first part", "into the last"])
def test_a_repeat_in_one_part_has_the_reader_read_up_to_what_was_taken(tmp_path: Path, line: int) -> None:
    """A line of the live file stands in a backup too: it is counted once as a repeat, and the backup's others once."""
    lines = write_files(tmp_path, files=2)
    path = tmp_path / backup(1)
    content = path.read_bytes().splitlines(keepends=True)
    content.insert(line, lines[-1] + b"\n")
    path.write_bytes(b"".join(content))
    backlog = Backlog(tmp_path, worker_count=2)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines(lines))
    assert (backlog.health.lines, backlog.health.feed.bytes_read) == (61, backlog.health.feed.bytes_total)
    assert backlog.health.feed.counters["duplicate_lines"] == 1


def test_a_line_that_stands_in_two_parts_is_counted_as_a_repeat(tmp_path: Path) -> None:
    (tmp_path / backup(1)).write_bytes(lines_of(1, 2, 3, 4, 5, 6, 7, 2))
    (tmp_path / "traces.json").write_bytes(lines_of(9))
    backlog = Backlog(tmp_path, worker_count=2)
    backlog.read()
    assert drawn(backlog.store) == drawn(PlainStore.from_lines([line_of(one) for one in (1, 2, 3, 4, 5, 6, 7, 9)]))
    assert (backlog.health.lines, backlog.health.feed.counters["duplicate_lines"]) == (9, 1)


def test_of_a_file_in_parts_the_newest_are_held(tmp_path: Path) -> None:
    (tmp_path / backup(1)).write_bytes(lines_of(*range(1, 4_001)))
    (tmp_path / "traces.json").write_bytes(lines_of(5_000))
    backlog = Backlog(tmp_path)
    backlog.store = MemoryStore(700_000)
    backlog.feed = Feed([str(tmp_path / "traces.json")], backlog.store)
    backlog.feed.read_backlog_in(4, MemoryStore.packer, min_bytes=0)
    backlog.read()
    held = {int(row.trace_id, 16) for row in all_rows(backlog.store)}
    of_backup = sorted(held - {5_000 // 3 + 1})
    assert 0 < len(of_backup) < 4_000 // 3
    assert of_backup == list(range(of_backup[0], 4_000 // 3 + 2))
