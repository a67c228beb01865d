"""The receiver as it runs: a server of its own, in a thread of its own, until the viewer stops."""

import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from diamond_viewer.receive.app import Receiver
from diamond_viewer.receive.bodies import MAX_BODY_BYTES
from diamond_viewer.receive.connections import Connection, refuse_slow
from diamond_viewer.receive.storage import Storage
from diamond_viewer.serving import Limits, Stop, serve
from diamond_viewer.telemetry.otlp_request import MAX_LINE_BYTES

LIMITS = Limits(
    thread_count=4,  # decoding holds the interpreter's lock: more would only wait for it
    connection_count=200,  # of SDKs, one or two a process
    body_bytes=MAX_BODY_BYTES + 1,
    connection_class=Connection,
)


@contextmanager
def receive(
    listening: Sequence[socket.socket],
    storage: Storage,
    stop: Stop,
    allowed_origins: Collection[str] = (),
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[None]:
    """Receive on these sockets while the block runs; leaving it says ``stop`` and closes sockets and storage."""
    application = Receiver(storage, allowed_origins, max_line_bytes)
    server = Thread(target=serve, args=(application, listening, stop, LIMITS, refuse_slow), name="otlp")
    server.start()
    try:
        yield
    finally:
        stop.say()
        server.join()
        storage.close()
