"""Rows of the list: made from whole traces, kept for as long as the trace has not grown."""

import threading
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from diamond_viewer.clickhouse.bench import MakeBench, examine, laid_out, outlines, whole
from diamond_viewer.clickhouse.marked import MarkedTraces
from diamond_viewer.clickhouse.selection import Asked, Selection
from diamond_viewer.telemetry.model import TraceSummary

MAX_KEPT = 5_000
SPANS_OF_A_PAGE = 40_000  # are decoded for it
MIN_SPANS, MAX_SPANS = 40, 2_000  # of one trace; of a larger one what names it and its first spans are


class TraceRows:
    def __init__(self, store: Asked, make_bench: MakeBench, marked: MarkedTraces) -> None:
        self._store, self._make_bench, self._marked = store, make_bench, marked
        self._kept: OrderedDict[str, tuple[tuple[int, int, int], TraceSummary]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, selection: Selection) -> tuple[TraceSummary, ...]:
        """The rows of the selected traces, in their order."""
        ids = selection.trace_ids()
        states = list(
            zip(selection.starts.tolist(), selection.ends.tolist(), selection.span_count.tolist(), strict=True)
        )
        with self._lock:
            known = {
                trace_id: kept[1]
                for trace_id, state in zip(ids, states, strict=True)
                if (kept := self._kept.get(trace_id)) and kept[0] == state
            }
        missing = np.array([at for at, trace_id in enumerate(ids) if trace_id not in known], np.int64)
        if len(missing):
            made = self._made(selection.chosen(missing))
            known |= made
            with self._lock:
                for at in missing.tolist():
                    if ids[at] in made:
                        self._kept[ids[at]] = states[at], made[ids[at]]
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return tuple(known[trace_id] for trace_id in ids if trace_id in known)

    def _made(self, selection: Selection) -> dict[str, TraceSummary]:
        most = max(MIN_SPANS, min(MAX_SPANS, SPANS_OF_A_PAGE // len(selection)))
        is_small = selection.span_count <= most
        bench = self._make_bench()
        line = 0
        if is_small.any():
            line = laid_out(bench, whole(self._store, selection.chosen(is_small)))
        if not is_small.all():
            large = selection.chosen(~is_small)
            laid_out(bench, outlines(self._store, large, most), line)
            once = self._marked.once(large)
            selection.flags[~is_small] = self._marked.flags(large)
            selection.span_count[~is_small], selection.error_count[~is_small] = once.span_count, once.error_count
        examine(bench)
        made = {}
        for at, trace_id in enumerate(selection.trace_ids()):
            row = bench.summary(trace_id)
            if row is not None:
                made[trace_id] = row if is_small[at] else _as_counted(row, selection, at)
        return made


def _as_counted(row: TraceSummary, selection: Selection, at: int) -> TraceSummary:
    """The row of a trace of which only an outline was decoded, with what was counted over all of it. What rules say of an
    outline is not said."""
    start_ns, end_ns = int(selection.starts[at]), int(selection.ends[at])
    return replace(
        row,
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        span_count=int(selection.span_count[at]),
        error_count=int(selection.error_count[at]),
        flags=row.flags & ~_OF_WHOLE | int(selection.flags[at]),
        findings=(),
    )


_OF_WHOLE = 1 | 128 | 256 | 512  # error, incomplete and what rules tell
