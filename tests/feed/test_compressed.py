"""Wrapped files: gzip, zstd, length prefixes, protobuf; whole, cut off, damaged, and bombs."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from diamond_viewer.feed.compressed import Sniffer
from tests.feed.following import Following, backup
from tests.feed.recorder import line_of, lines_of, read

PROTO = Path(__file__).parent.parent / "data" / "variants" / "js-proto-bodies"
MESSAGES = ("00001-traces.bin", "00004-traces.bin", "00007-traces.bin")
SPANS_IN_MESSAGES = 19


def prefixed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def protobuf_messages() -> list[bytes]:
    return [(PROTO / name).read_bytes() for name in MESSAGES]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_backup_is_read(tmp_path: Path, suffix: str) -> None:
    compress = gzip.compress if suffix == ".gz" else zstandard.compress
    (tmp_path / (backup(1) + suffix)).write_bytes(compress(lines_of(1, 2)))
    (tmp_path / "traces.json").write_bytes(lines_of(3))
    fresh = read(tmp_path / "traces.json")
    assert fresh.numbers == [1, 2, 3]
    assert fresh.state.bad_lines == 0


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_backup_compressed_after_it_was_read_counts_nothing_twice(tmp_path: Path, suffix: str) -> None:
    compress = gzip.compress if suffix == ".gz" else zstandard.compress
    with Following(tmp_path) as f:
        f.write(1, 2)
        f.look()
        path = f.rotate(backup(1))
        f.write(3)
        f.look()
        path.with_name(path.name + suffix).write_bytes(compress(path.read_bytes()))
        path.unlink()
        f.look()
        assert f.numbers == [1, 2, 3]
        assert f.counted() == {"rotations": 1, "duplicate_lines": 2}


@pytest.mark.parametrize("member", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_several_members_one_after_the_other_are_all_read(tmp_path: Path, member: object) -> None:
    assert callable(member)
    parts = [lines_of(1) + line_of(2)[:50], line_of(2)[50:] + b"\n", b"", lines_of(3)]
    (tmp_path / "traces.json.1.gz").write_bytes(b"".join(member(part) for part in parts))
    assert read(tmp_path / "traces.json").numbers == [1, 2, 3]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize("step", [1, 7, 500])
def test_a_file_that_is_still_being_compressed_is_read_as_it_grows(tmp_path: Path, compress: object, step: int) -> None:
    assert callable(compress)
    content = compress(lines_of(*range(1, 20)))
    path = tmp_path / "traces.json.1.gz"
    path.write_bytes(content[:1])
    with Following(tmp_path) as f, path.open("ab", buffering=0) as out:
        for begin in range(1, len(content), step):
            f.look()
            out.write(content[begin : begin + step])
        f.look()
        assert f.numbers == list(range(1, 20))
        assert "bad_lines" not in f.counted()


def test_compressed_data_that_ends_in_its_middle_is_said(tmp_path: Path) -> None:
    path = tmp_path / "traces.json.1.gz"
    path.write_bytes(gzip.compress(lines_of(*range(1, 100)))[:-30])
    fresh = read(tmp_path / "traces.json", patience_s=0)
    assert fresh.numbers[:10] == list(range(1, 11))
    assert "ends in its middle" in fresh.source(path).problems[0].sentence


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_damaged_data_is_one_problem_and_what_stands_before_it_is_kept(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    path = tmp_path / "traces.json.1.gz"
    path.write_bytes(compress(lines_of(1)) + compress(lines_of(*range(2, 50)))[:40] + bytes(range(256)) * 2000)
    with Following(tmp_path) as f:
        f.look()
        f.look()
        assert f.numbers[0] == 1
        assert f.recorder.source(path).state == "failed"
        (problem,) = f.recorder.source(path).problems
        assert "is damaged" in problem.sentence
        assert problem.count == 1
        path.write_bytes(compress(lines_of(60)))
        f.look()
        assert 60 in f.numbers


@pytest.mark.parametrize("filling", [b"\0", b"x"], ids=["zeros", "one long line"])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_bomb_is_given_up_at_the_limit_of_a_line(tmp_path: Path, compress: object, filling: bytes) -> None:
    assert callable(compress)
    (tmp_path / "traces.json.1.gz").write_bytes(compress(filling * 200_000_000))
    with Following(tmp_path, max_line_bytes=2_000_000) as f:
        f.write(1)
        tracemalloc.start()
        f.look()
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert f.numbers == [1]
        assert f.counted()["oversize"] == 1
        assert f.recorder.source(tmp_path / "traces.json.1.gz").state == "failed"
        assert peak_bytes < 40_000_000


def test_length_prefixed_protobuf_is_read_and_not_taken_for_a_million_bad_lines(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(prefixed(*protobuf_messages(), b""))
    fresh = read(tmp_path / "traces.json")
    assert len(fresh.numbers) == SPANS_IN_MESSAGES
    assert (fresh.state.lines, fresh.state.bad_lines, fresh.problems()) == (3, 0, [])


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_length_prefixed_frames_of_zstd_are_read_as_they_come(tmp_path: Path, step: int) -> None:
    content = prefixed(*(zstandard.compress(message) for message in (line_of(1), line_of(2))))
    with Following(tmp_path) as f:
        for begin in range(0, len(content), step):
            f.append(content[begin : begin + step])
            f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {}


def test_protobuf_within_a_stream_of_zstd_is_read(tmp_path: Path) -> None:
    (tmp_path / "traces.json.1.zst").write_bytes(zstandard.compress(prefixed(*protobuf_messages())))
    assert len(read(tmp_path / "traces.json").numbers) == SPANS_IN_MESSAGES


def test_a_length_that_cannot_be_is_one_problem_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(prefixed(*protobuf_messages()) + b"\xff" * 1000)
    fresh = read(tmp_path / "traces.json")
    assert len(fresh.numbers) == SPANS_IN_MESSAGES
    (problem,) = fresh.problems()
    assert "`format: proto`" in problem.sentence
    assert fresh.state.bad_lines == 0


def test_a_message_that_is_not_telemetry_is_one_bad_line(tmp_path: Path) -> None:
    first, *others = protobuf_messages()
    (tmp_path / "traces.json").write_bytes(prefixed(first, b"\x0a\x03abc\x12\xff", *others))
    fresh = read(tmp_path / "traces.json")
    assert len(fresh.numbers) == SPANS_IN_MESSAGES
    assert fresh.state.bad_lines == 1


def test_a_hole_at_the_beginning_is_not_taken_for_a_length(tmp_path: Path) -> None:
    for size_bytes in (1, 2, 3, 4, 5, 8, 4096):
        (tmp_path / "traces.json").write_bytes(bytes(size_bytes) + lines_of(1))
        assert read(tmp_path / "traces.json").numbers == [1], size_bytes


@pytest.mark.parametrize(
    ("first", "wrapping"),
    [
        (b'{"resourceSpans":[]}', "Plain"),
        (b"\n", "Plain"),
        (b"\xef\xbb\xbf{", "Plain"),
        (b"", ""),
        (b"\x1f", ""),
        (b"\x1f\x8b", "Gzip"),
        (b"\x28\xb5\x2f\xfd", "Zstd"),
        (b"\x00\x00\x10\x00\x0a\x0a\x0a\x0a", "LengthPrefixed"),
        (b"\x00\x00\x10\x00\x28\xb5\x2f\xfd", "LengthPrefixed"),
        (b"\x00\x00\x10\x00\x28\xb5", ""),
        (b"\x00\x00", ""),
        (b"\x00\x00\x00\x00", "Plain"),
        (b"\x7fELF\x02\x01\x01\x00", "Plain"),
    ],
)
def test_the_wrapping_is_told_by_the_first_bytes(first: bytes, wrapping: str) -> None:
    sniffer = Sniffer()
    for byte in first:
        list(sniffer.feed(bytes([byte])))
    assert sniffer.wrapping == wrapping
