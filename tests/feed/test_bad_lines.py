"""Lines that are not what the collector writes, and what becomes of them."""

import tracemalloc
from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import Batch
from tests.feed.following import Following
from tests.feed.recorder import line_of, lines_of, read

VARIANTS = Path(__file__).parent.parent / "data" / "variants"


def test_half_a_line_at_the_end_of_the_live_file_waits_without_a_word(tmp_path: Path) -> None:
    """The collector flushes every ``flush_interval``, and rarely at the end of a line."""
    line = line_of(1) + b"\n"
    with Following(tmp_path) as f:
        f.append(line[:60])
        for _ in range(5):
            f.look()
        assert (f.numbers, f.counted(), f.recorder.problems()) == ([], {}, [])
        f.append(line[60:])
        f.look()
        assert f.numbers == [1]


def test_a_whole_last_line_does_not_wait_for_its_line_feed(tmp_path: Path) -> None:
    with Following(tmp_path) as f:
        f.append(line_of(1))
        f.look()
        assert f.numbers == [1]
        f.append(b"\n")
        f.write(2)
        f.look()
        assert f.numbers == [1, 2]
        assert f.counted() == {}
        assert f.recorder.state.lines == 2


def test_bytes_that_come_one_by_one_make_the_same_line(tmp_path: Path) -> None:
    line = line_of(1).replace(b'"n1"', '"ünïcode \\u00fc"'.encode()) + b"\r\n"
    with Following(tmp_path) as f:
        for byte in line:
            f.append(bytes([byte]))
            f.look()
        assert f.recorder.names == ["ünïcode ü"]
        assert f.counted() == {}


def test_a_line_cut_within_a_character_is_one_bad_line(tmp_path: Path) -> None:
    line = line_of(1).replace(b'"n1"', '"é"'.encode())
    (tmp_path / "traces.json").write_bytes(line[: line.index(b"\xa9")] + b"\n" + lines_of(2))
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines) == ([2], 1)


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"\\ud800"], ids=["invalid UTF-8", "lone surrogate"])
def test_a_line_with_broken_text_is_kept_with_replacement_characters(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "traces.json").write_bytes(line_of(1).replace(b'"n1"', b'"a' + broken + b'b"') + b"\n")
    fresh = read(tmp_path / "traces.json")
    assert fresh.numbers == [1]
    assert fresh.names[0].strip("ab").strip("\ufffd") == ""
    assert (fresh.counter("utf8_repaired"), fresh.state.bad_lines) == (1, 0)


@pytest.mark.parametrize(
    ("line", "bad_lines"),
    [(b"", 0), (b"  \t", 0), (b"\r", 0), (b"{}", 0), (b"null", 1), (b"42", 1), (b"[]", 1), (b"{bad", 1), (b'"text"', 1)],
)  # fmt: skip
def test_lines_without_telemetry(tmp_path: Path, line: bytes, bad_lines: int) -> None:
    (tmp_path / "traces.json").write_bytes(lines_of(1) + line + b"\n" + lines_of(2))
    fresh = read(tmp_path / "traces.json")
    assert fresh.numbers == [1, 2]
    assert fresh.state.bad_lines == bad_lines
    assert len(fresh.problems()) == bad_lines


def test_what_windows_puts_around_lines_is_accepted() -> None:
    fresh = read(VARIANTS / "cut-off" / "traces-crlf-bom.json")
    assert (len(fresh.numbers), fresh.state.bad_lines) == (343, 0)


def test_two_documents_on_one_line_are_both_read(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(line_of(1) + line_of(2) + b"\n")
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines) == ([1, 2], 0)


def test_a_document_is_recognised_behind_another_one(tmp_path: Path) -> None:
    """It was taken when its line had not ended; in a copy it stands on one line with what was written next."""
    with Following(tmp_path) as f:
        f.append(line_of(1))
        f.look()
        f.append(line_of(2) + line_of(3))
        f.look()
        f.write(4)
        f.look()
        (tmp_path / "traces.json.1").write_bytes(f.live_path.read_bytes())
        f.look()
        assert f.numbers == [1, 2, 3, 4]
        assert f.counted() == {"duplicate_lines": 4}


def test_a_line_above_the_limit_costs_that_line_only_and_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "traces.json").open("wb") as out:
        out.write(lines_of(1) + b'{"resourceSpans":"')
        for _ in range(100):
            out.write(b"x" * 1_000_000)
        out.write(b'"}\n' + lines_of(2))
    with Following(tmp_path, max_line_bytes=5_000_000) as f:
        tracemalloc.start()
        f.look()
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert f.numbers == [1, 2]
        assert f.counted() == {"oversize": 1}
        assert peak_bytes < 25_000_000
        (problem,) = f.recorder.problems()
        assert problem.sentence == "The line is longer than the limit of 5,000,000 bytes: its spans are not shown."
        assert problem.offset == len(lines_of(1))


def test_bytes_without_any_line_feed_are_reported_before_they_end(tmp_path: Path) -> None:
    with Following(tmp_path, max_line_bytes=1_000_000) as f:
        f.append(b"x" * 3_000_000)
        f.look()
        f.append(b"x" * 3_000_000)
        f.look()
        assert f.counted() == {"oversize": 1}


@pytest.mark.parametrize("depth", [1_025, 100_000])
def test_a_line_nested_too_deep_is_one_bad_line(tmp_path: Path, depth: int) -> None:
    line = b'{"resourceSpans":' + b"[" * depth + b"]" * depth + b"}\n"
    (tmp_path / "traces.json").write_bytes(line + lines_of(1))
    fresh = read(tmp_path / "traces.json")
    assert fresh.numbers == [1]
    assert fresh.state.bad_lines == 1


def test_a_value_nested_500_deep_costs_its_line_only(tmp_path: Path) -> None:
    """Each array is three levels of JSON: together more than the 1,024 that are read."""
    value = b'{"arrayValue":{"values":[' * 500 + b'{"intValue":"1"}' + b"]}}" * 500
    line = line_of(1).replace(b'"status":{}', b'"attributes":[{"key":"deep","value":' + value + b'}],"status":{}')
    (tmp_path / "traces.json").write_bytes(line + b"\n" + lines_of(2))
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines) == ([2], 1)


def test_a_value_nested_300_deep_is_kept(tmp_path: Path) -> None:
    value = b'{"arrayValue":{"values":[' * 300 + b'{"intValue":"1"}' + b"]}}" * 300
    line = line_of(1).replace(b'"status":{}', b'"attributes":[{"key":"deep","value":' + value + b'}],"status":{}')
    (tmp_path / "traces.json").write_bytes(line + b"\n")
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines) == ([1], 0)


def test_a_million_lines_of_one_byte_are_one_problem_and_no_memory(tmp_path: Path) -> None:
    count = 1_000_000
    (tmp_path / "traces.json").write_bytes(b"x\n" * count + lines_of(1))
    with Following(tmp_path) as f:
        f.look()
        assert f.numbers == [1]
        assert f.counted() == {"bad_lines": count}
        (problem,) = f.recorder.problems()
        assert problem.count == count
        assert len(f.recorder.state.sources) == 1


def test_metrics_and_logs_in_the_same_file_are_counted_and_not_bad() -> None:
    fresh = read(VARIANTS / "one-file-three-signals" / "telemetry.json")
    assert len(fresh.numbers) == 3252
    assert (fresh.counter("other_signal"), fresh.state.bad_lines) == (13, 0)


def test_of_duplicate_keys_the_last_one_counts(tmp_path: Path) -> None:
    line = line_of(1).replace(b'"name":"n1"', b'"name":"first","name":"last"')
    (tmp_path / "traces.json").write_bytes(line + b"\n")
    assert read(tmp_path / "traces.json").names == ["last"]


ATTRIBUTES = b'"attributes":[{"key":"user.id","value":{"stringValue":"a"}},{"key":"%s","value":{"stringValue":"b"}}]'


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        pytest.param(b'"status":{}', b'"status":{},' + ATTRIBUTES % b"user.id", 1, id="attribute"),
        pytest.param(b'"status":{}', b'"status":{},' + ATTRIBUTES % b"lesson.id", 0, id="two attributes"),
        pytest.param(b'"name":"n1"', b'"name":"first","name":"last\xff"', 1, id="JSON key of a line to be repaired"),
        pytest.param(
            b'"status":{}', b'"note":"\xff","status":{},' + ATTRIBUTES % b"user.id", 1, id="attribute of such"
        ),
        pytest.param(b'"name":"n1"', b'"name":"last\xff"', 0, id="repaired without repeats"),
    ],
)
def test_lines_that_give_a_key_twice_are_counted(tmp_path: Path, before: bytes, after: bytes, count: int) -> None:
    """Each of them, though what attributes say is worked out once: the second line is the first with another id."""
    lines = [line_of(number).replace(before.replace(b"n1", b"n%d" % number), after) for number in (1, 2)]
    (tmp_path / "traces.json").write_bytes(b"\n".join(lines) + b"\n")
    fresh = read(tmp_path / "traces.json")
    assert fresh.numbers == [1, 2]
    assert fresh.counter("repeated_keys") == 2 * count
    assert fresh.state.bad_lines == 0


def test_the_same_line_again_is_counted_and_not_decoded_again(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(lines_of(1, 2, 1))
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.counter("duplicate_lines")) == ([1, 2], 1)


def test_a_bad_line_is_shown_with_its_offset_and_without_its_secrets(tmp_path: Path) -> None:
    bad = b'{"key":"http.request.header.cookie","value":{"stringValue":"session=s3cr3t"}} \x1b[31m ' + b"y" * 500
    (tmp_path / "traces.json").write_bytes(lines_of(1) + bad + b"\n")
    (problem,) = read(tmp_path / "traces.json").problems()
    assert problem.offset == len(lines_of(1))
    assert len(problem.preview) <= 200
    assert "s3cr3t" not in problem.preview
    assert "REDACTED" in problem.preview
    assert problem.preview.isprintable()


@pytest.mark.parametrize(
    ("name", "spans", "bad_lines"),
    [
        ("traces-json-array.json", 343, 0),
        ("traces-pretty-printed.json", 3, 0),
        ("traces-no-final-newline.json", 548, 0),
        ("traces-tail-cut-at-4096.json", 536, 0),
        ("traces-leading-and-blank-lines.json", 343, 0),
        ("traces-middle-line-broken.json", 325, 1),
        ("traces-two-objects-on-one-line.json", 21, 0),
        ("traces-nul-hole.json", 21, 0),
        ("traces-empty.json", 0, 0),
    ],
)
def test_files_that_accidents_left_behind(name: str, spans: int, bad_lines: int) -> None:
    fresh = read(VARIANTS / "cut-off" / name)
    assert (len(fresh.spans), fresh.state.bad_lines) == (spans, bad_lines)
    assert fresh.state.ready


def test_a_pretty_printed_document_may_grow_while_it_is_followed(tmp_path: Path) -> None:
    content = (VARIANTS / "cut-off" / "traces-pretty-printed.json").read_bytes()
    with Following(tmp_path) as f:
        for begin in range(0, len(content), 700):
            f.append(content[begin : begin + 700])
            f.look()
        f.append(b"\n")
        f.write(1)
        f.look()
        assert len(f.recorder.spans) == 4
        assert f.counted() == {}


def test_a_document_that_nobody_finished_costs_no_line_behind_it(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(b'{\n  "resourceSpans": [\n' + lines_of(1, 2))
    fresh = read(tmp_path / "traces.json")
    assert (fresh.numbers, fresh.state.bad_lines) == ([1, 2], 1)


def test_a_line_that_makes_the_store_fail_costs_that_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Following(tmp_path) as f:
        given = f.recorder.add

        def add_but_not_2(batch: Batch, digest: bytes) -> None:
            if list(batch.names) == ["n2"]:
                raise MemoryError
            given(batch, digest)

        monkeypatch.setattr(f.recorder, "add", add_but_not_2)
        f.write(1, 2, 3)
        f.look()
        assert f.numbers == [1, 3]
        assert f.counted() == {"bad_lines": 1}
        assert f.recorder.problems()[0].kind == "internal error"


def test_a_line_that_makes_the_viewer_fail_behind_a_fragment_is_told_though_another_reason_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Following(tmp_path) as f:

        def stumble(batch: Batch, digest: bytes) -> None:
            raise ValueError("it says password=hunter2hunter2")

        monkeypatch.setattr(f.recorder, "add", stumble)
        f.append(b'{"resourceSpans":[{"resou' + lines_of(1) + b'{"resourceSpans":[{"scop' + lines_of(2))
        f.look()
        assert f.counted()["bad_lines"] == 2
        told = {problem.kind: problem for problem in f.recorder.problems()}
        assert told["internal error"].count == 2
        assert "ValueError: it says password=REDACTED" in told["internal error"].sentence
        assert f.recorder.state.sources[0].path == "(the feed)"
        assert [record.getMessage() for record in caplog.records if "stumble" in record.getMessage()] == [
            "A line made the viewer stumble; it is counted as a bad line."
        ]


def test_a_problem_tells_where_in_the_file_its_line_begins(tmp_path: Path) -> None:
    content = lines_of(1) + b"bad\r\n" + bytes(10) + b"worse\n" + lines_of(2)
    path = tmp_path / "traces.json"
    path.write_bytes(content)
    (problem,) = read(path).problems()
    assert content[problem.offset :].startswith(b"worse")
