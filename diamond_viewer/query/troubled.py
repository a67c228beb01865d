"""Who had trouble: users or lessons, ranked by what went wrong in their traces. From columns, whatever store has them."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.query.over_time import Column
from diamond_viewer.telemetry.ways import TROUBLE_FLAGS, TROUBLES, Trouble, Troubles


def ranked_troubles(values: Sequence[str], which: Column, flags: Column, start_ns: Column, limit: int) -> Troubles:
    """See ``TraceStore.troubles``. ``which`` is a place in ``values`` for each pair of a value and a trace that names it; the
    flags and the start of that trace stand at the same place."""
    count = len(values)
    traces = np.bincount(which, minlength=count)
    is_bad = (flags & TROUBLE_FLAGS) > 0
    bad = np.bincount(which[is_bad], minlength=count)
    seen_ns, last_ns = np.zeros(count, np.int64), np.zeros(count, np.int64)
    first_ns = np.full(count, np.iinfo(np.int64).max)
    np.maximum.at(seen_ns, which, start_ns)
    np.maximum.at(last_ns, which[is_bad], start_ns[is_bad])
    np.minimum.at(first_ns, which[is_bad], start_ns[is_bad])
    counts = {flag: np.bincount(which[(flags & flag) > 0], minlength=count) for flag in TROUBLES}
    order = sorted(range(count), key=lambda at: (bad[at] == 0, -last_ns[at], -seen_ns[at], values[at]))[:limit]
    rows = tuple(
        Trouble(
            values[at],
            int(traces[at]),
            int(bad[at]),
            {flag: int(found[at]) for flag, found in counts.items() if found[at]},
            int(first_ns[at]) if bad[at] else 0,
            int(last_ns[at]),
            int(seen_ns[at]),
        )
        for at in order
    )
    return Troubles(rows, count, int(np.count_nonzero(bad)))
