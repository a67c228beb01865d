"""Random stories about files, told to a real feed on a real disk, and a list of what was written to compare with.

The idea is that of Vector's file watcher tests: an interpreter of random actions beside a model that is too simple to be wrong.
The model knows three things of each file: which lines are in it, which of them nobody has looked at, and whether the feed
has seen the file at all. From these follows what must be indexed, and what may be lost without blame:

* lines written between our last look and a truncation, unless a copy still has them
* lines in a file that came and went between two looks
* a line of which a part was truncated away
"""

import gzip
import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from diamond_viewer.feed.feed import Feed
from tests.feed.recorder import Recorder, line_of

STEPS = (5, 30)
A_TICK_S = 0.03  # the clock of a file system goes by steps of a few ms; a feed closes no file that changed just now


@dataclass(eq=False)
class File:
    """What the model knows of one inode. ``path`` is None when it has no name any more."""

    path: Path | None
    lines: set[int] = field(default_factory=set)  # whole lines that are in it
    unread: set[int] = field(default_factory=set)  # of these: written since the last look
    is_known: bool = False  # the feed looked while it had a name


class Story:
    """One story. ``told`` is what happened, for the message of a failure."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random.Random(seed)
        self.directory = directory
        self.live_path = directory / "traces.json"
        self.appends = self.random.random() < 0.5
        self.closes_early = self.random.random() < 0.1
        self.told: list[str] = []
        self.files: list[File] = []
        self.must: set[int] = set()
        self.may: set[int] = set()
        self.number = 0
        self.stamp = 0
        self.fragments = 0  # half lines that may come to be counted as bad
        self.left: set[int] = set()  # lines of which only the beginning was ever written
        self.pending: tuple[int, bytes] | None = None  # a half-written line and the bytes still to come
        self.pending_is_safe = True  # nothing was truncated under it
        self.was_half = False  # some line was written in halves
        self.out = -1
        self.current = File(None)
        self.open_new()
        self.recorder, self.feed = self.new_reader()

    def new_reader(self) -> tuple[Recorder, Feed]:
        recorder = Recorder()
        return recorder, Feed(
            [str(self.live_path)],
            recorder,
            hold_s=0 if self.closes_early else 600,
            patience_s=self.random.choice([0, 600]),
        )

    def tell(self) -> None:
        """The whole story, with its end: everybody has come to rest and the feed has looked."""
        actions = {
            self.write: 30,
            self.half_write: 8,
            self.look: 20,
            self.rotate: 8,
            self.rotate_three_times: 2,
            self.truncate: 4,
            self.truncate_and_regrow: 4,
            self.copy_and_truncate: 4,
            self.delete: 3,
            self.recreate: 4,
            self.rename_without_telling: 3,
            self.rename_backups: 4,
            self.compress_backup: 6,
            self.delete_backup: 2,
            self.restart_reader: 2,
            self.rotate_within_a_line: 3,
            self.leave_a_fragment: 2,
            self.write_empty_line: 2,
            **({self.let_time_pass: 8} if self.closes_early else {}),
        }
        for action in self.random.choices(list(actions), list(actions.values()), k=self.random.randrange(*STEPS)):
            self.told.append(action.__name__)
            action()
        self.finish_line()
        if not self.live_path.exists():
            self.recreate()
        self.look()
        self.look()
        self.feed.stop()
        os.close(self.out)
        self.check()

    def check(self) -> None:
        twice = [number for number, count in self.recorder.spans.items() if count > 1]
        assert not twice, f"indexed twice: {twice}"
        indexed = set(self.recorder.spans)
        assert not self.must - indexed, f"lost: {sorted(self.must - indexed)}"
        assert not indexed - self.must - self.may, f"never written: {sorted(indexed - self.must - self.may)}"
        state = self.recorder.state
        assert state.bad_lines <= self.fragments, f"{state.bad_lines} bad lines of {self.fragments} fragments"
        assert not [source for source in state.sources if source.path == "(the feed)"], state.sources

    # -- what the writer does ------------------------------------------------------------------------------------------

    def write(self) -> None:
        self.finish_line()
        for _ in range(self.random.choice([1, 1, 2, 5])):
            self.number += 1
            self.append(line_of(self.number, padding=self.random.choice([0, 0, 0, 5000, 20_000])) + b"\n")
            self.wrote(self.number)

    def half_write(self) -> None:
        self.finish_line()
        self.number += 1
        line = line_of(self.number) + b"\n"
        cut = self.random.randrange(1, len(line))
        self.append(line[:cut])
        self.pending, self.pending_is_safe, self.was_half = (self.number, line[cut:]), True, True

    def finish_line(self) -> None:
        if self.pending is not None:
            number, rest = self.pending
            self.append(rest)
            self.pending = None
            if self.pending_is_safe:
                self.wrote(number)
            else:
                self.may.add(number)

    def leave_a_fragment(self) -> None:
        """As a full disk does: the next line is glued to the half that was written."""
        self.half_write()
        self.drop_pending()

    def write_empty_line(self) -> None:
        self.finish_line()
        self.append(b"\n")

    def wrote(self, number: int) -> None:
        self.current.lines.add(number)
        self.current.unread.add(number)
        if self.current.path is not None or (self.current.is_known and not self.closes_early):
            self.must.add(number)
        else:
            self.may.add(number)  # nobody can know of a file that has no name

    def append(self, data: bytes) -> None:
        assert os.write(self.out, data) == len(data)

    def open_new(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | (os.O_APPEND if self.appends else 0)
        if self.out >= 0:
            os.close(self.out)
        self.out = os.open(self.live_path, flags, 0o644)
        self.current = File(self.live_path)
        self.files.append(self.current)

    # -- what happens to files -----------------------------------------------------------------------------------------

    def rotate(self) -> None:
        """Rename and create, at times in the middle of a line: its second half then begins the new file."""
        if self.current.path != self.live_path:
            self.recreate()
            return
        if self.random.random() < 0.5:
            self.finish_line()
        elif self.pending is not None:
            self.tear()
        self.rename(self.current, self.backup_path())
        self.open_new()

    def rotate_within_a_line(self) -> None:
        """As collectors did before 2023: the halves meet again, whatever stands around them."""
        self.half_write()
        if self.current.path == self.live_path and self.pending is not None:
            number, rest = self.pending
            self.pending = None
            self.rename(self.current, self.backup_path())
            self.open_new()
            self.append(rest)
            self.look()
            self.must.add(number)
            self.was_half = True
            self.fragments += 2  # for a reader that starts later, when one of the files may be gone

    def tear(self) -> None:
        """The pending line will lie in two files. It can be joined while the first half is where the feed sees it."""
        self.fragments += 2
        self.pending_is_safe = False

    def rotate_three_times(self) -> None:
        for _ in range(3):
            self.rotate()
            self.write()

    def truncate(self) -> None:
        if self.current.path is None:
            return
        if self.pending is not None:
            self.tear()
        self.fragments += self.was_half  # the feed may have read the first half of a line that is now cut off
        # a truncation may leave the second half of a line behind the first half of another, and nothing tells them apart
        self.may |= self.left
        os.ftruncate(self.out, 0)
        if self.random.random() < 0.5:
            os.lseek(self.out, 0, os.SEEK_SET)  # else the next line lands behind a hole of NULs
        self.lose(self.current)

    def truncate_and_regrow(self) -> None:
        self.truncate()
        for _ in range(self.random.choice([1, 3])):
            self.write()

    def copy_and_truncate(self) -> None:
        if self.current.path is None:
            return
        path = self.backup_path()
        shutil.copyfile(self.current.path, path)
        self.files.append(File(path, set(self.current.lines), set(self.current.lines)))
        if self.pending is not None:
            self.fragments += 2  # the copy has the half line as well
        self.truncate()

    def lose(self, file: File) -> None:
        """The lines of a file are no longer in it, or it is gone."""
        for number in file.unread:
            if not any(number in other.lines and other.path for other in self.files if other is not file):
                self.must.discard(number)
                self.may.add(number)
        file.lines, file.unread = set(), set()

    def delete(self) -> None:
        """The writer does not know, and goes on writing to a file without a name."""
        if self.current.path is not None:
            self.unlink(self.current)

    def unlink(self, file: File) -> None:
        assert file.path is not None
        file.path.unlink()
        file.path = None
        if file is self.current and self.pending is not None:
            self.tear()
        if not file.is_known or (self.closes_early and file.unread):
            self.lose(file)

    def recreate(self) -> None:
        if self.pending is not None:
            if self.current.path is None:
                self.tear()
            else:
                self.finish_line()
        if self.current.path == self.live_path:
            self.unlink(self.current)
        self.open_new()

    def rename_without_telling(self) -> None:
        """The writer goes on writing to the backup."""
        if self.current.path == self.live_path:
            self.rename(self.current, self.backup_path())

    def rename_backups(self) -> None:
        """What a collector does at its first start after an upgrade."""
        for file in self.backups():
            if file.path and "-size" not in file.path.name and file.path.suffix == ".json":
                self.rename(file, file.path.with_name(file.path.stem + "-size.json"))

    def compress_backup(self) -> None:
        backups = [file for file in self.backups() if file.path and file.path.suffix not in (".gz", ".zst")]
        if not backups:
            return
        file = self.random.choice(backups)
        assert file.path is not None
        content = file.path.read_bytes()
        suffix = self.random.choice([".gz", ".zst"])
        path = file.path.with_name(file.path.name + suffix)
        if path.exists():
            return
        path.write_bytes(gzip.compress(content, 1) if suffix == ".gz" else zstandard.compress(content, 1))
        status = file.path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as gzip, zstd and logrotate do
        self.files.append(File(path, set(file.lines), set(file.lines)))
        self.fragments += 1  # it ends as the original does, perhaps with half a line
        if self.random.random() < 0.7:
            self.unlink(file)

    def delete_backup(self) -> None:
        if backups := self.backups():
            self.unlink(self.random.choice(backups))

    def backups(self) -> list[File]:
        return [file for file in self.files if file.path and file is not self.current]

    def rename(self, file: File, path: Path) -> None:
        assert file.path is not None
        file.path.rename(path)
        file.path = path

    def backup_path(self) -> Path:
        self.stamp += 1
        size = self.random.choice(["", "-size"])
        return self.directory / f"traces-2026-11-22T10-00-{self.stamp // 1000:02d}.{self.stamp % 1000:03d}{size}.json"

    def drop_pending(self) -> None:
        """The rest of the half-written line never comes."""
        if self.pending is not None:
            number, rest = self.pending
            if rest == b"\n":
                self.may.add(number)  # only the line feed is missing: that is no fragment
            self.left.add(number)
            self.pending = None
            self.fragments += 2

    # -- what the reader does ------------------------------------------------------------------------------------------

    def look(self) -> None:
        self.feed.look()
        for file in self.files:
            file.is_known = file.is_known or file.path is not None
            if file.is_known:
                file.unread = set()

    def restart_reader(self) -> None:
        """As after a kill: the index is rebuilt from what stands on disk, and from nothing else."""
        self.feed.stop()
        self.recorder, self.feed = self.new_reader()
        for file in self.files:
            file.is_known = False
            file.unread = set(file.lines)
        self.files = [file for file in self.files if file.path is not None or file is self.current]
        retained = set().union(*(file.lines for file in self.files if file.path is not None))
        self.may |= self.must - retained
        self.must = retained
        if self.pending is not None:
            self.tear()

    def let_time_pass(self) -> None:
        time.sleep(A_TICK_S)
