"""DemoTraffic: the demo's platform, written into a folder as the Collector would write it, past first and then live."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from diamond_viewer.demo.platform import NS_PER_SECOND, Line, Platform
from diamond_viewer.receive.rotation import RotatingFile

MAX_BACKUPS = 12  # per signal: with 4 MiB a file the folder stays below 160 MiB, however long the demo runs
PAST_MINUTES = 45
RUSH_MINUTES = 3  # the end of the past is as busy as what follows, so that the first live second is not an empty one

_PAST_INTERVAL_NS = 5 * NS_PER_SECOND
_LIVE_INTERVAL_NS = NS_PER_SECOND
_PAST_VISITS_PER_MINUTE = 1.5
_LIVE_VISITS_PER_MINUTE = 14.0
_MAX_GAP_NS = 120 * NS_PER_SECOND  # a laptop that slept does not catch up on the night: the platform starts anew
_LOOK_SECONDS = 0.25

_log = logging.getLogger(__name__)


class DemoTraffic:
    """Writes ``traces.json`` (and ``metrics.json``, ``logs.json``) in ``folder``, rotated, until stopped.

    ``start`` returns when the past is on disk; a thread then goes on in real time. ``clock`` gives ns since 1970. The same
    seed and clock give the same bytes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 7,
        megabytes_per_file: float = 4.0,
        max_backups: int = MAX_BACKUPS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.live_path = folder / "traces.json"
        self._folder = folder
        self._seed = seed
        self._max_bytes = int(megabytes_per_file * 1024 * 1024)
        self._max_backups = max_backups
        self._clock = clock
        self._random = Random(seed)
        self._files: dict[str, RotatingFile] = {}
        self._platform: Platform | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Write the past, then go on in a thread of its own. Raises ``OSError`` when the folder cannot be written."""
        if self._thread:
            raise RuntimeError("This traffic was started before.")
        self.write_past()
        self._thread = threading.Thread(target=self._run, name="demo-traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop within a moment and close the files; the last line is whole. Stopping twice is fine."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        while self._files:
            self._files.popitem()[1].close()

    def write_past(self) -> None:
        """The last ``PAST_MINUTES``, quiet at first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for signal in ("traces", "metrics", "logs"):
            path = self._folder / f"{signal}.json"
            self._files[signal] = RotatingFile(path, self._max_bytes, self._max_backups)
        now_ns = self._clock()
        rush_ns = now_ns - RUSH_MINUTES * 60 * NS_PER_SECOND
        platform = Platform(self._seed, now_ns - PAST_MINUTES * 60 * NS_PER_SECOND)
        for line in platform.lines(rush_ns, _PAST_INTERVAL_NS, _PAST_VISITS_PER_MINUTE):
            self._append(line)
        for line in platform.lines(now_ns, _LIVE_INTERVAL_NS, _LIVE_VISITS_PER_MINUTE):
            self._append(line)
        self._platform = platform

    def write_on(self) -> None:
        """Everything that was exported since the last call."""
        if self._platform is None:
            raise RuntimeError("Write the past first.")
        now_ns = self._clock()
        if abs(now_ns - self._platform.now_ns) > _MAX_GAP_NS:  # the clock was set, or the machine slept
            self._platform = Platform(self._random.getrandbits(32), now_ns)
        for line in self._platform.lines(now_ns, _LIVE_INTERVAL_NS, _LIVE_VISITS_PER_MINUTE):
            self._append(line)

    def _append(self, line: Line) -> None:
        in_two_writes = self._random.random() < 0.5
        self._files[line.signal].append(line.payload, line.at_ns, in_two_writes=in_two_writes)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.write_on()
            except OSError as error:
                _log.error("The demo's traffic ends here: %s. What was written stays on the page.", error)
                return


@contextmanager
def demonstrate() -> Iterator[Path]:
    """Traffic in a temporary folder while the block runs; gives the live file."""
    with TemporaryDirectory(prefix="diamond-viewer-demo-") as folder:
        traffic = DemoTraffic(Path(folder))
        traffic.start()
        try:
            yield traffic.live_path
        finally:
            traffic.stop()
