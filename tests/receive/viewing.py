"""A whole viewer that receives: ``app.py`` in a process of its own, which may be killed."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.receive.receiving import BOUND_S, Running
from tests.test_app import ROOT, clean_environment


@dataclass(frozen=True, slots=True)
class ReceivingViewer:
    """``receiver`` is its OTLP port and live file, ``port`` that of its pages."""

    process: subprocess.Popen[str]
    port: int
    receiver: Running

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def wait_for_spans(self, count: int) -> dict[str, Any]:
        """The health report, as soon as so many spans are in the index."""
        wait_until(lambda: self.json("/api/health")["spans"] >= count)
        health: dict[str, Any] = self.json("/api/health")
        return health


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + BOUND_S
    while not is_so():
        assert time.monotonic() < give_up_at, f"It was not so within {BOUND_S} s."
        time.sleep(0.05)  # between two looks


@contextmanager
def viewing(live_path: Path, *flags: str, before: Sequence[str] = ()) -> Iterator[ReceivingViewer]:
    """On free ports; it is killed at the end, as ``kill -9`` does. ``before`` is a command that becomes the viewer."""
    command = [*before, sys.executable, "app.py", "--port", "0", "--otlp", "0", *flags, str(live_path)]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            ports: list[int] = []
            for line in process.stdout:
                ports += [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line)]
                if line.startswith("Stop with"):
                    break
            assert len(ports) == 2, process.communicate(timeout=BOUND_S)
            yield ReceivingViewer(process, ports[0], Running(ports[1], live_path))
        finally:
            process.kill()
