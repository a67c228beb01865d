"""The same work for many files on every core. Forked: a question is answered in less time than a fresh interpreter starts.

Only for a process without threads, as the command line is.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from diamond_viewer.feed.files import Name

R = TypeVar("R")

MIN_BYTES = 48 * 1024 * 1024  # below this one process is done before another has begun

_forked = multiprocessing.get_context("fork")


class WorkError(Exception):
    """A worker did not finish."""


class Ahead(Generic[R]):
    """``work()`` begun in another process, to be asked for later: this one may import meanwhile."""

    def __init__(self, work: Callable[[], R]) -> None:
        self._ours, theirs = _forked.Pipe(duplex=False)
        self._process = _forked.Process(target=_send, args=(theirs, work))
        self._process.start()
        theirs.close()

    def result(self) -> R:
        """What it answered; to be asked once. Raises ``WorkError`` when it raised anything."""
        try:
            answer: R = self._ours.recv()
        except EOFError:
            raise WorkError from None
        finally:
            self.stop()
        return answer

    def stop(self) -> None:
        """It is not waited for any more."""
        self._ours.close()
        self._process.terminate()
        self._process.join()


def for_each_file(work: Callable[[Name], R], names: Sequence[Name]) -> list[R]:
    """What ``work`` answers for each file, in their order. Raises ``WorkError`` when it raised anything in a worker; in this
    process its exceptions are its own."""
    worker_count = min(os.cpu_count() or 1, len(names))
    if worker_count < 2 or not is_much(names):
        return [work(name) for name in names]
    shares: list[list[int]] = [[] for _ in range(worker_count)]
    loads = [0] * worker_count
    for at in sorted(range(len(names)), key=lambda at: -names[at].size_bytes):
        least = loads.index(min(loads))
        shares[least].append(at)
        loads[least] += names[at].size_bytes
    workers = [Ahead(partial(_answers, work, [(at, names[at]) for at in share])) for share in shares[1:]]
    try:
        answers = _answers(work, [(at, names[at]) for at in shares[0]])
        for worker in workers:
            answers |= worker.result()
    finally:
        for worker in workers:
            worker.stop()
    return [answers[at] for at in range(len(names))]


def is_much(names: Sequence[Name]) -> bool:
    """Whether it is worth another process."""
    return sum(name.size_bytes for name in names) >= MIN_BYTES


def _answers(work: Callable[[Name], R], share: Sequence[tuple[int, Name]]) -> dict[int, R]:
    return {at: work(name) for at, name in share}


def _send(connection: Connection, work: Callable[[], object]) -> None:
    """A worker's life. It says nothing when it fails: its end of the pipe is closed, and that says it."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; whoever asked ends its workers itself
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so ends those that it asked
    try:
        answer = work()
    except Exception:  # noqa: BLE001  (who asked learns of it as ``WorkError``, and reads the file again with more care)
        return
    with suppress(OSError):  # nobody waits for it any more
        connection.send(answer)
