"""A real writer in a hurry, a real observer, and counts that must agree. ``SOAK_SECONDS`` makes it longer."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import orjson
import pytest
import xxhash

from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import GC_THRESHOLDS
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.otlp import Batch, decode_line
from tests.feed import firehose
from tests.feed.recorder import Recorder, line_of
from tests.feed.waiting import running, until

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
MAX_MB_PER_S = 20
ROTATE_EVERY_S = 2
BUDGET_BYTES = 24 * 2**20  # spent within a few seconds: from then on memory must not grow
MAX_GROWTH_BYTES = 100_000_000
MAX_LAG_NS = 1_000_000_000
CALIBRATED_BYTES = 16_000_000
MAX_TIMES_PARSING = 80


class Store(Recorder):
    """The real index with a small budget, and how often each span was given: a byte each, to look at memory beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.index = MemoryStore(BUDGET_BYTES)
        self.given = np.zeros(2**20, np.uint8)  # by span number
        self.span_count = 0

    def add(self, batch: Batch, digest: bytes) -> None:
        numbers = np.frombuffer(batch.span_ids, ">u8").astype(np.int64)
        while numbers.max(initial=0) >= len(self.given):
            self.given = np.concatenate([self.given, np.zeros(len(self.given), np.uint8)])
        np.add.at(self.given, numbers, 1)
        self.span_count += len(numbers)
        self.index.add(batch, digest)

    def commit(self) -> None:
        super().commit()
        self.index.commit()

    def report(self, state: FeedState) -> None:
        super().report(state)
        self.index.report(state)


@pytest.fixture(autouse=True)
def collected_as_in_the_server() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    yield
    gc.set_threshold(*thresholds)


def pace_mb_per_s() -> float:
    """How fast this machine indexes such lines now, with whatever else it does: the writer hurries half as much, so that the
    viewer has the time it needs, and is held to keep up."""
    store, size_bytes, begun_s = Store(), 0, time.monotonic()
    for number in count(1, firehose.SPANS_PER_LINE):
        line = line_of(number, spans=firehose.SPANS_PER_LINE)
        store.add(decode_line(line), xxhash.xxh3_128_digest(line))
        size_bytes += len(line)
        if number // firehose.SPANS_PER_LINE % 10 == 9:
            store.commit()
        if size_bytes > CALIBRATED_BYTES:
            return size_bytes / 1e6 / (time.monotonic() - begun_s)
    raise AssertionError


def parsed_mb_per_s() -> float:
    """How fast ``orjson`` parses them, as a measure of this machine now."""
    line = line_of(1, spans=firehose.SPANS_PER_LINE)
    begun_s, size_bytes = time.monotonic(), 0
    while size_bytes < CALIBRATED_BYTES:
        orjson.loads(line)
        size_bytes += len(line)
    return size_bytes / 1e6 / (time.monotonic() - begun_s)


@pytest.mark.timeout(SECONDS * 3 + 60)
def test_a_writer_in_a_hurry_is_followed_without_loss(tmp_path: Path) -> None:
    pace, parsed = pace_mb_per_s(), parsed_mb_per_s()
    assert pace > parsed / MAX_TIMES_PARSING, "such names, each of which comes once, are what indexing is slowest at"
    mb_per_s = min(MAX_MB_PER_S, pace / 2)
    recorder = Store()
    arguments = [str(tmp_path), str(SECONDS), str(mb_per_s), str(ROTATE_EVERY_S)]
    command = [sys.executable, "-m", "tests.feed.firehose", *arguments]
    with (
        running(Feed([str(tmp_path / "traces.json")], recorder)),
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer,
    ):
        until(lambda: recorder.index.health().counters["evicted_spans"] > 0)
        resident_bytes = resident() - recorder.given.nbytes
        output, _ = writer.communicate(timeout=SECONDS + 60)
        written, lag_ns = int(output), recorder.state.lag_ns
        until(lambda: recorder.span_count >= written)
        until(lambda: recorder.state.lag_ns == 0)
    assert lag_ns < MAX_LAG_NS, "the writer has just stopped"
    assert recorder.span_count == written
    assert (recorder.given[1 : written + 1] == 1).all()
    assert recorder.state.bad_lines == 0
    assert recorder.counter("missed_files") == recorder.counter("truncations") == 0
    assert recorder.problems() == []
    assert resident() - recorder.given.nbytes - resident_bytes < MAX_GROWTH_BYTES


def resident() -> int:
    """The memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
