"""Viewers, each in a process of its own that is forked off one that has imported it: to import is nearly all that starting
takes, and fifty tests start one. How users start it is what tests/test_app.py tries.

``python -m tests.browser.forking`` reads a line of JSON a viewer (its arguments, its environment, the file that gets what it
says) and answers with the number of its process. It ends when nobody asks any more.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORTED_LATE = (
    "imports",
    "receive.receiver",
    "web.app",
    "web.channel",
)  # by the door, while its files are read already


class Nursery:
    """What forks viewers, and lets go of them."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.browser.forking"]
        self._server = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1
        )

    def start(self, arguments: list[str], said: Path) -> int:
        """The number of its process."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([arguments, dict(os.environ), str(said)]) + "\n")
        return int(self._server.stdout.readline())

    def close(self) -> None:
        self._server.communicate()


def is_running(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def main() -> None:
    import app

    for module in IMPORTED_LATE:
        import_module(f"diamond_viewer.{module}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is gone at once
    for line in sys.stdin:
        arguments, environment, said = json.loads(line)
        process = os.fork()
        if process == 0:
            become(arguments, environment, said)
            sys.exit(app.main())
        print(process, flush=True)  # noqa: T201  (this is the answer)


def become(arguments: list[str], environment: dict[str, str], said: str) -> None:
    """What ``python app.py`` would be with these."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["app.py", *arguments]
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for theirs, ours in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(theirs, ours)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
