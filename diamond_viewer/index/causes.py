"""Root causes of a segment: failed spans below which none failed, each with what was said and where it happened."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.kin import Kin, gathered, kin_of, split_traces
from diamond_viewer.index.lineage import distinct_tuples, most_frequent, nearest
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.worked_out import Causes, WorkedOut
from diamond_viewer.telemetry.model import STATUS_ERROR, Flag
from diamond_viewer.telemetry.tallies import OTHER_ERRORS, ErrorKey

MAX_KEYS = 2_000  # of one segment that are told apart


def is_told(segment: Segment) -> bool:
    """Whether the causes of a segment are known as it is now."""
    return segment.causes is not None and segment.causes.row_count == segment.spans.size


def tell(segment: Segment) -> bool:
    """Work the causes of a segment out, as far as they can be seen from here; False when they are known."""
    if is_told(segment):
        return False
    spans = segment.spans
    has_error = np.zeros(segment.traces.size, bool)
    has_error[spans["trace"][segment.faults["row"]]] = True
    rows = np.flatnonzero(has_error[spans["trace"]])
    segment.causes = WorkedOut(spans.size, causes_of(kin_of(segment, rows)))
    return True


def told_causes(segments: Sequence[Segment]) -> list[tuple[Segment, Causes]]:
    """All causes by the segment in which their trace lives; of segments that are not told yet only what lies in several."""
    failed = Flag.ERROR.value
    split = [(home, trace) for home, trace in split_traces(segments) if home.traces["flags"][trace] & failed]
    across = causes_of(gathered(split)) if split else None
    is_gathered = {segment.number: np.zeros(segment.traces.size, bool) for segment in segments}
    for home, trace in split:
        is_gathered[home.number][trace] = True
        for place, number in home.guests[trace]:
            is_gathered[place.number][number] = True
    answer = []
    for segment in segments:
        if is_told(segment) and segment.causes is not None:
            own = segment.causes.found
            answer.append((segment, own.of(~is_gathered[segment.number][own.trace])))
            answer += _of_guests(segment, own, is_gathered[segment.number])
    if across is not None:
        homes = np.array([home.number for home, _ in split])[across.trace]
        traces = np.array([trace for _, trace in split])[across.trace]
        for segment in {home.number: home for home, _ in split}.values():
            mine = homes == segment.number
            answer.append((segment, Causes(traces[mine], across.start_ns[mine], across.key[mine], across.keys)))
    return answer


def _of_guests(segment: Segment, own: Causes, is_gathered: Column) -> list[tuple[Segment, Causes]]:
    """What a segment holds of traces that live elsewhere and are too large to be gathered."""
    left = [guest for guest in segment.homes if not is_gathered[guest]]
    answer = []
    for guest in left:
        home, trace = segment.homes[guest]
        mine = own.of(own.trace == guest)
        answer.append((home, Causes(np.full(len(mine.key), trace), mine.start_ns, mine.key, mine.keys)))
    return answer


def causes_of(kin: Kin) -> Causes:
    """The causes among some rows. What was said is the first exception's type from the cause upwards through what failed, else
    the first message. Source: the "last error of a cascade" of TraceQL, as ``diagnosis.errors`` tells it."""
    count = kin.count
    is_failed = kin.column("status_code") == STATUS_ERROR if count else np.zeros(0, bool)
    above = nearest(kin.forest, is_failed)[kin.forest]  # the nearest failed span above each row, itself left out
    is_cause = np.concatenate([is_failed, [False]])
    is_cause[above[:count][is_failed]] = False
    causes = np.flatnonzero(is_cause[:count])
    if not len(causes):
        return Causes(causes, causes, causes, ())
    kinds, messages = _faults(kin)
    typed, said = nearest(above, kinds > 0)[causes], nearest(above, messages > 0)[causes]
    teller = np.where(typed < count, typed, np.where(said < count, said, causes))
    words = np.where(typed < count, kinds[np.minimum(typed, count - 1)], messages[np.minimum(teller, count - 1)])
    works = kin.work[causes]
    operation, operations = kin.names_of(works)
    owners = [kin.owners[teller], kin.owners[works], kin.owners[causes]]
    service, name = kin.column("service")[works], kin.column("name")[causes]
    firsts, which = distinct_tuples([owners[0], words, operation, owners[1], service, owners[2], name])
    kept, key = most_frequent(which, len(firsts), MAX_KEYS)
    keys = [
        ErrorKey(
            kin.text(int(owners[0][first]), int(words[first])),
            operations[int(operation[first])],
            kin.text(int(owners[1][first]), int(service[first])),
            kin.text(int(owners[2][first]), int(name[first])),
        )
        for first in firsts[kept].tolist()
    ]
    if len(kept) < len(firsts):
        keys.append(OTHER_ERRORS)
    return Causes(kin.traces[causes].astype(np.int64), kin.column("start_ns")[causes], key, tuple(keys))


def _faults(kin: Kin) -> tuple[Indexes, Indexes]:
    """Codes of types and messages for each row, 0 where nothing was said."""
    kinds, messages = np.zeros(kin.count, np.int64), np.zeros(kin.count, np.int64)
    for at, segment in enumerate(kin.segments):
        mine = np.flatnonzero(kin.owners == at)
        by_row = np.full(segment.spans.size, -1, np.int64)
        by_row[segment.faults["row"]] = np.arange(segment.faults.size)
        fault = by_row[kin.rows[mine]]
        kinds[mine[fault >= 0]] = segment.faults["kind"][fault[fault >= 0]]
        messages[mine[fault >= 0]] = segment.faults["message"][fault[fault >= 0]]
    return kinds, messages
