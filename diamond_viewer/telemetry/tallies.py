"""Answers that count: what failed how often, and how operations and database statements fare.

Frozen values, as all of ``model``. Times are ns since 1970, durations ns; percentiles are by nearest rank.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

SERIES_BUCKETS = 30
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

    ``is_complete`` is False while some of what is held was not looked at yet: all that began after ``scanned_to_ns`` was.
    """

    groups: tuple[ErrorGroup, ...] = ()
    group_count: int = 0
    count: int = 0
    start_ns: int = 0
    width_ns: int = 1
    is_complete: bool = True
    scanned_to_ns: int = 0


class OperationKey(NamedTuple):
    """``kind`` is request | job | other; a request that is only called by its method has its route in the name."""

    kind: str
    operation: str
    service: str


@dataclass(frozen=True, slots=True)
class OperationTally:
    """One operation. ``repeated_calls`` are calls within 1 s of the same call of the same user for the same lesson."""

    key: OperationKey
    count: int
    error_count: int
    total_ns: int
    p50_ns: int
    p95_ns: int
    p99_ns: int
    series: tuple[int, ...]
    repeated_calls: int


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
    ``width_ns`` are of the series; the counts are over all, shown or not."""

    operations: tuple[OperationTally, ...] = ()
    statements: tuple[StatementTally, ...] = ()
    operation_count: int = 0
    statement_count: int = 0
    start_ns: int = 0
    width_ns: int = 1
    is_complete: bool = True
    scanned_to_ns: int = 0
