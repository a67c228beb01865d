"""Once read, a trace does not need its file: it can be opened in full whatever becomes of that."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from tests.feed.following import backup
from tests.feed.recorder import lines_of
from tests.writing import trace_id


def truncated(path: Path) -> None:
    os.truncate(path, 0)


def written_over(path: Path) -> None:
    path.write_bytes(lines_of(100))


def deleted(path: Path) -> None:
    path.unlink()


def rotated_away(path: Path) -> None:
    path.rename(path.with_name(backup(1)))
    path.write_bytes(lines_of(100))
    path.with_name(backup(1)).unlink()


@pytest.mark.parametrize("become", [truncated, written_over, deleted, rotated_away])
def test_a_trace_can_be_opened_after_its_file_was(tmp_path: Path, become: Callable[[Path], None]) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(lines_of(3, 4, 5, padding=100_000))
    store = MemoryStore(2**30)
    feed = Feed([str(path)], store, hold_s=0)
    feed.look()
    become(path)
    feed.look()
    feed.look()
    feed.stop()
    trace = store.trace(trace_id(2))
    assert trace is not None
    assert sorted(span.name for span in trace.spans) == ["n3", "n4", "n5"]
    assert all(len(span.service) == 100_000 for span in trace.spans), "whole, as it stood in the file"
    assert store.health().counters["evicted_spans"] == 0
