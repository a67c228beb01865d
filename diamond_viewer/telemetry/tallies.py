"""Answers that count: what failed how often, and how operations and database statements fare.

Frozen values, as all of ``model``. Times are ns since 1970, durations ns; percentiles are by nearest rank.
"""

from bisect import bisect_right
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

SERIES_BUCKETS = 30
BAND_EDGES_NS = tuple(step * 10**power for power in range(6, 11) for step in (1, 2, 5))[:13]
BANDS = len(BAND_EDGES_NS) + 1  # of duration: below 1 ms, from 1 to 2 ms, and so on by 1-2-5 to 10 s and over
OTHERS = "(other messages)"  # stands for texts beyond those that are told apart


class ErrorKey(NamedTuple):
    """What makes two errors the same one. ``what`` is the exception's type, else the message without its variable parts,
    empty when nothing was said; ``operation`` and ``service`` are those of the request or job, ``cause`` the name of the span
    where it began."""

    what: str
    operation: str
    service: str
    cause: str

    @property
    def fingerprint(self) -> str:
        """
        >>> ErrorKey("P2002", "POST /api/notes", "web", "pg.query").fingerprint
        '01a35261fbce'
        """
        return blake2b("\0".join(self).encode(errors="replace"), digest_size=6).hexdigest()


OTHER_ERRORS = ErrorKey(OTHERS, "", "", "")


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """``count`` counts root causes: failed spans below which none failed.

    ``series`` has them over the time of the answer (strays long before are in no bucket), ``examples`` are trace ids, newest
    first.
    """

    key: ErrorKey
    count: int
    traces: int
    users: int
    lessons: int
    first_ns: int
    last_ns: int
    series: tuple[int, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """The most frequent ``groups``; ``group_count`` and ``count`` are over all of them. Buckets of every series begin at
    ``start_ns`` and are ``width_ns`` wide.

    ``is_complete`` is False while some of what is held was not looked at yet: all that began after ``scanned_to_ns`` was. When
    it is complete that is 0, or how far back is looked at most.
    """

    groups: tuple[ErrorGroup, ...] = ()
    group_count: int = 0
    count: int = 0
    start_ns: int = 0
    width_ns: int = 1
    is_complete: bool = True
    scanned_to_ns: int = 0


def band_of(duration_ns: int) -> int:
    """In which band a duration lies; a lower edge belongs to its band.

    >>> [band_of(ns) for ns in (0, 999_999, 1_000_000, 4_999_999, 5_000_000, 10**10, 10**15)]
    [0, 0, 1, 2, 3, 13, 13]
    """
    return bisect_right(BAND_EDGES_NS, duration_ns)


class OperationKey(NamedTuple):
    """``kind`` is request | job | other; a request that is only called by its method has its route in the name."""

    kind: str
    operation: str
    service: str

    @property
    def fingerprint(self) -> str:
        """
        >>> OperationKey("request", "GET /a", "web").fingerprint
        '7ed00a8a19f3'
        """
        return blake2b("\0".join(self).encode(errors="replace"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class OperationTally:
    """One operation. ``repeated_calls`` are calls within 1 s of the same call of the same user for the same lesson.

    ``heat`` counts its calls by how long they took and when: ``BANDS`` times ``SERIES_BUCKETS`` numbers, the quickest band
    first; empty where a store does not tell.
    """

    key: OperationKey
    count: int
    error_count: int
    total_ns: int
    p50_ns: int
    p95_ns: int
    p99_ns: int
    series: tuple[int, ...]
    repeated_calls: int
    heat: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementTally:
    """One database statement without its values. ``slow_count`` took more than 100 ms; ``n_plus_one`` is how often one caller
    ran it again and again, ``most_repeats`` how often at most."""

    system: str
    statement: str
    count: int
    slow_count: int
    total_ns: int
    p50_ns: int
    p95_ns: int
    longest_ns: int
    series: tuple[int, ...]
    traces: int
    n_plus_one: int
    most_repeats: int


@dataclass(frozen=True, slots=True)
class Operations:
    """Those that lost most time first. ``is_complete`` and ``scanned_to_ns`` as in ``ErrorGroups``; ``start_ns`` and
    ``width_ns`` are of the series; the counts and ``heat`` (as that of an operation) are over all, shown or not."""

    operations: tuple[OperationTally, ...] = ()
    statements: tuple[StatementTally, ...] = ()
    operation_count: int = 0
    statement_count: int = 0
    start_ns: int = 0
    width_ns: int = 1
    is_complete: bool = True
    scanned_to_ns: int = 0
    heat: tuple[int, ...] = ()
