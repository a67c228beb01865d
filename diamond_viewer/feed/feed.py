"""The thread that follows files: look, read, commit, report; then wait for a hint, or half a second."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from diamond_viewer.feed import files, report
from diamond_viewer.feed.history import MIN_BYTES, History
from diamond_viewer.feed.ingest import Ingest
from diamond_viewer.feed.reading import Reader
from diamond_viewer.feed.shelf import Shelf
from diamond_viewer.feed.tail import Role, Tail
from diamond_viewer.feed.watch import Watch
from diamond_viewer.store import SealedWriter, TraceWriter
from diamond_viewer.telemetry.lines import DEFAULT_MAX_LINE_BYTES
from diamond_viewer.telemetry.model import FeedState

STEP_BYTES = 8 * 1024 * 1024  # read between two commits: what readers wait for at most while a backlog is read
WAIT_S = 0.5  # a lost notification costs half a second, not the data
COLLECT_S = 0.05  # waited for workers while there is nothing else to do
GATHER_S = 0.02  # a burst of notifications is one look

log = logging.getLogger(__name__)


class Feed:
    """Follows the files that ``patterns`` name and writes what is in them to ``writer``, its only writer.

    ``max_line_bytes`` is the longest line that is read; ``notice`` a sentence that is reported as long as
    the feed lives: what is shown is the demo.
    ``patience_s`` is how long half a line at the end of a finished file waits to be completed, ``hold_s`` how long a file
    without news is held open. With ``only_last_bytes`` only so much of what stands in the live files at first is read, in whole
    lines, and nothing of what stands in others. Raises ``FeedError`` for a pattern that can never be read.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        writer: TraceWriter,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        notice: str = "",
        patience_s: float = 2.0,
        hold_s: float = 5.0,
        watch: Callable[[Callable[[], None]], Watch] = Watch,
        only_last_bytes: int | None = None,
    ) -> None:
        files.check_patterns(patterns)
        self._patterns = tuple(patterns)
        self._writer = writer
        self._notice = notice
        self._ingest = Ingest(writer)
        self._shelf = Shelf(patterns, self._ingest.counters, max_line_bytes=max_line_bytes, hold_s=hold_s)
        self._reader = Reader(self._shelf, self._ingest, max_line_bytes=max_line_bytes, patience_s=patience_s)
        self._history: History | None = None
        self._max_line_bytes = max_line_bytes
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._watch = watch(self._changed.set)
        self._only_last_bytes = only_last_bytes
        self._thread: threading.Thread | None = None
        self._stumbles = self._ingest.stumbles
        self._backlog: list[tuple[Tail, int]] | None = None  # what stood on disk at the first look, and its size
        self._lines_before = 0
        self._last_line_ns = 0

    def read_backlog_in(
        self, worker_count: int, make_writer: Callable[[], SealedWriter], min_bytes: int = MIN_BYTES
    ) -> None:
        """Before the start: have sealed files of at least ``min_bytes`` in all read by as many processes (0: by this one).

        ``make_writer`` must be something that can be pickled: a class or a function of a module.
        """
        if worker_count > 0:
            self._history = History(
                self._shelf,
                self._ingest,
                self._writer,
                make_writer,
                max_line_bytes=self._max_line_bytes,
                min_bytes=min_bytes,
                worker_count=worker_count,
            )

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop in the middle of whatever it is, and close every file. The store keeps what was committed."""
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.warning("The feed did not stop within %.1f s; it ends with the process.", timeout_s)
                return
        if self._history is not None:
            self._history.stop()
        self._watch.stop()
        self._shelf.close()

    def look(self) -> None:
        """Look once, and read all that is new."""
        while self._step():
            pass

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()  # before looking: a change during the look must wake us again
            if not self._step():
                self._changed.wait(WAIT_S)
                self._stopping.wait(GATHER_S)

    def _step(self) -> bool:
        """Survey, read at most ``STEP_BYTES``, commit, report. True when there is more; never raises."""
        more = False
        for action in (self._survey, self._read, self._writer.commit, self._report):
            try:
                more = bool(action()) or more
            # the last line of defence: a feed that dies of a bug would look like a quiet day
            except Exception as error:
                kind = type(error).__name__
                if kind not in self._stumbles.problems:  # once: what is wrong now is likely to be so at every look
                    log.exception("The feed stumbled; the next look tries again.")
                self._stumbles.note(kind, f"The feed stumbled and tries again at the next look: {kind}: {error}.")
        return more and not self._stopping.is_set()

    def _survey(self) -> None:
        self._shelf.survey()
        if self._backlog is None:
            if self._only_last_bytes is not None:
                self._pass_over(self._shelf.by_age(), self._only_last_bytes)
            self._backlog = [(tail, tail.size_bytes) for tail in self._shelf.by_age()]
            if self._history is not None:
                self._history.begin(self._shelf.by_age())
        elif self._only_last_bytes is not None:
            self._pass_over([tail for tail in self._shelf.by_age() if tail.is_copy and not tail.offset], 0)
        if self._thread is not None:
            self._watch.aim({family.group.directory for family in self._shelf.families.values()})

    def _pass_over(self, tails: Sequence[Tail], last_bytes: int) -> None:
        """Backups, and copies of what was passed over, are not read at all."""
        for tail in tails:
            kept_bytes = last_bytes if tail.role is Role.LIVE else 0
            self._shelf.attempt(tail, lambda tail=tail, kept=kept_bytes: tail.pass_over(kept))  # type: ignore[misc]

    def _read(self) -> bool:
        more = self._reader.read(STEP_BYTES, self._stopping.is_set)
        if self._history is not None and not self._history.is_over:
            self._history.collect(0 if more else COLLECT_S)
            more = True
        if self._ingest.lines > self._lines_before:
            self._lines_before = self._ingest.lines
            self._last_line_ns = self._newest_write_ns()
        return more

    def _newest_write_ns(self) -> int:
        """When the newest line was written, as far as the file system knows: an old file that is read now is not news."""
        return min(time.time_ns(), max((tail.name.modified_ns for tail in self._shelf.by_age()), default=0))

    def _report(self) -> None:
        tails = self._shelf.by_age()
        bytes_read = self._reader.bytes_read + (self._history.bytes_read if self._history else 0)
        unread_bytes = sum(tail.unread_bytes for tail in tails if not tail.trouble)  # what cannot be read is no lag
        now_s = time.monotonic()
        report.clock_lag(tails, now_s)
        waiting = report.waiting_for(self._patterns, self._shelf.families.values(), tails)
        self._writer.report(
            FeedState(
                ready=self._is_ready(),
                bytes_read=bytes_read,
                bytes_total=bytes_read + unread_bytes,
                lines=self._ingest.lines,
                bad_lines=self._ingest.bad_lines,
                lag_ns=int(max((tail.lag.at(now_s) for tail in tails), default=0.0) * 1e9),
                last_line_ns=self._last_line_ns,
                sources=report.sources(
                    self._shelf.families.values(), tails, self._shelf.forgotten, self._stumbles, now_s
                ),
                counters=dict(self._ingest.counters),
                notice=" ".join(filter(None, (self._notice, waiting, self._watch.notice))),
                is_demo=bool(self._notice),
            )
        )

    def _is_ready(self) -> bool:
        """Whether all that stood on disk at the first look has been read, as far as it can be."""
        if self._backlog:
            self._backlog = [
                (tail, size_bytes)
                for tail, size_bytes in self._backlog
                if tail.offset < size_bytes and tail.unread_bytes and not tail.trouble
            ]
        return self._backlog == []
