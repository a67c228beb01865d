"""The pulse: how much the cluster holds and when the newest span began, looked at once a second at most however many ask.

Counting rows and the ends of a column that partitions the table takes the server a few milliseconds: it looks at no row.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context

from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import ClusterError, busy
from diamond_viewer.clickhouse.layout import Layout, read_layout
from diamond_viewer.clickhouse.selection import Extent

MAX_AGE_S = 1.0
LAYOUT_AGE_S = 60.0  # a column or a table that was added is used after that


class Pulse:
    """Of one cluster. While it cannot be asked, every question says why, and the next second tries again."""

    def __init__(self, cluster: Connection) -> None:
        self._cluster = cluster
        self._is_looking = threading.Lock()
        self._first_look = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pulse")
        self._extent: Extent | None = None
        self._fault: ClusterError | None = None
        self._asked_s = self._laid_out_s = -1e9
        self._layout: Layout | None = None
        self._doubts = 0
        self._version = 0

    def extent(self) -> Extent:
        """Raises ``ClusterError``."""
        self._look()
        if self._fault is not None:
            raise ClusterError(self._fault.kind, str(self._fault))
        if self._extent is None:
            raise busy(self._cluster.address)
        return self._extent

    def version(self) -> int:
        """Moves when rows came or went, and when the cluster can be asked again. Raises ``ClusterError``."""
        self.extent()
        return self._version

    def layout(self) -> Layout:
        self.extent()
        layout = self._layout
        if layout is None:
            raise busy(self._cluster.address)
        return layout

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def known_layout(self) -> Layout | None:
        """The one that was last seen; asks nobody."""
        return self._layout

    @property
    def last_version(self) -> int:
        return self._version

    def known(self) -> tuple[Extent | None, ClusterError | None]:
        """What was last seen; asks nobody."""
        return self._extent, self._fault

    def _look(self) -> None:
        """Never waits for the cluster once anything is known of it: somebody else finds out what is new."""
        if time.monotonic() - self._asked_s < MAX_AGE_S or not self._is_looking.acquire(blocking=False):
            self._first_look.wait(2 * self._cluster.address.timeout_s)
            return
        if self._first_look.is_set():
            self._thread.submit(self._find_out)
        else:
            Context().run(self._find_out)  # for everybody: if this reader leaves, the others still want to know

    def _find_out(self) -> None:
        try:
            self._ask()
            self._version += self._fault is not None
            self._fault = None
        except ClusterError as fault:
            self._version += self._fault is None
            self._fault = fault
            self._layout = self._layout if self._extent else None
            self._laid_out_s = -1e9  # it may come back with other tables
        finally:
            self._asked_s = time.monotonic()
            self._first_look.set()
            self._is_looking.release()

    def _ask(self) -> None:
        is_old = time.monotonic() - self._laid_out_s > LAYOUT_AGE_S or self._cluster.doubts != self._doubts
        if self._layout is None or is_old:
            layout = read_layout(self._cluster)
            self._doubts = self._cluster.doubts
            self._version += layout != self._layout
            self._layout, self._laid_out_s = layout, time.monotonic()
        sql = (
            "SELECT toInt64(count()), toUnixTimestamp64Nano(min(Timestamp)), toUnixTimestamp64Nano(max(Timestamp)) "
            f"FROM {self._layout.spans}"
        )
        rows, first_ns, last_ns = self._cluster.rows(sql)[0]
        extent = Extent(int(rows), max(0, int(first_ns)), max(0, int(last_ns)))
        self._version += extent != self._extent
        self._extent = extent
