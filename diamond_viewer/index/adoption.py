"""A packed segment from another process becomes part of this store: its traces meet those that are held."""

from collections.abc import Callable

import numpy as np

from diamond_viewer.index.laying import post_at_home
from diamond_viewer.index.places import NOWHERE, PlaceTable, trace_keys
from diamond_viewer.index.segment import Place, Segment

_NUMBER_BITS = 32


def adopt(
    segment: Segment, number: int, places: PlaceTable, place_of: Callable[[int], Place | None]
) -> list[Place] | None:
    """Number the segment and link its traces with what is held of them elsewhere.

    A trace that is held lives where it lived; here it becomes a guest. Returns where those live that have become larger, or
    None, before anything has changed, when a span of the segment is held already.
    """
    keys = trace_keys(segment.traces["high"].astype(np.uint64), segment.traces["low"].astype(np.uint64))
    found = places.find(keys)
    guests = np.flatnonzero(found != NOWHERE)
    homes = {guest: place_of(int(found[guest])) for guest in guests.tolist()}
    for guest, home in homes.items():
        assert home is not None
        held = [place.spans["span_id"][place.rows_of(at)].astype(np.uint64) for place, at in home[0].places_of(home[1])]
        new = segment.spans["span_id"][segment.rows_of(guest)].astype(np.uint64)
        if np.isin(new, np.concatenate(held)).any():
            return None
    segment.number = number
    is_new = found == NOWHERE
    places.put(keys[is_new], np.flatnonzero(is_new) | number << _NUMBER_BITS)
    for guest, home in homes.items():
        assert home is not None
        segment.set_living(guest, False)
        segment.homes[guest] = home
        home[0].guests.setdefault(home[1], []).append((segment, guest))
    post_at_home(segment, segment.postings.extract(guests))
    return [home for home in homes.values() if home is not None]
