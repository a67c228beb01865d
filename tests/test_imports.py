"""Imports: a store each, within a share of the memory, and nothing on disk."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
import zstandard
from werkzeug.test import Client

from diamond_viewer import showing
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.imports import MAX_IMPORTS, Imports
from diamond_viewer.serving import Stop
from diamond_viewer.settings.configuration import Configuration
from diamond_viewer.settings.settings import Settings
from diamond_viewer.telemetry.imported import ImportRefusedError
from tests import writing
from tests.plain_store import PlainStore

VARIANTS = Path(__file__).parent / "data" / "variants"
LINES = (VARIANTS / "rotation-timberjack-names/traces.json").read_bytes()
MIB = 1024**2


@pytest.fixture
def imports() -> Iterator[Imports]:
    with Imports(1024 * MIB, 16 * MIB) as held:
        yield held


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_file_is_read_into_a_store_of_its_own(imports: Imports, pack: "type[bytes]") -> None:
    source = imports.take("/home/someone/traces.json", pack(LINES))
    assert (source.name, source.spans, source.bad_lines, source.size_bytes) == ("traces.json", 304, 0, len(LINES))
    held = imports.store_of(source.number)
    assert held is not None
    assert held[1].health().traces == source.traces > 1
    assert imports.sources() == [source]


def test_several_are_held_side_by_side_and_one_can_be_removed(imports: Imports) -> None:
    first = imports.take("a.json", writing.line(writing.span(1)))
    second = imports.take("b.json", writing.line(writing.span(2)))
    assert [source.name for source in imports.sources()] == ["b.json", "a.json"]
    assert first.trace_id == writing.trace_id(1)
    assert imports.remove(first.number)
    assert not imports.remove(first.number)
    assert imports.store_of(first.number) is None
    assert imports.store_of(second.number) is not None
    assert imports.take("c.json", writing.line(writing.span(3))).number not in (first.number, second.number)


def test_more_than_a_few_are_refused_until_one_is_removed(imports: Imports) -> None:
    for number in range(1, MAX_IMPORTS + 1):
        imports.take("", writing.line(writing.span(number)))
    with pytest.raises(ImportRefusedError, match="8 files are open already") as refusal:
        imports.take("", writing.line(writing.span(99)))
    assert refusal.value.status == 409
    imports.remove(imports.sources()[-1].number)
    assert imports.take("", writing.line(writing.span(99))).name == "pasted text"


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (gzip.compress(b" " * 65 * MIB), 413, "more than 64 MiB, decompressed"),
        (zstandard.compress(b" " * 65 * MIB), 413, "more than 64 MiB, decompressed"),
        (gzip.compress(LINES)[:-9], 400, "not gzip, or cut off"),
        (b"hello", 422, "This is text"),
        (b'{"resourceSpans":[]}', 422, "Nothing of it can be shown. It holds no span."),
        (b'{"resourceSpans":[{"scope', 422, "Nothing of it can be shown. The line is cut off"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_sentence(
    imports: Imports, content: bytes, status: int, sentence: str
) -> None:
    with pytest.raises(ImportRefusedError) as refusal:
        imports.take("x", content)
    assert refusal.value.status == status
    assert sentence in str(refusal.value)
    assert imports.sources() == []


def test_a_line_that_is_cut_off_is_counted(imports: Imports) -> None:
    source = imports.take("x", (VARIANTS / "cut-off/traces-tail-cut-at-4096.json").read_bytes())
    assert (source.spans, source.bad_lines) == (536, 1)
    assert source.why == "The line is cut off: its JSON does not end."


def test_a_file_that_takes_more_memory_than_there_is_for_it_is_refused() -> None:
    lines = b"\n".join(writing.line(*(writing.span(100 * n + m) for m in range(1, 100))) for n in range(400))
    with (
        Imports(64 * MIB, MIB) as small,
        pytest.raises(ImportRefusedError, match="more memory than an import may have"),
    ):
        small.take("x", lines)


def test_a_secret_is_shown_nowhere(imports: Imports) -> None:
    source = imports.take("x", writing.line(writing.span(attributes={"http.request.header.cookie": "session=s3cr3t"})))
    held = imports.store_of(source.number)
    assert held is not None
    trace = held[1].trace(source.trace_id)
    assert trace is not None
    assert "s3cr3t" not in str(trace)


@pytest.mark.parametrize(("limit_ms", "count"), [(50, 1), (500, 0)])
def test_rules_have_the_limits_that_were_configured(limit_ms: int, count: int) -> None:
    with Imports(1024 * MIB, 16 * MIB, Thresholds.from_table({"slow_span_ms": limit_ms})) as held:
        source = held.take("a.json", writing.line(writing.span(1, lasts_ns=100_000_000)))
        opened = held.store_of(source.number)
        assert opened is not None
        diagnosis = opened[1].diagnoses([source.trace_id], 10)[source.trace_id]
        assert len(diagnosis.findings) == count


@pytest.mark.parametrize(("limit_ms", "count"), [(50, 1), (500, 0)])
def test_the_viewer_hands_them_the_limits_of_its_configuration(
    monkeypatch: pytest.MonkeyPatch, limit_ms: int, count: int
) -> None:
    limits = Thresholds.from_table({"slow_span_ms": limit_ms})
    settings = Settings(memory_bytes=1024 * MIB, configuration=Configuration(thresholds=limits))
    told: list[int] = []

    def ask(app: WSGIApplication, *_: object) -> None:
        client = Client(app)
        assert client.post("/api/import", data=writing.line(writing.span(1, lasts_ns=100_000_000))).status_code == 201
        answer = client.get(f"/import/1/api/traces/{writing.trace_id(1)}").get_data()
        told.append(len(json.loads(answer)["findings"]))

    monkeypatch.setattr(showing, "serve", ask)
    showing.show(PlainStore(), settings, (), Stop())
    assert told == [count]
