"""Every variant of the telemetry loads as the name of its folder says. The figures were counted by plain loops."""

from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import LineError, decode_line
from tests.telemetry.readings import Reading, decoded, read_plainly, rows_of

DATA = Path(__file__).parents[1] / "data"
VARIANTS = DATA / "variants"


def lines_of(path: Path) -> list[bytes]:
    """As the feed hands them over: whole lines, none empty, without the NULs of a hole."""
    return [line for line in (line.strip(b"\0\r ") for line in path.read_bytes().split(b"\n")) if line]


def spans_of(path: Path) -> list[Reading]:
    return [row for line in lines_of(path) for row in rows_of(decode_line(line))]


@pytest.fixture(scope="module")
def originals() -> set[Reading]:
    return decoded(lines_of(DATA / "diamond-district" / "traces.json"))


def test_the_original_is_read_as_by_plain_loops(originals: set[Reading]) -> None:
    assert len(originals) == 3252
    assert originals == read_plainly(lines_of(DATA / "diamond-district" / "traces.json"))


@pytest.mark.parametrize(
    ("file", "span_count"),
    [
        ("duplicated-lines/traces.json", 1348),
        ("old-collector-style/traces.json", 836),
        ("one-file-three-signals/telemetry.json", 3252),
        ("js-http-json-bodies/00002-traces.json", 18),
        ("js-http-json-bodies/00003-traces.json", 322),
        ("js-http-json-bodies/00006-traces.json", 189),
        ("cut-off/traces-crlf-bom.json", 343),
        ("cut-off/traces-leading-and-blank-lines.json", 343),
        ("cut-off/traces-no-final-newline.json", 548),
        ("cut-off/traces-nul-hole.json", 21),
        ("cut-off/traces-two-objects-on-one-line.json", 21),
    ],
)
def test_the_same_spans_written_otherwise_are_the_same_spans(
    file: str, span_count: int, originals: set[Reading]
) -> None:
    found = set(spans_of(VARIANTS / file))
    assert len(found) == span_count
    assert found <= originals


@pytest.mark.parametrize(("file", "span_count"), [("traces-json-array.json", 343), ("traces-pretty-printed.json", 3)])
def test_a_file_that_is_one_document_is_read_whole(file: str, span_count: int, originals: set[Reading]) -> None:
    batch = decode_line((VARIANTS / "cut-off" / file).read_bytes())
    assert batch.signal == "traces"
    assert batch.span_count == span_count
    assert set(rows_of(batch)) <= originals


def test_rotated_files_hold_the_whole_together(originals: set[Reading]) -> None:
    files = sorted((VARIANTS / "rotation-timberjack-names").glob("traces*.json"))
    found = [row for file in files for row in spans_of(file)]
    assert len(files) == 4
    assert len(found) == len(set(found))
    assert set(found) == originals


def test_duplicated_lines_hold_213_spans_twice() -> None:
    found = spans_of(VARIANTS / "duplicated-lines" / "traces.json")
    assert len(found) - len(set(found)) == 213


@pytest.mark.parametrize(
    ("file", "kind", "span_count"),
    [("traces-middle-line-broken.json", "not JSON", 325), ("traces-tail-cut-at-4096.json", "not JSON", 536)],
)
def test_a_broken_line_costs_only_itself(file: str, kind: str, span_count: int, originals: set[Reading]) -> None:
    found: set[Reading] = set()
    errors = []
    for line in lines_of(VARIANTS / "cut-off" / file):
        try:
            found |= set(rows_of(decode_line(line)))
        except LineError as error:
            errors.append(error)
    assert [error.kind for error in errors] == [kind]
    assert "cut off" in str(errors[0])
    assert len(found) == span_count
    assert found <= originals


def test_an_empty_file_holds_nothing() -> None:
    assert lines_of(VARIANTS / "cut-off" / "traces-empty.json") == []


def test_invalid_utf8_is_kept_with_replacement_characters() -> None:
    [line] = lines_of(VARIANTS / "cut-off" / "traces-invalid-utf8.json")
    batch = decode_line(line)
    assert batch.repaired
    assert set(rows_of(batch)) == read_plainly([line])
    assert "\ufffd".encode() in batch.original


@pytest.mark.parametrize(
    ("file", "span_count"),
    [
        ("js-special-values/traces.from-json.json", 22),
        ("js-special-values/traces.from-proto.json", 22),
        ("js-special-values/body-js-json.json", 22),
        ("js-special-values/body-js-json-with-NaN-null.json", 22),
        ("python-json-file/traces.jsonl", 97),
        ("vercel-otel/traces.json", 998),
    ],
)
def test_other_producers_are_read_as_by_plain_loops(file: str, span_count: int) -> None:
    lines = lines_of(VARIANTS / file)
    found = decoded(lines)
    assert len(found) == span_count
    assert found == read_plainly(lines)
    # the JavaScript SDK posts half of a surrogate pair as it stands; collectors have replaced it
    assert any(decode_line(line).repaired for line in lines) == file.startswith("js-special-values/body")


@pytest.mark.parametrize(
    ("pattern", "signal"),
    [
        ("**/*logs*.json*", "logs"),
        ("**/*metrics*.json*", "metrics"),
        ("../diamond-district/[lm]*s.json", "metrics or logs"),
    ],
)
def test_other_signals_are_recognised_and_hold_no_spans(pattern: str, signal: str) -> None:
    files = [file for file in VARIANTS.glob(pattern) if file.is_file()]
    assert files
    for batch in (decode_line(line) for file in files for line in lines_of(file)):
        assert batch.signal in signal.split(" or ")
        assert (batch.span_count, batch.invalid_spans) == (0, 0)


def test_three_signals_in_one_file_are_told_apart() -> None:
    signals = [decode_line(line).signal for line in lines_of(VARIANTS / "one-file-three-signals" / "telemetry.json")]
    # 36 lines: the 23 of traces, and metrics and logs between them
    assert {signal: signals.count(signal) for signal in set(signals)} == {"traces": 23, "metrics": 3, "logs": 10}


def test_the_console_exporter_writes_no_telemetry_and_every_line_says_so() -> None:
    for line in lines_of(VARIANTS / "js-console-exporter.txt"):
        with pytest.raises(LineError, match=r"^The line .*\.$"):
            decode_line(line)
