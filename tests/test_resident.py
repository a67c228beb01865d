"""What the budget is held against: the process, and the workers that read a backlog for it."""

import multiprocessing
import subprocess
import sys
from multiprocessing.connection import Connection

import pytest

from diamond_viewer.index import memory
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import family_bytes, resident_bytes

TAKEN_BYTES = 80 * 1024**2
BOUND_S = 60.0


def take(connection: Connection) -> None:
    taken = bytes(range(256)) * (TAKEN_BYTES // 256)
    connection.send(len(taken))
    connection.recv()


THREADS = """
import gc, re, sys, threading
from pathlib import Path
from diamond_viewer.resident import GC_THRESHOLDS, live_long

live_long()
assert gc.get_threshold() == GC_THRESHOLDS and gc.get_freeze_count() > 0
taken, all_took = [], threading.Barrier(9)

def take():
    taken.append([bytes(1000) for _ in range(100)])
    all_took.wait(60)

for _ in range(8):
    threading.Thread(target=take).start()
all_took.wait(60)
maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if len(line.split()) == 5]
print(sum(int(line.partition("-")[0], 16) % 2**26 == 0 for line in maps))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc gives each thread a heap of its own")
def test_the_threads_of_a_server_take_memory_from_one_place() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert (answer.stdout.strip(), answer.stderr) == ("0", "")


def test_a_worker_counts_as_long_as_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "live_long", lambda: None)  # for the process that the store is made for
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
