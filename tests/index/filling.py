"""A MemoryStore filled as the feed fills it."""

from collections.abc import Iterable
from functools import cache

import xxhash

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.otlp import LineError, decode_line
from tests.asking import UNDECIDED
from tests.district import LINES

ROOMY_BYTES = 1 << 30


def add_lines(store: MemoryStore, lines: Iterable[bytes], asks_first: bool = True) -> None:
    """Add without committing; ``asks_first=False`` is a feed that does not know which lines are held."""
    for line in lines:
        digest = xxhash.xxh3_128_digest(line)
        if asks_first and store.is_held(digest):
            continue
        try:
            batch = decode_line(line)
        except LineError:
            continue
        store.add(batch, digest)


def filled(
    groups: Iterable[Iterable[bytes]],
    segment_spans: int = 131_072,
    asks_first: bool = True,
    follows_people: bool = True,
) -> MemoryStore:
    """A commit after each group of lines."""
    store = MemoryStore(ROOMY_BYTES, segment_spans)
    store.follows_people = follows_people
    for group in groups:
        add_lines(store, group, asks_first)
        store.commit()
    store.examine(query=UNDECIDED)
    return store


@cache
def whole_district() -> MemoryStore:
    """The real telemetry of tests/data in one segment, for all that only ask; read when one first asks, not when collected."""
    return filled([LINES])


@cache
def parted_district() -> MemoryStore:
    """Likewise in many segments, with guests."""
    return filled(one_by_one(LINES), segment_spans=300)


def one_by_one(lines: Iterable[bytes]) -> list[list[bytes]]:
    return [[line] for line in lines]
