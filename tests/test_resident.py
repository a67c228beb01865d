"""What the budget is held against: the process, and the workers that read a backlog for it."""

import gc
import multiprocessing
from multiprocessing.connection import Connection

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import family_bytes, resident_bytes

TAKEN_BYTES = 80 * 1024**2
BOUND_S = 60.0


def take(connection: Connection) -> None:
    taken = bytes(range(256)) * (TAKEN_BYTES // 256)
    connection.send(len(taken))
    connection.recv()


def test_a_worker_counts_as_long_as_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("freeze", "set_threshold"):  # of the process that the store is made for
        monkeypatch.setattr(gc, name, lambda *_: None)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    worker = spawn.Process(target=take, args=(theirs,), daemon=True)
    worker.start()
    assert ours.poll(BOUND_S)
    assert ours.recv() == TAKEN_BYTES
    assert family_bytes() - resident_bytes() > TAKEN_BYTES
    store = MemoryStore.of_process(2**40, 0)
    assert store._budget.measured_bytes() - resident_bytes() > TAKEN_BYTES
    ours.send("enough")
    worker.join(BOUND_S)
    assert family_bytes() - resident_bytes() < TAKEN_BYTES // 10
    ours.close()
    theirs.close()
