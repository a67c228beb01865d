"""What was promised, held against what was measured in one run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.bench.answering import FACETS, LIST, PAGE, STATS
from tests.bench.figures import Figures, Latencies
from tests.bench.living import Living
from tests.bench.reading import JQ, LIVE, PLAIN, SQLITE, ColdStart

BURDEN_MIB = 512


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

    def row(self, on: datetime) -> str:
        sign = "≥" if self.is_floor else "≤"
        verdict = "met" if self.is_met else f"**missed** by {abs(self.measured / self.limit - 1):.0%}"
        figures = f"{sign} {self.limit:g} {self.unit} | {self.measured:.3g} {self.unit}"
        return f"| {self.what} | {figures} | {verdict} | {on:%Y-%m-%d} |"


def goals(figures: Figures) -> list[Goal]:
    """Of the groups that were measured."""
    found: list[Goal] = []
    if figures.cold is not None:
        found += _cold(figures, figures.cold)
    if figures.seconds:
        ratio = figures.seconds[PLAIN] / figures.seconds[LIVE]
        found.append(Goal("live path, one thread, beside `orjson.loads`", 1.0, ratio, "x", True))
    if figures.million:
        found += _answers(figures.million, figures.ten_million)
    if figures.living is not None:
        found += _living(figures.living)
    if figures.journey is not None:
        found.append(Goal("page of a user with 10,000 traces: p95", 300, 1e3 * figures.journey.p95_s, "ms"))
    if figures.examining is not None:
        found.append(Goal("all rules over 20,000 traces, one core", 3, figures.examining.core_s, "s"))
    if figures.commanding is not None:
        found.append(
            Goal("`errors --count` beside its recipe", 5, figures.commanding.slowest("count errors"), "x", True)
        )
        searched = figures.commanding.slowest("search for a lesson")
        found.append(Goal("`search --lesson` beside its recipe", 5, searched, "x", True))
        searched = figures.commanding.slowest("search for an operation")
        found.append(Goal("`search --operation`, all matches as JSON, beside its recipe", 5, searched, "x", True))
        found.append(Goal("`trace` in a folder of 1 GB", 2, figures.commanding.trace_s, "s"))
    if figures.received is not None:
        received = figures.received
        kept = 100 * min(received.in_file, received.in_index) / received.sent
        found.append(Goal("receiving 20,000 spans/s for 30 s: in the file and in the index", 100, kept, "%", True))
        found.append(Goal("the same: spans a second", 20_000 * 0.99, received.spans_per_s, "spans/s", True))
        found.append(Goal("the same: answer p99", 200, 1e3 * received.answer_p99_s, "ms"))
    if figures.burden is not None:
        share = 100 * figures.burden["peak_bytes"] / figures.burden["budget_bytes"]
        found.append(Goal("10 M one-line traces: most ever resident, of the budget", 110, share, "%"))
    return found


def _cold(figures: Figures, cold: ColdStart) -> Iterator[Goal]:
    yield Goal("cold start to `/readyz`, beside one-thread `orjson.loads`", 2.0, cold.plain_s / cold.ready_s, "x", True)
    ready_bytes_per_s = figures.corpus.size_bytes / cold.ready_s
    for what, side, least in (("the `jq` error count", JQ, 10), ("loading SQLite", SQLITE, 3)):
        if side in figures.seconds:
            ratio = ready_bytes_per_s / (figures.corpus.file_bytes / figures.seconds[side])
            yield Goal(f"the same beside {what}", least, ratio, "x", True)
    grown_bytes = cold.resident_bytes - cold.empty_bytes
    yield Goal("resident memory per span, complete original included", 128, grown_bytes / cold.spans, "bytes")
    yield Goal("first useful page with the whole backlog unread", 1, cold.first_page_s, "s")


def _answers(million: Latencies, ten_million: Latencies) -> Iterator[Goal]:
    asked = "any filter or pair"
    yield Goal(f"list of 50, {asked}, 1 M spans, API: p95", 20, worst_ms(million, LIST), "ms")
    yield Goal("the same as HTML fragment, figures and facets included: p95", 35, worst_ms(million, PAGE), "ms")
    yield Goal("the same, 10 M spans, API: p95", 60, worst_ms(ten_million, LIST), "ms")
    yield Goal("the same, 10 M spans, HTML: p95", 105, worst_ms(ten_million, PAGE), "ms")
    yield Goal(f"stats + histogram, {asked}, 1 M spans: p95", 40, worst_ms(million, STATS), "ms")
    yield Goal(f"facets, {asked}, 1 M spans: p95", 40, worst_ms(million, FACETS), "ms")


def _living(living: Living) -> Iterator[Goal]:
    yield Goal("write to answer at 5,000 spans/s: p50", 30, 1e3 * living.answer_p50_s, "ms")
    yield Goal("write to answer at 5,000 spans/s: p99", 100, 1e3 * living.answer_p99_s, "ms")
    yield Goal("50 open pages, nothing new", 2, 100 * living.quiet_cores, "% of a core")
    yield Goal("50 open pages, 5,000 spans/s", 40, 100 * living.busy_cores, "% of a core")
    yield Goal("page weight, first visit, compressed", 60, living.first_visit_bytes / 1e3, "kB")


def worst_ms(latencies: Latencies, kind: str) -> float:
    """The p95 of the question that takes longest."""
    return 1e3 * max(kinds[kind].p95_s for kinds in latencies.values())
