"""The backlog of sealed files, read by worker processes, newest file first, while the live file is followed.

Spawned, not forked: the server has threads. A worker is told a file, answers with packed spans, and may die: then its file is
tried once more by another worker and after that read by the follower itself.
"""

import logging
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType

from diamond_viewer.feed.sealed import SealedFile, SealedReading
from diamond_viewer.feed.worker import work
from diamond_viewer.store import SealedWriter

MAX_ATTEMPTS = 2

log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reading`` is None for a file that must be read line by line."""

    number: int
    reading: SealedReading | None


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    number: int


class Backfill:
    """``files`` newest first; outcomes come in that order. To be used from one thread."""

    def __init__(self, files: Sequence[SealedFile], make_writer: Callable[[], SealedWriter], worker_count: int) -> None:
        self._files = list(files)
        self._make_writer = make_writer
        self._waiting = deque(range(len(files)))
        self._attempts = [0] * len(files)
        self._workers: list[_Worker] = []
        self._done: dict[int, Outcome] = {}
        self._next = 0
        for _ in range(min(worker_count, len(files))):
            self._start_worker()

    @property
    def is_over(self) -> bool:
        return self._next == len(self._files)

    def finished(self, timeout_s: float = 0.0) -> Iterator[Outcome]:
        """What has been finished since the last call, after waiting for the next answer for at most ``timeout_s``."""
        connections = [worker.connection for worker in self._workers]
        for connection in wait(connections, timeout_s) if connections else ():
            self._receive(next(worker for worker in self._workers if worker.connection is connection))
        while (outcome := self._done.pop(self._next, None)) is not None:
            self._next += 1
            yield outcome

    def stop(self) -> None:
        """End all workers, whatever they do."""
        for worker in self._workers:
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()
        self._workers = []
        self._next = len(self._files)

    def _start_worker(self) -> None:
        if not self._waiting:
            return
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(target=work, args=(theirs,), name="backfill", daemon=True)
        with _unseen_main():
            process.start()
        theirs.close()
        worker = _Worker(process, ours, self._waiting.popleft())
        self._workers.append(worker)
        with suppress(OSError):
            ours.send(self._make_writer)
        self._send(worker)

    def _send(self, worker: _Worker) -> None:
        self._attempts[worker.number] += 1
        with suppress(OSError):  # it died just now: its end of the pipe says so when we next wait
            worker.connection.send(self._files[worker.number])

    def _receive(self, worker: _Worker) -> None:
        try:
            reading: SealedReading | None = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        self._done[worker.number] = Outcome(worker.number, reading)
        if self._waiting:
            worker.number = self._waiting.popleft()
            self._send(worker)
        else:
            self._end(worker)

    def _bury(self, worker: _Worker) -> None:
        self._end(worker)
        file = self._files[worker.number]
        log.warning("A worker ended while it read %r (exit code %s).", file.path, worker.process.exitcode)
        if self._attempts[worker.number] < MAX_ATTEMPTS:
            self._waiting.appendleft(worker.number)
        else:
            self._done[worker.number] = Outcome(worker.number, None)
        self._start_worker()

    def _end(self, worker: _Worker) -> None:
        worker.connection.close()
        worker.process.kill()
        worker.process.join()
        self._workers.remove(worker)


@contextmanager
def _unseen_main() -> Iterator[None]:
    """A spawned process imports the program's main module first, and with it the web server: as long as a file takes to read.
    A worker needs nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
