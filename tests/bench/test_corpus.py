"""The benchmark's corpus: real lines with new identities, nothing else changed."""

import hashlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from diamond_viewer.telemetry.otlp import decode_line
from tests.bench.corpus import Bytes, Seed, copies, read_seed, write_corpus

SEED_SPANS = 97_582


@pytest.fixture(scope="module")
def seed() -> Seed:
    return read_seed()


@pytest.fixture(scope="module")
def first_copies(seed: Seed) -> list[Bytes]:
    return list(islice(copies(seed), 3))


def _spans(seed: Seed, copy: Bytes, lines: range) -> list[dict[str, Any]]:
    begins = [0, *seed.line_ends]
    return [
        span
        for number in lines
        for block in orjson.loads(copy[begins[number] : begins[number + 1]].tobytes())["resourceSpans"]
        for scope in block["scopeSpans"]
        for span in scope["spans"]
    ]


def _ids(spans: list[dict[str, Any]]) -> list[str]:
    return [span["traceId"] + span["spanId"] for span in spans]


def test_the_seed_is_read_whole(seed: Seed) -> None:
    assert sum(seed.line_spans) == SEED_SPANS
    assert len(seed.content) == seed.line_ends[-1]
    assert len(seed.times) > 2 * SEED_SPANS
    assert len(seed.trace_ids) > SEED_SPANS


def test_the_first_copy_is_the_seed(seed: Seed, first_copies: list[Bytes]) -> None:
    assert np.array_equal(first_copies[0], seed.content)


def test_no_id_comes_twice(seed: Seed, first_copies: list[Bytes]) -> None:
    ids = [one for copy in first_copies for one in _ids(_spans(seed, copy, range(0, len(seed.line_ends), 8)))]
    assert len(set(ids)) == len(ids)


def test_only_ids_and_times_change_and_they_change_alike_everywhere(seed: Seed, first_copies: list[Bytes]) -> None:
    lines = range(len(seed.line_ends) - 12, len(seed.line_ends))
    before, after = (_spans(seed, copy, lines) for copy in (first_copies[0], first_copies[2]))
    renamed: dict[str, str] = {}
    for old, new in zip(before, after, strict=True):
        pairs = [(old, new), *zip(old.get("links", ()), new.get("links", ()), strict=True)]
        for key in ("traceId", "spanId", "parentSpanId"):
            for one, other in pairs:
                if key in one:
                    assert renamed.setdefault(one.pop(key), other[key]) == other.pop(key)
        timed = [(old, new), *zip(old.get("events", ()), new.get("events", ()), strict=True)]
        for key in ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"):
            for one, other in timed:
                if key in one:
                    assert int(other.pop(key)) - int(one.pop(key)) == 2 * seed.length_ns
        spelled = orjson.dumps(old).decode()
        if "traceparent" in spelled:
            _, trace_id, span_id, _ = spelled.partition('traceparent\\":\\"')[2][:55].split("-")
            spelled = spelled.replace(trace_id, renamed.get(trace_id, "?")).replace(span_id, renamed.get(span_id, "?"))
            if "?" in spelled.partition("traceparent")[2][:60]:
                continue  # its span came on a line that this test does not read
        assert spelled == orjson.dumps(new).decode()
    assert len(set(renamed.values())) == len(renamed)


def test_a_corpus_rotates_at_line_ends_and_has_the_spans_asked_for(tmp_path: Path) -> None:
    paths, spans = write_corpus(tmp_path, 110_000, file_bytes=16_000_000)
    assert 110_000 <= spans < 112_000
    assert paths[-1].name == "traces.json"
    assert sorted(paths[:-1]) == paths[:-1]
    assert all(path.stat().st_size <= 16_000_000 for path in paths)
    contents = [path.read_bytes() for path in paths]
    assert all(content.startswith(b'{"resourceSpans":') and content.endswith(b"}\n") for content in contents)
    decoded = [decode_line(line) for content in (contents[0], contents[-1]) for line in content.splitlines()[::5]]
    assert all(batch.invalid_spans == 0 and not batch.repaired for batch in decoded)


def test_the_same_corpus_is_written_again(tmp_path: Path) -> None:
    digests = []
    for folder in ("a", "b"):
        paths, _ = write_corpus(tmp_path / folder, 100_000)
        digests.append([(path.name, hashlib.blake2b(path.read_bytes()).hexdigest()) for path in paths])
    assert digests[0] == digests[1]
