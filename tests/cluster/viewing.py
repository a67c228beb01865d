"""A viewer of a cluster: ``app.py --store`` in a process of its own."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.receive.viewing import wait_until
from tests.test_app import viewer

BOUND_S = 60  # a test that waits this long has failed
PAGES = ("/trace-viewer.html", "/errors", "/operations", "/journeys", "/video", "/map", "/health")
QUESTIONS = ("/api/traces?limit=1000", "/api/stats", "/api/errors", "/api/operations")


@dataclass(frozen=True, slots=True)
class ClusterViewer:
    port: int

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body. Raises ``OSError`` when no answer comes in time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        status, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def sentence(self, path: str = "/api/traces") -> str:
        """Why it cannot answer; empty when it can."""
        status, body = self.ask(path)
        assert status in (200, 503), body
        return "" if status == 200 else str(json.loads(body)["error"])

    def recovers(self) -> None:
        wait_until(lambda: self.ask("/api/traces")[0] == 200)
        status, page = self.ask("/trace-viewer.html")
        assert (status, "cannot answer now" in page) == (200, False)


@contextmanager
def viewing(store: str) -> Iterator[ClusterViewer]:
    """``store`` as ``--store`` is told. What it says at its start is read; it is killed at the end."""
    with viewer("--store", store) as running:
        yield ClusterViewer(running.port)
