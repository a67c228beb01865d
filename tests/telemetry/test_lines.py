"""Lines out of bytes, however the bytes are cut into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.lines import LineSplitter

CONTENT = st.lists(
    st.sampled_from([b'{"a":1}', b"\n", b"\r\n", b"\0", b"\0" * 9, b" ", "é".encode(), b"\xef\xbb\xbf", b"\\u00e9"])
)


def split(
    content: bytes, sizes: list[int], max_line_bytes: int = 1 << 20
) -> tuple[LineSplitter, list[tuple[int, bytes]]]:
    """The content fed in chunks of these sizes, and what is left of it in one more."""
    splitter, lines = LineSplitter(max_line_bytes), []
    for size in sizes:
        lines += splitter.feed(content[:size])
        content = content[size:]
    return splitter, lines + splitter.feed(content)


@given(CONTENT, st.lists(st.integers(0, 12)))
def test_how_bytes_are_cut_into_chunks_does_not_matter(pieces: list[bytes], sizes: list[int]) -> None:
    content = b"".join(pieces)
    splitter, lines = split(content, sizes)
    whole, lines_of_whole = split(content, [])
    assert lines == lines_of_whole
    assert (splitter.rest, splitter.rest_offset) == (whole.rest, whole.rest_offset)
    assert splitter.position == len(content)
    assert splitter.gap_bytes == content.count(b"\0")


@given(CONTENT)
def test_a_line_stands_at_its_offset(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    splitter, lines = split(content, [])
    for offset, line in lines:
        assert content[offset:].removeprefix(b"\xef\xbb\xbf").startswith(line)
        assert line.strip()
    assert content[splitter.rest_offset :] == splitter.rest


@given(CONTENT, st.lists(st.integers(0, 12)), st.integers(1, 20))
def test_lines_above_the_limit_are_dropped_and_no_other(pieces: list[bytes], sizes: list[int], limit: int) -> None:
    content = b"".join(pieces)
    splitter, lines = split(content, sizes, limit)
    _, all_lines = split(content, [])
    room_for_line_end = 5  # a byte order mark and carriage returns count, too
    short = limit - room_for_line_end
    assert [line for line in all_lines if len(line[1]) <= short] == [line for line in lines if len(line[1]) <= short]
    assert len(splitter.rest) <= limit
    assert len(splitter.take_oversize()) >= len(all_lines) - len(lines)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 1000])
def test_cuts_within_characters_line_ends_and_escapes_leave_lines_whole(chunk_size: int) -> None:
    content = '{"a":"é€𝄞"}\r\n{"b":"\\u00e9\\ud834\\udd1e"}\r\n'.encode()
    _, lines = split(content, [chunk_size] * (len(content) // chunk_size))
    assert [line for _, line in lines] == content.split(b"\r\n")[:2]


def test_a_run_of_nuls_ends_a_line_as_a_line_feed_does() -> None:
    assert split(b"half\0\0\0whole\nnext", [])[1] == [(0, b"half"), (7, b"whole")]


def test_a_hole_is_passed_over_without_its_bytes() -> None:
    splitter = LineSplitter()
    splitter.feed(b"half")
    assert splitter.skip(1_000_000) == [(0, b"half")]
    assert splitter.feed(b"whole\n") == [(1_000_004, b"whole")]
    assert (splitter.position, splitter.gap_bytes) == (1_000_010, 1_000_000)


def test_a_line_that_is_too_long_is_reported_before_it_ends_and_once() -> None:
    splitter = LineSplitter(max_line_bytes=4)
    assert splitter.feed(b"ok\n12345") == [(0, b"ok")]
    assert splitter.take_oversize() == [3]
    assert splitter.rest == b""
    assert splitter.feed(b"6789\nok\n") == [(13, b"ok")]
    assert splitter.take_oversize() == []


def test_the_rest_can_be_taken_and_what_follows_starts_a_line_of_its_own() -> None:
    splitter = LineSplitter()
    splitter.feed(b'x\n{"a":1} ')
    assert splitter.rest_looks_whole
    assert splitter.take_rest() == (2, b'{"a":1} ')
    assert splitter.feed(b'\n{"b":2}\n') == [(11, b'{"b":2}')]
