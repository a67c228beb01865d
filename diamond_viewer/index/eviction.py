"""The oldest segment goes, whole, with the traces that live in it.

What came later of such a trace lies in younger segments, and is no longer found: half a trace would be shown as if it were
one. Only a big trace, one that perhaps never ends, moves on into the next segment that holds some of it: it would be begun
anew with every segment otherwise, and nobody would ever see more than its last few spans.
"""

from collections.abc import Iterable

import numpy as np

from diamond_viewer.index.columns import Column
from diamond_viewer.index.places import PlaceTable, trace_keys
from diamond_viewer.index.postings import PostingRun, posting_run
from diamond_viewer.index.segment import POSTED_COLUMNS, Place, Segment
from diamond_viewer.index.summaries import event_rows
from diamond_viewer.query.terms import Field

_HORIZON_PERCENT = 99  # a few clocks are always wrong: the last start would say that nothing is held
_NUMBER_BITS = 32


def unlink(oldest: Segment, places: PlaceTable, big: Iterable[int]) -> tuple[int, list[Place]]:
    """Forget a segment that is no longer among the others; of its traces those of ``big`` move on.

    Returns how many traces are gone, and where those live that have become smaller.
    """
    lives_here = oldest.traces["lives_here"] > 0
    places.remove(trace_keys(oldest.traces["high"][lives_here], oldest.traces["low"][lives_here]))
    smaller = list(oldest.homes.values())
    for guest, (segment, number) in oldest.homes.items():
        segment.guests[number] = [place for place in segment.guests[number] if place != (oldest, guest)]
    moved = [_move_on(oldest, number, places) for number in big if oldest.guests.get(number)]
    for place, guest in [place for places in oldest.guests.values() for place in places]:
        del place.homes[guest]
    return int(np.count_nonzero(lives_here)) - len(moved), smaller + moved


def horizon_ns(gone: Segment) -> int:
    """From when on traces are held, once this segment and all older ones are not."""
    return horizon_of(gone.traces["start_ns"][gone.traces["lives_here"] > 0])


def horizon_of(times_ns: Column) -> int:
    """The time that nearly all of what has left lies before; a time of 0 is none."""
    times_ns = times_ns[times_ns > 0]
    if not len(times_ns):
        return 0
    rank = len(times_ns) * _HORIZON_PERCENT // 100 if len(times_ns) > _HORIZON_PERCENT else len(times_ns) - 1
    return int(np.partition(times_ns, rank)[rank])


def _move_on(oldest: Segment, number: int, places: PlaceTable) -> Place:
    """Let a trace live where the oldest rest of it lies."""
    (home, at), *others = sorted(oldest.guests.pop(number), key=lambda place: place[0].number)
    del home.homes[at]
    home.set_living(at, True)
    if others:
        home.guests[at] = others
    for segment, guest in others:
        segment.homes[guest] = home, at
        if segment.guest_numbers.pop((oldest.number, number), None) is not None:
            segment.guest_numbers[home.number, at] = guest
    key = trace_keys(home.traces["high"][at : at + 1], home.traces["low"][at : at + 1])
    places.put(key, np.array([at | home.number << _NUMBER_BITS]))
    for segment, guest in home.places_of(at):
        for run in _postings(segment, guest, home, at):
            home.postings.add(run)
    return home, at


def _postings(segment: Segment, guest: int, home: Segment, at: int) -> Iterable[PostingRun]:
    """What the rows of a guest say, in the codes of the segment where its trace lives."""
    rows = segment.rows_of(guest)
    if not len(rows):
        return
    said = {field: segment.spans[column][rows] for field, column in POSTED_COLUMNS.items()}
    said[Field.EVENT] = segment.events["name"][event_rows(segment, rows)]
    for field, column in said.items():
        codes = set(np.unique(column).tolist()) | segment.all_mentions(rows.tolist(), field)
        codes = {home.dictionary.intern(segment.dictionary.texts[code]) for code in codes}
        yield posting_run(field, np.array(sorted(codes), np.int64), np.full(len(codes), at, np.int64))
