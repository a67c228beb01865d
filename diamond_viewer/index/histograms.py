"""Matching traces over time, and by how long they last. Called under the store's lock; what they return are values."""

import numpy as np

from diamond_viewer.index.answers import Matches, joined
from diamond_viewer.query.over_time import histogram_of, scatter_of
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Histogram, Scatter


def histogram(matches: Matches, query: Query, now_ns: int, buckets: int) -> Histogram:
    """See ``TraceStore.histogram``."""
    flags = joined(matches, "flags", np.uint16)
    return histogram_of(joined(matches, "start_ns"), flags, query.window(now_ns), now_ns, buckets)


def scatter(matches: Matches, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
    """See ``TraceStore.scatter``."""
    start_ns, flags = joined(matches, "start_ns"), joined(matches, "flags", np.uint16)
    duration_ns = joined(matches, "end_ns") - start_ns
    return scatter_of(start_ns, duration_ns, flags, query.window(now_ns), now_ns, columns, rows)
