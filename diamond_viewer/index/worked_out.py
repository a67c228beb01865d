"""What was worked out of a segment's rows when somebody first asked for it, and is kept with the segment."""

from dataclasses import dataclass, fields, replace
from typing import Generic, TypeVar

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.telemetry.tallies import ErrorKey, OperationKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkedOut(Generic[T]):
    """``found`` holds for the first ``row_count`` rows."""

    row_count: int
    found: T


@dataclass(frozen=True, slots=True)
class Causes:
    """One root cause at each place; ``key`` counts ``keys``. Traces are numbers of the segment where they live."""

    trace: Indexes
    start_ns: Indexes
    key: Indexes
    keys: tuple[ErrorKey, ...]

    def of(self, chosen: Column) -> "Causes":
        return Causes(self.trace[chosen], self.start_ns[chosen], self.key[chosen], self.keys)

    @property
    def size_bytes(self) -> int:
        return self.trace.nbytes + self.start_ns.nbytes + self.key.nbytes


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests, jobs and other roots: one at each place; ``key`` counts ``keys``. ``who`` is a hash of user and lesson, 0 where
    no user or no certain target is known."""

    trace: Indexes
    start_ns: Indexes
    duration_ns: Indexes
    key: Indexes
    has_failed: Column
    who: Indexes
    keys: tuple[OperationKey, ...]

    def of(self, chosen: Column) -> "Calls":
        return Calls(
            self.trace[chosen],
            self.start_ns[chosen],
            self.duration_ns[chosen],
            self.key[chosen],
            self.has_failed[chosen],
            self.who[chosen],
            self.keys,
        )


@dataclass(frozen=True, slots=True)
class Queries:
    """Database queries, each once; ``key`` counts ``keys``, which are ``system + line feed + statement``.

    ``repeats`` is how often the same caller ran the statement, on the first query of each such run that counts as N+1, else 0.
    """

    trace: Indexes
    start_ns: Indexes
    own_ns: Indexes
    key: Indexes
    repeats: Indexes
    keys: tuple[str, ...]

    def of(self, chosen: Column) -> "Queries":
        return Queries(
            self.trace[chosen],
            self.start_ns[chosen],
            self.own_ns[chosen],
            self.key[chosen],
            self.repeats[chosen],
            self.keys,
        )


@dataclass(frozen=True, slots=True)
class Requests:
    calls: Calls
    queries: Queries

    def of(self, calls: Column, queries: Column) -> "Requests":
        return Requests(self.calls.of(calls), self.queries.of(queries))

    def moved_to(self, traces: Column | int) -> "Requests":
        """With other numbers for the traces: one for all, or one for each of the numbers so far."""
        return Requests(
            replace(self.calls, trace=_renumbered(self.calls.trace, traces)),
            replace(self.queries, trace=_renumbered(self.queries.trace, traces)),
        )

    @property
    def size_bytes(self) -> int:
        parts = (self.calls, self.queries)
        columns = [getattr(part, field.name) for part in parts for field in fields(part)]
        return sum(column.nbytes for column in columns if isinstance(column, np.ndarray))


@dataclass(frozen=True, slots=True)
class CallRows:
    """Rows that are calls; ``source`` and ``target`` are codes of services or peers: ``route`` says which."""

    rows: Indexes
    route: Column
    source: Column
    target: Column
    loose: Indexes  # rows of spread traces whose parent lies in another segment

    @property
    def size_bytes(self) -> int:
        return sum(part.nbytes for part in (self.rows, self.route, self.source, self.target, self.loose))


def _renumbered(trace: Column, traces: Column | int) -> Column:
    return np.full(len(trace), traces, np.int64) if isinstance(traces, int) else traces[trace]
