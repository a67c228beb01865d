"""The same facts twice: as the platform's metrics counted them, and as events in its traces. A difference is loss.

Both sides are written in the same place of the platform's code, so they agree to the last one unless lines, batches or whole
processes' exports are missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from diamond_viewer.diagnosis import vocabulary as says
from diamond_viewer.telemetry.metrics import Increment

EDGE_NS = 1_000_000_000  # an event is written a moment before or after the counter that an export cuts off
NOISE_COUNT = 2  # what may lie on the other side of an export at each end
MAX_INTERVALS = 48

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fact:
    """``metric`` counts what happens as the events ``counted``, less those of ``refused``. ``noun`` is plural."""

    metric: str
    counted: str
    refused: str
    noun: str


FACTS = (
    Fact("video.load_time_ms", says.LOADED, "", "video loads"),
    Fact("video.resume_time_ms", says.RESUME_ATTEMPT, "", "resumes"),
    Fact("video.buffering_events_total", says.BUFFERING, "", "stalls"),
    Fact("video.resume_failures_total", says.RESUME_MISMATCH, "", "wrong resumes"),
    Fact("progress.save_time_ms", says.PROGRESS_RECEIVED, says.PROGRESS_REFUSED, "saves"),
    Fact("progress.updates_total", says.PROGRESS_RECEIVED, says.PROGRESS_REFUSED, "updates"),
)
FACT_BY_METRIC = {fact.metric: fact for fact in FACTS}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``service`` is empty where metrics and traces name different ones. ``lost`` is "" | "traces" | "metrics"; ``worst`` the
    stretch with the largest difference. ``traced`` is None when the traces have no such event to count in this service."""

    fact: Fact
    service: str
    measured: int
    traced: int | None
    lost: str = ""
    worst: Interval | None = None

    @property
    def missing(self) -> int:
        return abs(self.measured - (self.traced or 0))

    @property
    def share_percent(self) -> float:
        """Of the larger side, what the other lacks."""
        return 100 * self.missing / (max(self.measured, self.traced or 0) or 1)


def noise(count: int) -> float:
    """How far the two may lie apart without anything being lost: what exports cut off, and the scatter of a count.

    >>> [noise(count) for count in (0, 4, 100)]
    [2.0, 4.0, 12.0]
    """
    return NOISE_COUNT + sqrt(count)


def intervals_of(increments: Sequence[Increment]) -> tuple[Interval, ...]:
    """The stretches that exports covered, cut at the exports: ascending, none overlaps another, at most ``MAX_INTERVALS``.

    >>> made = [Increment(a * 10**9, b * 10**9, 1, 0, 0, 0, None, 0) for a, b in ((10, 20), (12, 20), (20, 30), (50, 60))]
    >>> [(after / 10**9, until / 10**9) for after, until in intervals_of(made)]
    [(9.0, 20.0), (20.0, 31.0), (49.0, 61.0)]
    """
    covered: list[list[int]] = []
    for start_ns, end_ns in sorted((increment.start_ns, increment.end_ns) for increment in increments):
        if covered and start_ns <= covered[-1][1] + 2 * EDGE_NS:
            covered[-1][1] = max(covered[-1][1], end_ns)
        else:
            covered.append([start_ns, end_ns])
    ends = sorted({increment.end_ns for increment in increments})
    ends = ends[:: max(1, len(ends) // MAX_INTERVALS)]
    found: list[Interval] = []
    for start_ns, end_ns in covered:
        inner = [end for end in ends if start_ns < end < end_ns - EDGE_NS]
        found += pairwise([max(0, start_ns - EDGE_NS), *inner, end_ns + EDGE_NS])
    return tuple(found)


def measured_in(increments: Sequence[Increment], intervals: Sequence[Interval]) -> list[float]:
    """Amounts by the interval in which their export ended."""
    amounts = [0.0] * len(intervals)
    for increment in increments:
        at = next((at for at, (after, until) in enumerate(intervals) if after < increment.end_ns <= until), None)
        if at is not None:
            amounts[at] += increment.amount
    return amounts


def compared(
    fact: Fact,
    measured: Mapping[str, Sequence[float]],
    traced: Mapping[str, Sequence[int]],
    intervals: Mapping[str, Sequence[Interval]],
) -> tuple[Comparison, ...]:
    """Service by service; ``measured`` and ``intervals`` by the metric's service, ``traced`` the same intervals of the same
    service. A service whose traces never have the event counts it somewhere else: nothing is said against it, unless no service
    has it.
    """
    has_event = {service for service, counts in traced.items() if any(counts)}
    found = []
    for service, amounts in sorted(measured.items()):
        total = round(sum(amounts))
        if service not in has_event and has_event:
            found.append(Comparison(fact, service, total, None))
            continue
        counts = traced.get(service, [0] * len(amounts))
        differences = [count - amount for count, amount in zip(counts, amounts, strict=True)]
        missing = sum(differences)
        if abs(missing) <= noise(max(total, sum(counts))):
            found.append(Comparison(fact, service, total, sum(counts)))
            continue
        sign = 1 if missing > 0 else -1
        worst = max(range(len(differences)), key=lambda at: sign * differences[at])
        lost = "metrics" if missing > 0 else "traces"
        found.append(Comparison(fact, service, total, sum(counts), lost, intervals[service][worst]))
    return tuple(found)


def looks_sampled(comparisons: Sequence[Comparison]) -> float | None:
    """The share of what was measured that is in the traces, in percent, when it is about the same everywhere: then somebody may
    be sampling on purpose. None when it is not, or when nothing lacks.

    >>> made = [Comparison(FACTS[0], "web", 100, 48, "traces"), Comparison(FACTS[2], "web", 200, 104, "traces")]
    >>> looks_sampled(made), looks_sampled(made[:1])
    (50.7, None)
    """
    shares = [(c.traced or 0) / c.measured for c in comparisons if c.lost == "traces" and c.measured]
    told = [c for c in comparisons if c.traced is not None and c.measured >= 20]
    if len(shares) < 2 or len(told) != len(shares) or max(shares) - min(shares) > 0.1 or not min(shares):
        return None
    kept = sum(c.traced or 0 for c in told) / sum(c.measured for c in told)
    return round(100 * kept, 1)
