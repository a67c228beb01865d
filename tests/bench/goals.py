"""What was promised, held against what was measured in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.living import Living
from tests.bench.measure import Latency
from tests.bench.reading import JQ, LIVE, PLAIN, SQLITE, ColdStart

Latencies = dict[str, dict[str, Latency]]


@dataclass(frozen=True, slots=True)
class Goal:
    """``limit`` is the least value allowed if ``is_floor``, else the most."""

    what: str
    limit: float
    measured: float
    unit: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.limit if self.is_floor else self.measured <= self.limit

    def row(self) -> str:
        sign = "≥" if self.is_floor else "≤"
        verdict = "met" if self.is_met else f"**missed** by {abs(self.measured / self.limit - 1):.0%}"
        return f"| {self.what} | {sign} {self.limit:g} {self.unit} | {self.measured:.3g} {self.unit} | {verdict} |"


def goals(
    seconds: dict[str, float],
    file_bytes: int,
    corpus_bytes: int,
    cold: ColdStart,
    million: Latencies,
    ten_million: Latencies,
    living: Living,
) -> Sequence[Goal]:
    """``seconds`` are over a file of ``file_bytes``; ``million`` and ``ten_million`` are answers from that many spans."""
    ready_bytes_per_s = corpus_bytes / cold.ready_s
    held = [
        Goal("cold start to `/readyz`, beside one-thread `orjson.loads`", 2.0, cold.plain_s / cold.ready_s, "x", True),
        Goal("the same beside loading SQLite", 3, ready_bytes_per_s / (file_bytes / seconds[SQLITE]), "x", True),
        Goal("live path, one thread, beside `orjson.loads`", 1.0, seconds[PLAIN] / seconds[LIVE], "x", True),
        Goal(
            "resident memory per span, complete original included",
            128,
            (cold.resident_bytes - cold.empty_bytes) / cold.spans,
            "bytes",
        ),
        Goal("resident memory beside what is counted", 1.1, _excess(cold), "x"),
        Goal("list of 50, any filter or pair, 1 M spans, API: p95", 20, 1e3 * worst(million, "list (API)"), "ms"),
        Goal("the same as HTML fragment: p95", 35, 1e3 * worst(million, "list (HTML)"), "ms"),
        Goal("the same, 10 M spans, API: p95", 60, 1e3 * worst(ten_million, "list (API)"), "ms"),
        Goal("the same, 10 M spans, HTML: p95", 105, 1e3 * worst(ten_million, "list (HTML)"), "ms"),
        Goal(
            "stats + histogram, any filter or pair, 1 M spans: p95", 40, 1e3 * worst(million, "stats + histogram"), "ms"
        ),
        Goal("first useful page with the whole backlog unread", 1, cold.first_page_s, "s"),
        Goal("write to answer at 5,000 spans/s: p50", 30, 1e3 * living.answer_p50_s, "ms"),
        Goal("write to answer at 5,000 spans/s: p99", 100, 1e3 * living.answer_p99_s, "ms"),
        Goal("50 open pages, nothing new", 2, 100 * living.quiet_cores, "% of a core"),
        Goal("50 open pages, 5,000 spans/s", 40, 100 * living.busy_cores, "% of a core"),
        Goal("page weight, first visit, compressed", 60, living.first_visit_bytes / 1e3, "kB"),
    ]
    if JQ in seconds:
        ratio = ready_bytes_per_s / (file_bytes / seconds[JQ])
        held.insert(1, Goal("the same beside the `jq` error count", 10, ratio, "x", True))
    return held


def worst(latencies: Latencies, kind: str) -> float:
    """The p95 in seconds of the question that takes longest."""
    return max(kinds[kind].p95_s for kinds in latencies.values())


def _excess(cold: ColdStart) -> float:
    return (cold.resident_bytes - cold.empty_bytes) / cold.counted_bytes
