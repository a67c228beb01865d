"""Benches that are kept: a question that needs whole traces goes on where it stopped, newest trace first, until all are there
or there are too many. Traces that have grown meanwhile are laid out again; what was there already counts once.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from diamond_viewer.clickhouse.bench import MakeBench, laid_out, newest_within, whole
from diamond_viewer.clickhouse.selection import Asked, Selection
from diamond_viewer.store import SpanBench

MAX_KEPT = 6
MAX_SPANS = 200_000  # on one bench: about 30 MB
PORTION_SPANS = 8_000  # between two looks at the clock
WORK_NS = 800_000_000


@dataclass(slots=True)
class _Kept:
    bench: SpanBench
    loaded: dict[int, int] = field(default_factory=dict)  # key of a trace -> how many of its spans lie here
    lines: int = 0
    spans: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class LaidOut:
    """``scanned_to_ns`` is the start of the newest selected trace that is not on the bench; 0 when all are. ``is_complete``:
    asking again brings no more."""

    bench: SpanBench
    scanned_to_ns: int
    is_complete: bool


class Benches:
    def __init__(self, store: Asked, make_bench: MakeBench) -> None:
        self._store, self._make_bench = store, make_bench
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, selection: Selection, *, most_spans: int = MAX_SPANS) -> LaidOut:
        """A bench with the selected traces, the newest of them if they are more than there is time or room for. What lay there
        before is still there: ask it the whole question. Raises ``ClusterError``."""
        with self._lock:
            kept = self._kept.setdefault(key, _Kept(self._make_bench()))
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        within = newest_within(selection, most_spans)
        selection_keys = selection.keys.tolist()
        counts = selection.span_count.tolist()
        with kept.lock:
            if kept.spans > 2 * most_spans:  # what is old makes room
                kept.bench, kept.loaded, kept.lines, kept.spans = self._make_bench(), {}, 0, 0
            missing = [at for at in range(within) if kept.loaded.get(selection_keys[at]) != counts[at]]
            deadline_ns = time.monotonic_ns() + WORK_NS
            while missing and time.monotonic_ns() < deadline_ns:
                chosen = selection.chosen(np.array(missing, np.int64))
                portion = missing[: newest_within(chosen, PORTION_SPANS)]
                missing = missing[len(portion) :]
                kept.lines = laid_out(
                    kept.bench, whole(self._store, selection.chosen(np.array(portion, np.int64))), kept.lines
                )
                for at in portion:
                    kept.loaded[selection_keys[at]] = counts[at]
                    kept.spans += counts[at]
            first_missing = missing[0] if missing else within if within < len(selection) else None
            scanned_to_ns = selection.scanned_to_ns
            if first_missing is not None:
                scanned_to_ns = max(1, int(selection.starts[first_missing]))
            return LaidOut(kept.bench, scanned_to_ns, not missing and (selection.is_through or within < len(selection)))
