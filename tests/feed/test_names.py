"""What stands under a name: nothing, something else, the same file twice, or what nobody may read."""

import errno
import os
import resource
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from diamond_viewer.feed.feed import Feed
from diamond_viewer.feed.files import FeedError
from diamond_viewer.telemetry.otlp import Batch
from tests.feed.following import Following, backup
from tests.feed.recorder import Recorder, line_of, lines_of, read

NOBODY = 65534


def test_a_deleted_file_is_read_to_its_end(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        f.live_path.unlink()
        f.write(2)
        f.look()
        f.write(3)  # nobody told the writer
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {}
        assert "no such file" in f.recorder.source(f.live_path).problems[0].sentence


def test_a_deleted_file_is_let_go_once_another_has_its_name(tmp_path: Path) -> None:
    with Following(tmp_path, hold_s=0) as f:
        f.write(1)
        f.look()
        f.live_path.unlink()
        f.look()
        f.create()
        f.write(2)
        f.look()
        f.look()
        assert f.numbers == [1, 2]
        assert [source.path for source in f.recorder.state.sources] == [str(f.live_path)]


def test_a_closed_backup_whose_inode_is_given_to_another_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(1, 2))
    os.utime(path, ns=(0, 0))
    with Following(tmp_path, hold_s=0) as f:
        wait_until_closed(f, path)
        inode = path.stat().st_ino
        for number in range(50):  # until the file system gives the inode out again, as ext4 does at once
            path.unlink()
            path.write_bytes(lines_of(10 + number, 100 + number))
            if path.stat().st_ino == inode:
                break
        f.look()
        assert f.numbers == [1, 2, 10 + number, 100 + number]


def test_a_closed_backup_that_begins_as_another_one_did_is_not_taken_for_it(tmp_path: Path) -> None:
    """The inode is given out again, and the first bytes of all lines of a service are equal."""
    path = tmp_path / backup(1)
    path.write_bytes(line_of(1)[:50])
    os.utime(path, ns=(0, 0))
    with Following(tmp_path, hold_s=0) as f:
        f.append(line_of(1)[50:] + b"\n")
        wait_until_closed(f, path)
        assert f.numbers == [1], "joined"
        path.write_bytes(lines_of(2))
        assert line_of(1)[:50] == line_of(2)[:50]
        f.look()
        assert f.numbers == [1, 2]


def open_files() -> set[Path]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor of the listing itself
            found.add(link.readlink())
    return found


def wait_until_closed(f: Following, path: Path) -> None:
    """Look until the feed has closed a quiet file: it waits for the clock of the file system to have moved on."""
    for _ in range(1_000_000):
        f.look()
        if path not in open_files():
            return
    raise AssertionError("the backup is still open")


@pytest.mark.parametrize("count", [1, 30], ids=["shorter", "longer"])
def test_a_file_moved_over_the_live_one_is_read_and_the_old_one_finished(tmp_path: Path, count: int) -> None:
    with Following(tmp_path) as f:
        f.write(1, 2, 3)
        f.look()
        f.write(4)
        other = tmp_path / "other"
        other.write_bytes(lines_of(*range(10, 10 + count)))
        other.rename(f.live_path)
        f.write(5)  # to the old file
        f.look()
        assert f.numbers == [1, 2, 3, 4, 5, *range(10, 10 + count)]
        assert f.counted() == {}


def test_a_second_name_for_the_same_file_is_not_read_again(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        (tmp_path / "traces.json.1").hardlink_to(f.live_path)
        f.look()
        f.write(2)
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {}
        assert f.recorder.source(f.live_path).state == "live"


def test_a_symbolic_link_is_followed_when_it_is_pointed_elsewhere(tmp_path: Path) -> None:
    first, second, live = tmp_path / "first", tmp_path / "second", tmp_path / "traces.json"
    first.write_bytes(lines_of(1))
    second.write_bytes(lines_of(2))
    live.symlink_to(first)
    recorder = Recorder()
    feed = Feed([str(live)], recorder)
    feed.look()
    live.unlink()
    live.symlink_to(second)
    first.write_bytes(first.read_bytes() + lines_of(3))
    feed.look()
    feed.stop()
    assert recorder.numbers == [1, 2, 3]


@pytest.mark.parametrize(("target", "word"), [("traces.json", "leads back to itself"), ("nowhere", "no such file")])
def test_a_symbolic_link_to_nothing_is_said_and_tried_again(tmp_path: Path, target: str, word: str) -> None:
    live = tmp_path / "traces.json"
    live.symlink_to(target)
    recorder = Recorder()
    feed = Feed([str(live)], recorder)
    feed.look()
    (problem,) = recorder.problems()
    assert word in problem.sentence
    live.unlink()
    live.write_bytes(lines_of(1))
    feed.look()
    feed.stop()
    assert recorder.numbers == [1]
    assert recorder.problems() == []


def test_a_missing_file_and_a_missing_folder_are_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "otel"
    recorder = Recorder()
    feed = Feed([str(folder / "traces.json")], recorder)
    feed.look()
    assert recorder.state.ready
    assert recorder.state.notice == f"Waiting for '{folder}/traces.json': there is no such file yet."
    assert recorder.source(folder / "traces.json").state == "waiting"
    folder.mkdir()
    (folder / "traces.json").write_bytes(lines_of(1))
    feed.look()
    feed.stop()
    assert recorder.numbers == [1]
    assert recorder.state.notice == ""


@pytest.mark.parametrize("how", ["deleted", "moved away"])
def test_a_folder_that_is_replaced_is_looked_into_again(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "otel"
    folder.mkdir()
    with Following(folder) as f:
        f.write(1)
        f.look()
        if how == "deleted":
            f.live_path.unlink()
            folder.rmdir()
        else:
            folder.rename(tmp_path / "old")
        f.look()
        folder.mkdir()
        f.write(2)  # to the old file
        f.live_path.write_bytes(lines_of(3))
        f.look()
        assert f.numbers == [1, 2, 3]


def test_a_backup_that_vanishes_before_it_is_opened_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(1))
    opened = os.open

    def open_too_late(name: str, *arguments: int) -> int:
        if name == str(path):
            path.unlink(missing_ok=True)
        return opened(name, *arguments)

    with Following(tmp_path) as f:
        f.write(2)
        monkeypatch.setattr(os, "open", open_too_late)
        f.look()
        f.look()
        assert f.numbers == [2]
        assert f.counted() == {"missed_files": 1}


def test_a_backup_deleted_while_it_is_read_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / backup(1)
    path.write_bytes(lines_of(*range(1, 101)))
    with Following(tmp_path) as f:
        given = f.recorder.add

        def add_and_delete(batch: Batch, digest: bytes) -> None:
            path.unlink(missing_ok=True)
            given(batch, digest)

        monkeypatch.setattr(f.recorder, "add", add_and_delete)
        f.look()
        assert f.numbers == list(range(1, 101))
        assert f.counted() == {}


def test_what_is_no_file_is_refused_at_once_and_the_rest_is_read(tmp_path: Path) -> None:
    fifo, sock, link = tmp_path / "a.fifo", tmp_path / "b.socket", tmp_path / "c.json"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(sock))
        link.write_bytes(lines_of(1))
        fresh = read(fifo, sock, "/dev/zero", link, tmp_path / "*")
    assert fresh.numbers == [1]
    assert fresh.state.ready
    sentences = {Path(source.path).name: [p.sentence for p in source.problems] for source in fresh.state.sources}
    assert sentences["a.fifo"] == [f"'{fifo}' is a FIFO. Only files are read; name one, for example 'traces.json'."]
    assert "is a socket" in sentences["b.socket"][0]
    assert "is a device" in sentences["zero"][0]
    assert sentences["c.json"] == []


def test_a_fifo_that_takes_the_files_place_after_it_was_looked_up_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def open_a_fifo(name: str, *arguments: int) -> int:
        if name == str(live):
            live.unlink()
            os.mkfifo(live)
        return opened(name, *arguments)

    live = tmp_path / "traces.json"
    live.write_bytes(lines_of(1))
    monkeypatch.setattr(os, "open", open_a_fifo)
    fresh = read(live)
    assert "is a FIFO" in fresh.problems()[0].sentence


def test_a_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FeedError) as refusal:
        Feed([str(tmp_path)], Recorder())
    assert str(refusal.value) == (
        f"'{tmp_path}' is a directory. Name a file or a pattern, for example '{tmp_path}/traces*.json'."
    )


def test_a_directory_beside_a_file_is_said_and_the_file_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    live = tmp_path / "traces.json"
    live.write_bytes(lines_of(1))
    recorder = Recorder()
    feed = Feed([str(folder), str(live)], recorder)
    feed.look()
    feed.stop()
    assert len(recorder.spans) == 1
    assert [source.state for source in recorder.state.sources if source.path == str(folder)] == ["failed"]


def test_what_was_named_stands_before_what_lies_beside_it(tmp_path: Path) -> None:
    for name in ("metrics.json", "traces.json", "logs.json"):
        (tmp_path / name).write_bytes(lines_of(1))
    recorder = Recorder()
    feed = Feed([str(tmp_path / "traces.json")], recorder)
    feed.look()
    feed.stop()
    assert [Path(source.path).name for source in recorder.state.sources] == ["traces.json", "metrics.json", "logs.json"]


@pytest.mark.parametrize("patterns", [[], [""], ["a\0b"]])
def test_a_pattern_that_names_nothing_is_refused(patterns: list[str]) -> None:
    with pytest.raises(FeedError):
        Feed(patterns, Recorder())


def test_an_unreadable_file_is_said_once_and_read_when_it_may_be() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        with Following(folder) as f:
            f.write(1)
            f.live_path.chmod(0o000)
            with as_nobody():
                f.look()
                f.look()
            (problem,) = f.recorder.problems()
            assert f"'{f.live_path}' may not be read by this user" in problem.sentence
            assert f.counted() == {"unreadable": 1}
            assert f.recorder.state.lag_ns == 0  # what cannot be read is a problem, not a delay
            assert f.recorder.source(f.live_path).state == "failed"
            assert f.recorder.state.ready, "nothing more can be read"
            f.live_path.chmod(0o644)
            with as_nobody():
                f.look()
            assert f.numbers == [1]
            assert f.recorder.source(f.live_path).state == "live"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, whom no mode keeps out. Who is not root stays who he is."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


def test_an_error_while_reading_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A process's own memory is a regular file of which no byte at offset 0 can be read: EIO, for real."""
    (tmp_path / "traces.json").write_bytes(lines_of(1))
    fresh = read("/proc/self/mem", tmp_path / "traces.json")
    assert fresh.numbers == [1]
    assert f"errno {errno.EIO}" in fresh.source("/proc/self/mem").problems[0].sentence
    assert fresh.counter("unreadable") == 1


def test_a_stale_handle_is_opened_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NFS answers when the server was restarted; no file system of a test machine does."""
    pread, stale = os.pread, [OSError(errno.ESTALE, "Stale file handle")]

    def pread_once_stale(*arguments: int) -> bytes:
        if stale:
            raise stale.pop()
        return pread(*arguments)

    with Following(tmp_path) as f:
        f.write(1, padding=20_000)
        f.look()
        f.write(2)
        monkeypatch.setattr(os, "pread", pread_once_stale)
        f.look()
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {"unreadable": 1}


def test_without_a_free_descriptor_the_live_file_is_still_followed(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.write(1)
        f.look()
        f.rotate(backup(1))
        f.write(2)
        (tmp_path / "traces.json.1").write_bytes(lines_of(3))
        f.look()
        f.write(4)
        (tmp_path / "traces.json.2").write_bytes(lines_of(5))
        with no_free_descriptor():
            f.look()
            assert 4 in f.numbers
            assert any("too many files" in problem.sentence for problem in f.recorder.problems())
        f.look()
        assert f.numbers == [1, 2, 3, 4, 5]


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_patterns_for_one_file_read_it_once(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(lines_of(1) + line_of(2))
    fresh = read(tmp_path / "traces.json", tmp_path / "." / "traces.json", tmp_path / "*.json")
    assert fresh.numbers == [1, 2]
    assert fresh.counter("duplicate_lines") == 0
