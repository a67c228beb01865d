"""A way to a server that breaks after so many bytes of an answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.clickhouse.server import Node


class BreakingWay:
    """``most_bytes`` of what the server says get through on each connection; None: all."""

    def __init__(self, node: Node) -> None:
        self.most_bytes: int | None = None
        self.said_bytes = 0
        self._server = ("127.0.0.1", node.http_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                reader, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._join, args=(reader,), daemon=True).start()

    def _join(self, reader: socket.socket) -> None:
        with socket.create_connection(self._server) as server, reader:
            threading.Thread(target=self._ask, args=(reader, server), daemon=True).start()
            said = 0
            with suppress(OSError):
                while part := server.recv(65_536):
                    most = len(part) if self.most_bytes is None else max(0, self.most_bytes - said)
                    said += len(part[:most])
                    self.said_bytes += len(part[:most])  # before whoever asked goes on
                    reader.sendall(part[:most])
                    if most < len(part):
                        break
            with suppress(OSError):
                reader.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _ask(reader: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := reader.recv(65_536):
                server.sendall(part)


@contextmanager
def breaking_way(node: Node) -> Iterator[BreakingWay]:
    way = BreakingWay(node)
    try:
        yield way
    finally:
        way.close()
