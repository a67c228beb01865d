"""What somebody new goes through: a clone, ``make run``, the first trace on the page. Each step is timed; nothing is cached.

Fails when it takes longer than LIMIT_S. It needs the network, so it is ``make newcomer`` and no part of ``make test``.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_S = 90.0
GIVE_UP_S = 600.0
LOOK_EVERY_S = 0.1
ROW = re.compile(rb'class="row[ "]')


def shown_rows(address: str) -> int:
    """Rows of the page as it comes from the server; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return len(ROW.findall(answer.read()))
    except OSError:
        return 0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Exit code 0 when the first trace was on the page in time."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        clone, port = Path(folder) / "clone", free_port()
        begun_s = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        cloned_s = time.monotonic()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DIAMOND_", "MAKE"))}
        command = ["make", "run", f"ARGS=--port {port}"]
        runs = subprocess.Popen(
            command, cwd=clone, env={**environment, "PIP_NO_CACHE_DIR": "1"}, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}/trace-viewer.html"
            while not (rows := shown_rows(address)):
                if runs.poll() is not None or time.monotonic() - begun_s > GIVE_UP_S:
                    say("No trace was shown: what make run said above tells why.")
                    return 1
                time.sleep(LOOK_EVERY_S)
            took_s = time.monotonic() - begun_s
        finally:
            os.killpg(runs.pid, signal.SIGTERM)
            runs.wait(30)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    say(f"Clone {cloned_s - begun_s:.1f} s, first page with {rows} traces after {took_s:.1f} s (load {load}).")
    return 0 if took_s <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
