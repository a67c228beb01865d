"""A receiver that runs, with its own file and a free port, and ways to send to it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diamond_viewer.receive.receiver import receive
from diamond_viewer.receive.storage import FileStorage, Storage
from diamond_viewer.serving import Stop, listen

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
JSON, PROTOBUF = "application/json", "application/x-protobuf"
JOB_ATTRIBUTES = [  # of the job that the SDKs send in the tests, as they are stored, behind the user
    {"key": "big", "value": {"intValue": "9007199254740993"}},
    {"key": "share", "value": {"doubleValue": 0.5}},
    {"key": "tags", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}},
    {"key": "done", "value": {"boolValue": False}},
]
BOUND_S = 30  # a test that waits this long has failed


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def sentence(self) -> str:
        """Of a Status in JSON."""
        message: str = json.loads(self.body)["message"]
        return message


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    live_path: Path

    def send(
        self, body: Any, path: str = "/v1/traces", content_type: str = JSON, method: str = "POST", **headers: str
    ) -> Answer:
        """``headers`` with underscores for hyphens; an iterator as the body is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body=body, headers={"Content-Type": content_type} | named)
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()

    def documents(self) -> list[dict[str, Any]]:
        """What is stored, oldest first."""
        backups = sorted(self.live_path.parent.glob("traces-*"))
        files = [*backups, self.live_path]
        return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]

    def documents_that_can_be_read(self) -> list[dict[str, Any]]:
        """Of the live file, without lines that a killed writer left unfinished."""
        lines = self.live_path.read_bytes().splitlines()
        return [json.loads(line) for line in lines if line.endswith(b"]}]}]}")]


@contextmanager
def receiving(folder: Path, storage: Storage | None = None, *origins: str) -> Iterator[Running]:
    live_path = folder / "traces.json"
    listening = listen("127.0.0.1", 0)
    with receive(listening, storage or FileStorage(live_path), Stop(), origins):
        yield Running(listening[0].getsockname()[1], live_path)


def spans_of(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        span
        for document in documents
        for resource in document.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def signal_of(path: Path) -> str:
    return path.stem.partition("-")[2]
