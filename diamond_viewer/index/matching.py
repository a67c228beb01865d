"""Terms -> the traces of one segment that match them. Values are looked up, never scanned for."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Carries, HasFlag, LastsBetween, Overlaps, Term

_NONE: Indexes = np.empty(0, np.int64)


def matching_traces(segment: Segment, terms: Sequence[Term]) -> Indexes:
    """Numbers of the traces that live in the segment and match every term, ascending."""
    chosen: Indexes | None = None
    for carries in (term for term in terms if isinstance(term, Carries)):
        code = segment.dictionary.find(carries.value)
        if code is None:
            return _NONE
        found = segment.postings.find(carries.field, code)
        chosen = found if chosen is None else np.intersect1d(chosen, found, assume_unique=True)
        if not len(chosen):
            return _NONE
    if chosen is None:
        chosen = np.flatnonzero(segment.traces["lives_here"])
    for term in terms:
        if not isinstance(term, Carries) and len(chosen):
            chosen = chosen[_holds(segment, term, chosen)]
    return chosen


def _holds(segment: Segment, term: HasFlag | LastsBetween | Overlaps, traces: Indexes) -> Column:
    columns = segment.traces
    if isinstance(term, HasFlag):
        has_flag: Column = (columns["flags"][traces] & term.flag.value) > 0
        return has_flag if term.wanted else ~has_flag
    start_ns, end_ns = columns["start_ns"][traces], columns["end_ns"][traces]
    holds = np.ones(len(traces), bool)
    if isinstance(term, LastsBetween):
        duration_ns = end_ns - start_ns
        if term.low_ns is not None:
            holds &= duration_ns >= term.low_ns
        if term.high_ns is not None:
            holds &= duration_ns <= term.high_ns
    else:
        if term.since_ns is not None:
            holds &= end_ns >= min(term.since_ns, 2**63 - 1)
        if term.until_ns is not None:
            holds &= start_ns <= min(term.until_ns, 2**63 - 1)
    return holds
