"""Questions for traces, asked slice of time by slice, newest first.

Of a small table the whole is one slice. Of a large one the first slice is what a reader need not wait for; whoever asks again
is told more, until all is looked through that a question may look at. An answer says how far it came.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.faults import MEMORY, ROWS, TIMEOUT, ClusterError
from diamond_viewer.clickhouse.selection import (
    SPANS_AT_ONCE,
    Asked,
    Selection,
    columns_of,
    counted,
    grouped_traces,
    joined_parts,
    window_of,
)
from diamond_viewer.query.terms import Overlaps, Term

MAX_KEPT = 32  # selections, ...
MAX_KEPT_BYTES = 256 * 1024**2  # ... and what all of them may take
FIRST_SPANS = 100_000  # about so many are grouped before a reader sees anything
UNASKED_SPANS = 10_000_000  # of the newest are looked at when no time is asked for: about 15 minutes of a billion a day
MAX_TRACES = 2_000_000  # of one question: 110 MB
PAGE_TRACES = 50  # with so many there is something to look at
GO_ON_NS = 1_000_000_000  # a question goes on for so long before it answers with what it knows
SLICE_NS = 1_000_000_000  # more than one slice should take
MOST_AT_ONCE = 16  # times as long as the slice before
MIN_SLICE_NS = 1_000_000_000
WHOLE = "whole"  # who asks so cannot do with a part


@dataclass(slots=True)
class _Scan:
    """A question that is being answered. ``until_ns`` is where the next slice ends; None when the first has not been asked.
    ``seen_by`` are those who were told what is known now: they ask for more."""

    version: int
    parts: list[Selection] = field(default_factory=list)
    until_ns: int | None = None
    width_ns: int = 0
    least_ns: int = 0  # a cluster that is slow whatever it is asked must not be asked ever less
    scanned_to_ns: int = 0
    is_through: bool = False
    answer: Selection | None = None
    seen_by: set[Hashable] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Selections:
    """Answers, and remembers those to the last few questions for as long as nothing new has come."""

    def __init__(self, store: Asked) -> None:
        self._store = store
        self._scans: OrderedDict[tuple[Term, ...], _Scan] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, terms: tuple[Term, ...], version: int, asker: Hashable) -> Selection:
        """Raises ``ClusterError``. What was found so far when there is too much for one answer: the list, the figures and the
        charts of one page (``asker``) are told the same, and whoever asks a second time is told more."""
        with self._lock:
            scan = self._scans.get(terms)
            if scan is None or scan.version != version:
                scan = self._scans[terms] = _Scan(version)
            self._scans.move_to_end(terms)
            self._let_go()
        with scan.lock:  # who asks the same meanwhile waits for this answer
            if not scan.is_through and (not scan.parts or asker in scan.seen_by):
                self._go_on(scan, terms, asker)
                scan.seen_by.clear()
            scan.seen_by.add(asker)
            if scan.answer is None:
                scan.answer = joined_parts(terms, scan.parts, scan.scanned_to_ns, scan.is_through)
            return scan.answer

    def is_one_slice(self, terms: tuple[Term, ...]) -> bool:
        """For who asks for the ``WHOLE``."""
        first_ns, last_ns = self._ends_ns(window_of(terms))
        return self._store.extent().density * max(0, last_ns - first_ns) <= SPANS_AT_ONCE

    def _let_go(self) -> None:
        size_bytes = sum(part.size_bytes for scan in self._scans.values() for part in scan.parts)
        while len(self._scans) > 1 and (len(self._scans) > MAX_KEPT or 2 * size_bytes > MAX_KEPT_BYTES):
            _, scan = self._scans.popitem(last=False)
            size_bytes -= sum(part.size_bytes for part in scan.parts)

    def _go_on(self, scan: _Scan, terms: tuple[Term, ...], asker: Hashable) -> None:
        scan.answer = None
        window = window_of(terms)
        density = self._store.extent().density
        first_ns, last_ns = self._ends_ns(window)
        first_spans = SPANS_AT_ONCE if asker == WHOLE else FIRST_SPANS
        if scan.until_ns is None and density * max(0, last_ns - first_ns) <= first_spans:
            scan.parts = [self._ask(terms, None, None)]
            scan.is_through = True
            return
        is_unasked = window.since_ns is None and density * max(0, last_ns - first_ns) > UNASKED_SPANS
        least_ns = last_ns - int(UNASKED_SPANS / density) if is_unasked else None
        is_first = scan.until_ns is None
        if is_first:
            scan.until_ns = last_ns + 1
            scan.width_ns = max(MIN_SLICE_NS, int(first_spans / density))
            scan.least_ns = max(MIN_SLICE_NS, scan.width_ns // 8)
        deadline_ns = time.monotonic_ns() + GO_ON_NS
        while not scan.is_through:  # one slice at least, however long it takes
            self._next_slice(scan, terms, first_ns, least_ns)
            found = sum(len(part) for part in scan.parts)
            spans = sum(int(part.span_count.sum()) for part in scan.parts)
            if found >= MAX_TRACES or (window.since_ns is None and spans >= UNASKED_SPANS):
                scan.is_through = True
            if scan.parts and (
                time.monotonic_ns() > deadline_ns or (is_first and asker != WHOLE and found >= PAGE_TRACES)
            ):
                break

    def _ends_ns(self, window: Overlaps) -> tuple[int, int]:
        """Between which a question about the window looks at rows."""
        extent = self._store.extent()
        reach_ns = self._store.cluster.address.longest_s * 1_000_000_000
        first_ns = max(extent.first_ns, 0 if window.since_ns is None else window.since_ns - reach_ns)
        return first_ns, extent.last_ns if window.until_ns is None else min(extent.last_ns, window.until_ns)

    def _next_slice(self, scan: _Scan, terms: tuple[Term, ...], first_ns: int, least_ns: int | None) -> None:
        """``first_ns`` is where the question ends; ``least_ns``, if it is not None, is where it is not continued before."""
        assert scan.until_ns is not None
        since_ns = scan.until_ns - scan.width_ns
        is_last = since_ns <= first_ns
        began_ns = time.monotonic_ns()
        try:
            part = self._ask(terms, None if is_last else since_ns, scan.until_ns)
        except ClusterError as error:
            if error.kind not in (MEMORY, TIMEOUT, ROWS) or scan.width_ns <= MIN_SLICE_NS:
                raise
            scan.least_ns = MIN_SLICE_NS
            scan.width_ns = max(MIN_SLICE_NS, scan.width_ns // (64 if error.kind == TIMEOUT else 4))
            return
        scan.parts.append(part)
        scan.until_ns, scan.scanned_to_ns = since_ns, 0 if is_last else max(1, since_ns)
        scan.is_through = is_last or (least_ns is not None and since_ns <= least_ns)
        took_ns = time.monotonic_ns() - began_ns
        if took_ns < SLICE_NS:  # the next one may take about so long
            scan.width_ns = int(scan.width_ns * max(1, min(MOST_AT_ONCE, SLICE_NS / max(1, took_ns))))
        else:
            scan.width_ns = max(scan.least_ns, scan.width_ns // 2)

    def _ask(self, terms: tuple[Term, ...], since_ns: int | None, until_ns: int | None) -> Selection:
        """Those that begin in ``[since_ns, until_ns)``, and the ids of those that are found there but began before."""
        bound = Bound()
        grouped, is_exact = grouped_traces(self._store, terms, bound, since_ns, until_ns, has_astride=True)
        found = counted(self._store, terms, columns_of(grouped), bound, is_exact)
        if since_ns is None:
            return replace(found, until_ns=until_ns)
        begins = found.starts >= since_ns
        astride = tuple(found.chosen(~begins).trace_ids())
        return replace(found.chosen(begins), since_ns=since_ns, until_ns=until_ns, astride=astride)
