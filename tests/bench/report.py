"""``docs/benchmarks.md``: machine, versions, goals, and both sides of every comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.bench.goals import Goal, Latencies
from tests.bench.living import PAGES, SPANS_PER_S, Living
from tests.bench.measure import Machine
from tests.bench.opening import Opening, opening_report
from tests.bench.reading import PLAIN, ColdStart

SHOWN_PAIRS = 8  # the slowest; all are in the goals


@dataclass(frozen=True, slots=True)
class Corpus:
    spans: int
    files: int
    size_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``load_average`` is that of the minute before: other work on the machine makes absolute figures worse."""

    machine: Machine
    corpus: Corpus
    rounds: int
    load_average: float
    seconds: dict[str, float]
    cold: ColdStart
    million: Latencies
    ten_million: Latencies
    living: Living
    openings: Sequence[Opening] = ()


def report(figures: Figures, goals: Sequence[Goal], now: datetime) -> str:
    machine, corpus = figures.machine, figures.corpus
    text = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {now:%Y-%m-%d}. Absolute figures belong to the machine; the ratios are what to compare.",
        "",
        f"* Machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB; Python {machine.python}; "
        f"load average before the run {figures.load_average:.1f}",
        f"* Versions: {', '.join(f'{name} {number}' for name, number in machine.packages)}",
        f"* Corpus: {corpus.spans:,} spans in {corpus.files} files, {corpus.size_bytes / 1e6:,.0f} MB "
        f"({corpus.size_bytes / corpus.spans:.0f} bytes a span): `tests/data/corpus.tar.zst`, copied with new ids and "
        "shifted times by `tests/bench/corpus.py`",
        f"* Method: everything in one run; sides take turns, medians of {figures.rounds} rounds; files in the page cache",
        "",
        "## Goals",
        "",
        "| what | goal | measured | |",
        "|---|---:|---:|---|",
        *(goal.row() for goal in goals),
        "",
        "## Reading one file with one thread",
        "",
        f"The {corpus.file_bytes / 1e6:,.0f} MB of one rotated file, in memory before the clock starts.",
        "",
        "| what | MB/s | ratio to plain `orjson.loads` |",
        "|---|---:|---:|",
        *(
            f"| {name} | {corpus.file_bytes / 1e6 / seconds:.0f} | {figures.seconds[PLAIN] / seconds:.2f} |"
            for name, seconds in figures.seconds.items()
        ),
        "",
        *_cold_start(figures),
        *_latencies("Answers from 1 M spans", figures.million),
        *_latencies("Answers from 10 M spans", figures.ten_million),
        *_living(figures.living),
        *opening_report(figures.openings),
    ]
    return "\n".join(text)


def _cold_start(figures: Figures) -> list[str]:
    cold, megabytes = figures.cold, figures.corpus.size_bytes / 1e6
    grown_bytes = cold.resident_bytes - cold.empty_bytes
    return [
        "## Cold start",
        "",
        "From the start of the process; workers read rotated files, the server follows the live one.",
        "",
        "| what | seconds | MB/s |",
        "|---|---:|---:|",
        f"| one thread, `orjson.loads` of every line, nothing kept | {cold.plain_s:.2f} | {megabytes / cold.plain_s:.0f} |",
        f"| first page of 50 traces | {cold.first_page_s:.2f} | |",
        f"| `/readyz`: everything indexed | {cold.ready_s:.2f} | {megabytes / cold.ready_s:.0f} |",
        "",
        f"Resident then: {cold.resident_bytes / 1e6:.0f} MB, of which {cold.empty_bytes / 1e6:.0f} MB before the first line: "
        f"{grown_bytes / cold.spans:.0f} bytes a span; {cold.counted_bytes / cold.spans:.0f} are counted against the budget.",
        "",
    ]


def _latencies(title: str, latencies: Latencies) -> list[str]:
    singles = [name for name in latencies if " and " not in name]
    pairs = [name for name in latencies if " and " in name]
    pairs.sort(key=lambda name: -latencies[name]["list (API)"].p95_s)
    kinds = list(next(iter(latencies.values())))
    return [
        f"## {title}",
        "",
        f"p50 and p95 in ms, of the store for stats, through the whole application for lists; of {len(pairs)} pairs of "
        f"filters the {min(SHOWN_PAIRS, len(pairs))} slowest.",
        "",
        f"| filter | {' | '.join(kinds)} |",
        f"|---|{'---:|' * len(kinds)}",
        *(
            f"| {name} | {' | '.join(f'{one.p50_s * 1e3:.1f} / {one.p95_s * 1e3:.1f}' for one in latencies[name].values())} |"
            for name in [*singles, *pairs[:SHOWN_PAIRS]]
        ),
        "",
    ]


def _living(living: Living) -> list[str]:
    return [
        "## While files grow",
        "",
        f"{SPANS_PER_S:,} spans a second of real lines are written; {PAGES} open pages poll once a second.",
        "",
        "| what | figure |",
        "|---|---:|",
        f"| write of a span to the answer that holds it, p50 | {living.answer_p50_s * 1e3:.1f} ms |",
        f"| the same, p99 | {living.answer_p99_s * 1e3:.1f} ms |",
        f"| the server, nothing new, {PAGES} pages | {living.quiet_cores:.1%} of a core |",
        f"| the server, {SPANS_PER_S:,} spans/s, no page | {living.unwatched_cores:.1%} of a core |",
        f"| the server, {SPANS_PER_S:,} spans/s, {PAGES} pages | {living.busy_cores:.1%} of a core |",
        f"| first visit, compressed | {living.first_visit_bytes / 1e3:.1f} kB |",
        "",
    ]
