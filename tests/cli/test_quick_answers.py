"""Answers that are had without reading everything are those that reading everything gives."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from diamond_viewer.cli.error_count import quick_count
from diamond_viewer.cli.excerpts import excerpts_for, excerpts_of_trace, no_excerpts, telling_bytes
from diamond_viewer.feed import plain
from diamond_viewer.feed.backlog import Backlog
from diamond_viewer.feed.plain import NotPlainError, plain_files, plain_lines
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.otlp_spans import decode_spans
from tests.asking import NOW_NS, asked
from tests.cli.commanding import DATA, ROOT, TRACES, Command, run

FILES = sorted(path for path in (DATA / "variants").rglob("*.json*") if path.is_file())
COLLECTORS = [
    path for path in FILES if path.parts[-2] in ("rotation-timberjack-names", "vercel-otel") and "traces" in path.name
]
A_TRACE = "3e2337288c0cde97c1f5cae76038ca5b"


def whole(*paths: Path) -> MemoryStore:
    store = MemoryStore(2**28)
    backlog = Backlog([str(path) for path in paths], store, max_line_bytes=2**26)
    while backlog.step():
        pass
    backlog.close()
    return store


def failures(*paths: Path) -> int:
    return whole(*paths).stats(Query(), NOW_NS).error_spans


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_failed_spans_are_counted_like_in_the_index_or_not_at_all(path: Path) -> None:
    counted = quick_count([str(path)])
    assert counted is None or counted == failures(path)


@pytest.mark.parametrize("path", [TRACES, *COLLECTORS], ids=lambda path: path.name)
def test_what_the_collector_writes_is_counted_quickly(path: Path) -> None:
    assert quick_count([str(path)]) == failures(path)


def test_a_line_that_was_written_twice_counts_once(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(TRACES.read_bytes() * 2)
    assert quick_count([str(path)]) == 48
    assert command("errors", "--count", path).out == "48\n"


def test_a_batch_that_was_cut_differently_counts_once(tmp_path: Path, command: Command) -> None:
    """Its spans stand on other lines, so that no line is the same."""
    again = []
    for line in TRACES.read_text().splitlines():
        document = json.loads(line)
        again += [json.dumps({"resourceSpans": [one]}) for one in document.get("resourceSpans", [])]
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text() + "\n".join(again) + "\n")
    assert quick_count([str(path)]) is None
    assert command("errors", "--count", path).out == "48\n"


@pytest.mark.parametrize(
    "unusual",
    [
        lambda text: text.replace('"code":2', '"code":"STATUS_CODE_ERROR"'),
        lambda text: text.replace('"code":2', '"code": 2'),
        lambda text: text.replace('"code":2', '"c\\u006fde":2'),
        lambda text: text.replace('"traceId":"', '"traceId":"  '),
        lambda text: text.replace("scopeSpans", "instrumentationLibrarySpans"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "no telemetry\n" + text,
        lambda text: text + '{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"traceId":"0af765',
    ],
    ids=["names", "space", "escape", "blank in id", "old name", "no line feed", "windows", "not json", "cut off"],
)
def test_unusual_lines_are_counted_with_care(tmp_path: Path, command: Command, unusual: Callable[[str], str]) -> None:
    path = tmp_path / "traces.json"
    path.write_text(unusual(TRACES.read_text()), newline="")
    expected = failures(path)
    assert int(command("errors", "--count", path).out) == expected
    assert expected in (0, 48)


def test_ids_in_upper_case_are_found(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text().replace(A_TRACE, A_TRACE.upper()))
    expected = command("trace", A_TRACE, "--json", TRACES)
    assert expected.code == 0
    assert command("trace", A_TRACE, "--json", path).out == expected.out


def test_a_trace_that_is_split_over_files_is_found_whole(tmp_path: Path, command: Command) -> None:
    halves: list[list[str]] = [[], []]
    for line in TRACES.read_text().splitlines():
        for one in json.loads(line).get("resourceSpans", []):
            for scope in one["scopeSpans"]:
                for number, span in enumerate(scope["spans"]):
                    part = {**one, "scopeSpans": [{**scope, "spans": [span]}]}
                    halves[number % 2].append(json.dumps({"resourceSpans": [part]}))
    for half, name in zip(halves, ("traces.json", "traces-2026-11-22T14-30-00.000.json"), strict=True):
        (tmp_path / name).write_text("\n".join(half) + "\n")
    said = command("trace", A_TRACE, "--json", tmp_path / "traces.json")
    spans = {span.span_id for span in decode_spans(said.out.encode())}
    assert len(spans) == 7
    subprocess.run(["gzip", str(tmp_path / "traces-2026-11-22T14-30-00.000.json")], check=True)
    assert command("trace", A_TRACE, "--json", tmp_path / "traces.json").out == said.out


def test_a_trace_of_which_only_a_link_speaks_is_not_found(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text().replace(A_TRACE, "f" * 32) + f'{{"resourceSpans":[],"x":"{A_TRACE}"}}\n')
    said = command("trace", A_TRACE, path)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Trace {A_TRACE} is not in these files")


@pytest.mark.parametrize(
    ("filters", "telling"),
    [
        ({"lesson": "lesson-012"}, b"lesson-012"),
        ({"lesson": "lesson-012", "user": "usr_0007"}, b"usr_0007"),
        ({"lesson": "12"}, b""),
        ({"lesson": "1e3"}, b""),
        ({"operation": 'say "hello"'}, b""),
        ({"operation": "GET /api"}, b""),
        ({"user": "jürgen"}, b""),
        ({"service": "diamond-district-web"}, b""),
        ({"status": "error"}, b""),
    ],
)
def test_only_what_is_spelled_in_one_way_is_looked_for_by_its_bytes(filters: dict[str, str], telling: bytes) -> None:
    assert telling_bytes(asked(**filters)) == telling


def test_an_excerpt_is_much_less_and_holds_every_match() -> None:
    query = asked(lesson="lesson-012")
    lines = excerpts_for([str(TRACES)], query)()
    assert lines is not None
    assert sum(map(len, lines)) < TRACES.stat().st_size / 2
    found = {span.trace_id for line in lines for span in decode_spans(line)}
    matches = {row.trace_id for row in whole(TRACES).search(Query(query.set_filters, limit=1000), NOW_NS).traces}
    assert matches <= found


def test_an_id_that_is_spelled_by_numbers_is_found(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text().replace("lesson-012", "lesson-01\\u0032"))
    lines = excerpts_for([str(path)], asked(lesson="lesson-012"))()
    assert lines
    spelled = "".join(f"\\u00{ord(digit):02x}" for digit in A_TRACE)
    path.write_text(TRACES.read_text().replace(A_TRACE, spelled))
    assert excerpts_of_trace([str(path)], A_TRACE)()


def test_ids_that_stand_among_blanks_are_found(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text().replace('"traceId":"', '"traceId":" '))
    expected = command("search", "--all", "--json", "--lesson", "lesson-012", TRACES)
    assert expected.documents
    assert command("search", "--all", "--json", "--lesson", "lesson-012", path).out == expected.out


@pytest.mark.parametrize("block_bytes", [1, 7, 1000, 10**7])
def test_lines_are_cut_out_of_blocks_of_any_size(
    tmp_path: Path, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "traces.json"
    path.write_bytes(b'{"a":1}\n\n  \n{"b":"' + b"x" * 5000 + b'"}\n{}\n')
    (name,) = plain_files([str(path)])
    assert list(plain_lines(name, 6000)) == [b'{"a":1}\n', b'{"b":"' + b"x" * 5000 + b'"}\n', b"{}\n"]
    with pytest.raises(NotPlainError):
        list(plain_lines(name, 5000))
    with path.open("ab") as file:
        file.write(b'{"later"')
    assert len(list(plain_lines(name, 6000))) == 3  # what stood there when it was looked up
    (longer,) = plain_files([str(path)])
    with pytest.raises(NotPlainError):
        list(plain_lines(longer, 6000))
    path.write_bytes(b'{"a":1}\n')
    with pytest.raises(NotPlainError):
        list(plain_lines(name, 6000))  # it was truncated meanwhile


def test_what_is_compressed_or_asked_for_otherwise_is_read_whole(tmp_path: Path) -> None:
    assert excerpts_for([str(TRACES)], asked(status="error")) is no_excerpts
    assert excerpts_for([str(tmp_path / "traces.json.gz")], asked(lesson="lesson-012")) is no_excerpts
    assert excerpts_for(["-"], asked(lesson="lesson-012")) is no_excerpts


def test_every_core_gives_the_same_answers() -> None:
    """As over many files, here over few: how much is worth another process is turned down."""
    script = (
        "import sys; from diamond_viewer.feed import parallel; parallel.MIN_BYTES = 0;"
        "from diamond_viewer.cli.program import main; sys.exit(main(sys.argv[1:]))"
    )
    paths = [str(path) for path in (TRACES, *COLLECTORS)]
    for arguments in (
        ["errors", "--count"],
        ["search", "--json", "--lesson", "lesson-012"],
        ["search", "--json", "--lesson", "lesson-999"],
        ["trace", "--json", A_TRACE],
    ):
        forked = subprocess.run(
            [sys.executable, "-c", script, *arguments, *paths],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=50,
            check=False,
        )
        alone = run(*arguments, *paths)
        assert (forked.stdout, forked.stderr, forked.returncode) == (alone.out, alone.err, alone.code)


@pytest.mark.parametrize("spelt", ["00-{}-b7ad6b7169203331-01", "0x{}", "{}-b7ad6b7169203331-1", "uuid"])
def test_a_trace_is_found_by_every_spelling_of_its_id(command: Command, spelt: str) -> None:
    found = str(UUID(A_TRACE)) if spelt == "uuid" else spelt.format(A_TRACE)
    assert (
        command("trace", found, "--json", TRACES).documents[0]
        == command("trace", A_TRACE, "--json", TRACES).documents[0]
    )


def test_a_trace_is_found_by_the_first_digits_of_its_id(command: Command) -> None:
    whole = command("trace", A_TRACE, "--json", TRACES)
    for length in (8, 16, 31):
        assert command("trace", A_TRACE[:length].upper(), "--json", TRACES).documents == whole.documents
    said = command("trace", A_TRACE[:9] + "f", TRACES)
    assert (said.code, said.out) == (1, "")
    assert said.err == f"No trace in these files has an id that begins with {A_TRACE[:9]}f.\n"


def test_where_several_ids_begin_alike_those_traces_are_named(tmp_path: Path, command: Command) -> None:
    other = "d4d3167950cda8140d447d12cb907d2c"
    path = tmp_path / "traces.json"
    path.write_text(TRACES.read_text().replace(other, f"{A_TRACE[:12]}{other[12:]}"))
    said = command("trace", A_TRACE[:12], "--color", "always", path)
    assert (said.code, said.out) == (2, "")
    first, second, sentence = said.err.splitlines()
    assert {A_TRACE, f"{A_TRACE[:12]}{other[12:]}"} == {first.split()[1], second.split()[1]}
    assert sentence == f"diamond_viewer: 2 traces begin with {A_TRACE[:12]}. Give more digits."
    assert "\x1b" not in said.err
    assert "·" not in first
    assert command("trace", A_TRACE[:13], "--json", path).code == 0


def test_an_id_of_64_bits_is_found_without_the_zeros_before_it(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "traces.json"
    short = f"{'0' * 16}{A_TRACE[16:]}"
    path.write_text(TRACES.read_text().replace(A_TRACE, short))
    assert command("trace", A_TRACE[16:], "--json", path).documents == command("trace", short, "--json", path).documents
