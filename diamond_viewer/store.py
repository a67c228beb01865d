"""TraceStore: the questions every page may ask, and nothing else.

``index.memory.MemoryStore`` answers them from memory. Whoever else answers them (a cluster) gets the same pages.
Every method may be called from any thread; every answer is a frozen value that no later write changes.
"""

from typing import Protocol

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import FeedState, Health, Histogram, Page, Stats, Trace
from diamond_viewer.telemetry.otlp import Batch


class TraceStore(Protocol):
    def version(self) -> int:
        """A number that moves when anything a query could see has changed."""
        ...

    def search(self, query: Query, now_ns: int) -> Page:
        """The page of matching traces that ``query.page`` and ``query.limit`` name, newest start first, ties by trace id.

        ``query.anchor`` keeps the page where the reader is: only traces at or below it are listed, those above are counted
        in ``Page.newer``. ``Page.total`` counts both.
        """
        ...

    def trace(self, trace_id: str) -> Trace | None:
        """The whole trace, decoded from its original lines and redacted; None when it is not held."""
        ...

    def stats(self, query: Query, now_ns: int) -> Stats:
        """Figures over everything that matches; paging does not matter."""
        ...

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        """Starts of matching traces over the query's window, or over what matches when the query has none."""
        ...

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        """Values of a field (``user``, ``lesson``, ``service``, ``operation``, ``event``) that contain ``text``, with the
        number of traces each, most frequent first."""
        ...

    def health(self) -> Health:
        """Counts, memory, and what the feed last said of itself."""
        ...


class TraceWriter(Protocol):
    """What the feed writes to: one thread only, the only writer."""

    def is_held(self, digest: bytes) -> bool:
        """True when a line with this digest (16 bytes, XXH3-128 of the line) was added before and is still held; its spans
        are then counted as duplicates, and the caller need not decode it again."""
        ...

    def add(self, batch: Batch, digest: bytes) -> None:
        """Take the spans of one line. Readers see them after the next ``commit``."""
        ...

    def commit(self) -> None:
        """Make visible what was added; ``version`` moves if anything was."""
        ...

    def report(self, state: FeedState) -> None:
        """Replace what the feed says of itself, for ``health``."""
        ...
