"""The viewer as users run it: ``app.py`` in a process of its own, asked over HTTP and watched from outside."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 300.0


class Connection:
    """Keeps a connection to a local port, as a browser does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status (0: nobody listens yet), body as it came, headers."""
        try:
            self._connection.request(
                "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
            )
            response = self._connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        except (OSError, http.client.HTTPException):  # cut off, or half an answer: that is none
            self._connection.close()
            return 0, b"", {}

    def close(self) -> None:
        self._connection.close()


class Viewer:
    """``with Viewer([live_path]) as viewer: viewer.json("/api/health")``."""

    def __init__(self, patterns: Sequence[Path], *flags: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.began_s = time.perf_counter()
        command = [sys.executable, "app.py", "--port", str(self.port), *flags, *map(str, patterns)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        self._connection = Connection(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(30)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        return self._connection.get(path, **headers)

    def connect(self) -> Connection:
        """Another one."""
        return Connection(self.port)

    def json(self, path: str) -> Any:
        return json.loads(self.get(path)[1])

    def seconds_until(self, is_so: Callable[[], bool], look_every_s: float = 0.05) -> float:
        """Since the start of the process."""
        while not is_so():
            if time.perf_counter() - self.began_s > START_TIMEOUT_S or self._process.poll() is not None:
                raise RuntimeError("The viewer did not get that far.")
            time.sleep(look_every_s)
        return time.perf_counter() - self.began_s

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def shows_a_page(self) -> bool:
        status, body, _ = self.get("/api/traces?limit=50")
        return status == 200 and len(json.loads(body)["traces"]) == 50

    def cpu_s(self) -> float:
        """What the server itself has used; its workers are other processes."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024
