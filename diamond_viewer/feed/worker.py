"""The life of a backfill worker. It gives way to everybody else from its first breath: while a backlog is read, the server that
has just started is to show its first page. So this module imports nothing of its own before that is said.
"""

import gc
import os
import signal
from multiprocessing.connection import Connection

NICENESS = 5


def work(connection: Connection) -> None:
    """A factory of writers in, then files in and readings out, until the pipe is closed."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server ends its workers itself
    gc.disable()  # decoding makes no circles, and looking for them takes a sixth of the time
    from diamond_viewer.feed.sealed import read_sealed

    try:
        make_writer = connection.recv()
        while True:
            file = connection.recv()
            try:
                reading = read_sealed(file, make_writer)
            except OSError:
                reading = None  # the follower meets the same trouble, and says so
            connection.send(reading)
    except (EOFError, BrokenPipeError):
        return
