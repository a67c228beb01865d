"""``docs/benchmarks.md``: machine, versions, goals, and both sides of every comparison."""

from datetime import datetime

from tests.bench.answering import ASKED_OF_MILLION, ASKED_OF_TEN_MILLION, LIST
from tests.bench.figures import Figures, Latencies
from tests.bench.goals import goals
from tests.bench.living import PAGES, SPANS_PER_S, Living
from tests.bench.opening import opening_report
from tests.bench.reading import PLAIN, ColdStart

SHOWN_PAIRS = 8  # the slowest; all are in the goals


def report(figures: Figures, now: datetime) -> str:
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
        *(goal.row() for goal in goals(figures)),
        "",
    ]
    if figures.seconds:
        text += _reading(figures)
    if figures.cold is not None:
        text += _cold_start(figures, figures.cold)
    if figures.million:
        text += _latencies("Answers from 1 M spans", figures.million, ASKED_OF_MILLION)
        text += _latencies("Answers from 10 M spans", figures.ten_million, ASKED_OF_TEN_MILLION)
    if figures.living is not None:
        text += _living(figures.living)
    if figures.openings:
        text += opening_report(figures.openings)
    return "\n".join(text)


def _reading(figures: Figures) -> list[str]:
    megabytes = figures.corpus.file_bytes / 1e6
    return [
        "## Reading one file with one thread",
        "",
        f"The {megabytes:,.0f} MB of one rotated file, in memory before the clock starts.",
        "",
        "| what | MB/s | ratio to plain `orjson.loads` |",
        "|---|---:|---:|",
        *(
            f"| {name} | {megabytes / seconds:.0f} | {figures.seconds[PLAIN] / seconds:.2f} |"
            for name, seconds in figures.seconds.items()
        ),
        "",
    ]


def _cold_start(figures: Figures, cold: ColdStart) -> list[str]:
    megabytes = figures.corpus.size_bytes / 1e6
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
        f"{grown_bytes / cold.spans:.0f} bytes a span; {cold.counted_bytes / cold.spans:.0f} are counted against the budget, "
        f"which is held against both figures.",
        "",
    ]


def _latencies(title: str, latencies: Latencies, asked_times: int) -> list[str]:
    singles = [name for name in latencies if " and " not in name]
    pairs = [name for name in latencies if " and " in name]
    pairs.sort(key=lambda name: -latencies[name][LIST].p95_s)
    kinds = list(next(iter(latencies.values())))
    return [
        f"## {title}",
        "",
        f"p50 and p95 in ms of {asked_times} times each: of the store for figures and facets, through the whole application "
        f"for lists and pages (a page fragment holds list, figures, histogram and facets, and is made anew each time); of "
        f"{len(pairs)} pairs of filters the {min(SHOWN_PAIRS, len(pairs))} slowest.",
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
        f"{SPANS_PER_S:,} spans a second of real lines are written; {PAGES} open pages with five different filters poll "
        "once a second.",
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
