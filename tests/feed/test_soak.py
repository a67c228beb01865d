"""A real writer in a hurry, a real observer, and counts that must agree. ``SOAK_SECONDS`` makes it longer."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.otlp import Batch
from tests.feed.recorder import Recorder
from tests.feed.waiting import running, until

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
MB_PER_S = 20
ROTATE_EVERY_S = 2
BUDGET_BYTES = 24 * 2**20  # spent within a few seconds: from then on memory must not grow
MAX_GROWTH_BYTES = 100_000_000
BYTES_PER_REMEMBERED_SPAN = 400  # what the recorder itself needs


class Store(Recorder):
    """The real index with a small budget, and a record of everything that went into it."""

    def __init__(self) -> None:
        super().__init__()
        self.index = MemoryStore(BUDGET_BYTES)

    def add(self, batch: Batch, digest: bytes) -> None:
        super().add(batch, digest)
        self.index.add(batch, digest)

    def commit(self) -> None:
        super().commit()
        self.index.commit()

    def report(self, state: FeedState) -> None:
        super().report(state)
        self.index.report(state)


@pytest.mark.timeout(SECONDS * 3 + 60)
def test_a_writer_in_a_hurry_is_followed_without_loss(tmp_path: Path) -> None:
    recorder = Store()
    arguments = [str(tmp_path), str(SECONDS), str(MB_PER_S), str(ROTATE_EVERY_S)]
    command = [sys.executable, "-m", "tests.feed.firehose", *arguments]
    with (
        running(Feed([str(tmp_path / "traces.json")], recorder)),
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer,
    ):
        until(lambda: recorder.index.health().counters["evicted_spans"] > 0, within_s=30)
        resident_bytes, span_count = resident(), len(recorder.spans)
        output, _ = writer.communicate(timeout=SECONDS + 60)
        written, stopped_s = int(output), time.monotonic()
        until(lambda: len(recorder.spans) >= written, within_s=SECONDS + 30)
        behind_s = time.monotonic() - stopped_s
        until(lambda: recorder.state.lag_ns == 0)
    assert behind_s < SECONDS, "on a busy machine it may fall behind, but not to half of the writer's speed"
    assert recorder.spans.total() == written
    assert max(recorder.spans) == written
    assert recorder.state.bad_lines == 0
    assert recorder.counter("missed_files") == recorder.counter("truncations") == 0
    assert recorder.problems() == []
    grown_bytes = resident() - resident_bytes - (len(recorder.spans) - span_count) * BYTES_PER_REMEMBERED_SPAN
    assert grown_bytes < MAX_GROWTH_BYTES


def resident() -> int:
    """The memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
