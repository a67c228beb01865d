"""What was counted since the viewer started, each span once when it came in: totals that never go down.

Frozen values, as all of ``model``. ``docs/decisions/0012-counted-when-it-comes.md`` says what is counted when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from diamond_viewer.telemetry.tallies import OperationKey

BOUNDS_S = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)  # the usual ones; 0.1 and 1 are the rules'
BUCKETS = len(BOUNDS_S) + 1  # the last has no upper bound
OTHER = "other"  # stands for the operations, and for the services, beyond those that are told apart

BACKLOG, LIVE = PHASES = ("backlog", "live")
UNAUTHORIZED_EVIDENCE = "http.401"


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A request as an example: its trace, how long it took, and when it ended (ns since 1970)."""

    trace_id: str
    duration_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests, jobs or other roots of one operation. ``buckets`` are by duration, each without the ones before it;
    ``exemplars`` has the latest of each that has one, ``error_exemplar`` the latest that failed."""

    phase: str
    key: OperationKey
    buckets: tuple[int, ...]
    error_count: int
    total_ns: int
    exemplars: tuple[Exemplar | None, ...]
    error_exemplar: Exemplar | None = None

    @property
    def count(self) -> int:
        return sum(self.buckets)


@dataclass(frozen=True, slots=True)
class Counts:
    """``spans`` by phase. ``occurrences``: by phase, name of an event (or ``UNAUTHORIZED_EVIDENCE``) and service.
    ``findings``: by phase and rule, traces in which the rule found something. ``folded_operations``: how many have no figures
    of their own; at ``folded_limit`` there may be more."""

    spans: Mapping[str, int] = field(default_factory=dict)
    requests: tuple[RequestCounts, ...] = ()
    occurrences: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    findings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    folded_operations: int = 0
    folded_limit: int = 0
