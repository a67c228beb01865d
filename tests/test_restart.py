"""The viewer stopped and killed while a collector writes and rotates, and started again; and a disk that takes no log."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.test_app import BOUND_S, ROOT, Viewer, clean_environment, viewer
from tests.writing import line, span

SPANS_A_LINE = 5
ROTATE_AFTER = 40  # lines


class Collector(threading.Thread):
    """Writes a line a few ms apart and begins a new file now and then, until it is told to stop. ``written`` counts spans."""

    def __init__(self, live: Path) -> None:
        super().__init__(name="collector")
        self._live, self._stop_it, self.written = live, threading.Event(), 0

    def run(self) -> None:
        number = 0
        while not self._stop_it.wait(0.003):
            number += 1
            spans = [span(at, trace=number * 10 + at, name=f"GET /{at}") for at in range(1, SPANS_A_LINE + 1)]
            with self._live.open("ab") as file:
                file.write(line(*spans) + b"\n")
            self.written += SPANS_A_LINE
            if number % ROTATE_AFTER == 0:
                self._live.rename(
                    self._live.with_name(f"traces-2026-11-22T14-{number // 60:02}-{number % 60:02}.000.json")
                )

    def end(self) -> int:
        self._stop_it.set()
        self.join(BOUND_S)
        return self.written


def wait_until_read(running: Viewer, spans: int) -> dict[str, object]:
    give_up_at_s = time.monotonic() + BOUND_S
    while (health := running.health())["spans"] != spans:
        assert time.monotonic() < give_up_at_s, f"{health['spans']} of {spans} spans"
        time.sleep(0.02)
    return health


def test_a_restart_loses_no_span_and_doubles_none(tmp_path: Path) -> None:
    live = tmp_path / "traces.json"
    live.touch()
    collector = Collector(live)
    collector.start()
    try:
        for signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            with viewer(str(live)) as running:
                before = running.wait_for_spans()
                give_up_at_s = time.monotonic() + BOUND_S
                while running.health()["spans"] <= before:  # it follows
                    assert time.monotonic() < give_up_at_s
                    time.sleep(0.01)
                running.process.send_signal(signum)
                code = running.process.wait(BOUND_S)
                assert code == (0 if signum == signal.SIGTERM else -signal.SIGKILL)
        with viewer(str(live)) as running:
            written = collector.end()
            health = wait_until_read(running, written)
            assert (health["duplicate_spans"], health["bad_lines"]) == (0, 0)
            assert json.loads(running.get("/api/stats")[1])["traces"] == written
    finally:
        collector.end()
    assert written > 3 * ROTATE_AFTER


def test_a_disk_that_takes_no_log_does_not_stop_the_viewer(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(line(span()) + b"\n")
    with Path("/dev/full").open("w") as full, (tmp_path / "said").open("w+") as said:
        command = [sys.executable, "app.py", "--port", "0", "--access-log", str(tmp_path / "traces.json")]
        process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=full, stderr=said)
        try:
            running = Viewer(process, port_of(process), said)  # type: ignore[arg-type]  # its terminal is never read
            assert running.wait_for_spans() == 1
            assert running.get("/trace-viewer.html")[0] == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(BOUND_S) == 0
        finally:
            process.kill()
            process.wait()


def port_of(process: "subprocess.Popen[bytes]") -> int:
    """Where a process listens, as the system tells: this one cannot say it."""
    give_up_at_s = time.monotonic() + BOUND_S
    while time.monotonic() < give_up_at_s:
        inodes = set()
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            parts = row.split()
            if parts[3] == "0A" and parts[9] in inodes:
                return int(parts[1].rpartition(":")[2], 16)
        time.sleep(0.02)
    pytest.fail("it does not listen")
