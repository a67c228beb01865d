"""What a question about log records finds: a page of them, how many there are, and when they were."""

from dataclasses import dataclass

from diamond_viewer.telemetry.model import FacetValues, Log
from diamond_viewer.telemetry.severity import LEVELS

NO_LEVELS = (0,) * len(LEVELS)


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Records by time in equal buckets from ``start_ns`` on, each ``width_ns`` wide; ``counts`` has a row for each of
    ``severity.LEVELS``. Records without a time are in none."""

    start_ns: int = 0
    width_ns: int = 1
    counts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """A page of the records that match, newest first. ``total`` counts every match that is known; ``newer`` those after the
    question's anchor, which are not listed.

    ``is_complete`` is False while some records have not been looked through yet: all that are newer than ``scanned_to_ns``
    have. The same question again goes on from there. A complete answer has 0 there, or how far back such a question looks at
    most: ``total`` is then what was found so far. ``levels`` counts the matches by ``severity.LEVELS``, ``services`` the
    most frequent ones. ``held_since_ns`` is 0 while every record is held, else from when on they are.
    """

    logs: tuple[Log, ...] = ()
    total: int = 0
    version: int = 0
    newer: int = 0
    is_complete: bool = True
    scanned_to_ns: int = 0
    levels: tuple[int, ...] = NO_LEVELS
    services: FacetValues = ()
    histogram: LogHistogram = LogHistogram()
    held_since_ns: int = 0
