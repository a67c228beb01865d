"""Where each trace lives: a hash table from a trace's key to a place, in two packed arrays.

A dict of ids would cost ten times as much. Open addressing with linear probing, all keys of a batch probed at once.
"""

import secrets

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

NOWHERE = -1
_FREE = np.uint64(0)
_MAX_LOAD = 0.6

# odd and random for each process: nobody can write ids that collide on purpose
_MIX_HIGH = np.uint64(secrets.randbits(64) | 1)
_MIX_LOW = np.uint64(secrets.randbits(64) | 1)
_MIX_SPAN = np.uint64(secrets.randbits(64) | 1)


def trace_keys(high: Keys, low: Keys) -> Keys:
    """The two halves of trace ids -> one 64-bit key each. Among a million traces two share one by a chance of 1 in 10^7."""
    mixed_low = low * _MIX_LOW
    keys: Keys = high * _MIX_HIGH ^ mixed_low >> np.uint64(7) ^ mixed_low
    keys[keys == _FREE] = np.uint64(1)
    return keys


def span_keys(keys: Keys, span_ids: Keys) -> Keys:
    """Trace keys and span ids -> one key for each (trace, span)."""
    mixed: Keys = (keys ^ span_ids * _MIX_SPAN) * _MIX_HIGH
    return mixed


class PlaceTable:
    """Key -> place (any number >= 0)."""

    def __init__(self, capacity: int = 1024) -> None:
        self._keys: Keys = np.zeros(capacity, np.uint64)
        self._places: Places = np.full(capacity, NOWHERE, np.int64)
        self._used = 0

    def find(self, keys: Keys) -> Places:
        """The place of each key, ``NOWHERE`` for those that are not held."""
        found = np.full(len(keys), NOWHERE, np.int64)
        mask = np.uint64(len(self._keys) - 1)
        slots = keys & mask
        active = np.arange(len(keys))
        while len(active):
            held = self._keys[slots[active]]
            hit = held == keys[active]
            found[active[hit]] = self._places[slots[active[hit]]]
            active = active[~(hit | (held == _FREE))]
            slots[active] = (slots[active] + np.uint64(1)) & mask
        return found

    def put(self, keys: Keys, places: Places) -> None:
        """Set the places of distinct keys, new or known."""
        if self._used + len(keys) > _MAX_LOAD * len(self._keys):
            self._grow(len(keys))
        self._insert(keys, places)

    def remove(self, keys: Keys) -> None:
        """Forget keys. Their slots stay taken until the table next grows, so that probing still passes over them."""
        known = keys[self.find(keys) != NOWHERE]
        self._insert(known, np.full(len(known), NOWHERE, np.int64))

    def _insert(self, keys: Keys, places: Places) -> None:
        mask = np.uint64(len(self._keys) - 1)
        slots = keys & mask
        active = np.arange(len(keys))
        while len(active):
            held = self._keys[slots[active]]
            free = active[held == _FREE]
            self._keys[slots[free]] = keys[free]  # of two that want one slot the last one gets it
            won = self._keys[slots[active]] == keys[active]
            self._places[slots[active[won]]] = places[active[won]]
            self._used += int(np.count_nonzero(won & (held == _FREE)))
            active = active[~won]
            slots[active] = (slots[active] + np.uint64(1)) & mask

    def _grow(self, more: int) -> None:
        live = (self._keys != _FREE) & (self._places != NOWHERE)
        keys, places = self._keys[live], self._places[live]
        capacity = 1024
        while len(keys) + more > _MAX_LOAD * capacity / 1.5:
            capacity *= 2
        self._keys = np.zeros(capacity, np.uint64)
        self._places = np.full(capacity, NOWHERE, np.int64)
        self._used = 0
        self._insert(keys, places)

    @property
    def size_bytes(self) -> int:
        return self._keys.nbytes + self._places.nbytes
