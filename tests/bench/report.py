"""``docs/benchmarks.md``: machine, versions, goals, and both sides of every comparison. Each chapter says when and where it
was measured: ``document.merged`` may put it among older ones."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tests.bench.answering import ASKED_OF_MILLION, ASKED_OF_TEN_MILLION, LIST
from tests.bench.commanding import commanding_report
from tests.bench.diagnosis import examining_report
from tests.bench.figures import Figures, Latencies
from tests.bench.goals import BURDEN_MIB, goals
from tests.bench.journeying import journey_report
from tests.bench.living import PAGES, SPANS_PER_S, Living
from tests.bench.opening import opening_report
from tests.bench.reading import PLAIN, ColdStart
from tests.bench.receiving import receiving_report

SHOWN_PAIRS = 8  # the slowest; all are in the goals


def report(figures: Figures, now: datetime) -> str:
    machine = figures.machine
    text = [
        "# Benchmarks",
        "",
        f"Written by `make bench`, last on {now:%Y-%m-%d}. Absolute figures belong to the machine; the ratios are what to "
        "compare. `make bench ARGS=living` measures one group and leaves the other groups' figures as they are: each goal and "
        "each chapter says when it was measured.",
        "",
        f"* Machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB; Python {machine.python}",
        f"* Versions: {', '.join(f'{name} {number}' for name, number in machine.packages)}",
        "* Corpus: `tests/data/corpus.tar.zst`, copied with new ids and shifted times by `tests/bench/corpus.py`",
        f"* Method: sides take turns, medians of {figures.rounds} rounds; files in the page cache",
        "",
        "## Goals",
        "",
        "| what | goal | measured | | on |",
        "|---|---:|---:|---|---|",
        *(goal.row(now) for goal in goals(figures)),
        "",
    ]
    for chapter in _chapters(figures):
        text += [*chapter[:2], _measured(figures, now), "", *chapter[2:]]
    return "\n".join(text)


def _chapters(figures: Figures) -> Iterator[Sequence[str]]:
    """Lines of each: its heading, an empty one, the rest."""
    if figures.seconds:
        yield _reading(figures)
    if figures.cold is not None:
        yield _cold_start(figures, figures.cold)
    if figures.million:
        yield _latencies("Answers from 1 M spans", figures.million, ASKED_OF_MILLION)
        yield _latencies("Answers from 10 M spans", figures.ten_million, ASKED_OF_TEN_MILLION)
    if figures.living is not None:
        yield _living(figures.living)
    if figures.openings:
        yield opening_report(figures.openings)
    if figures.journey is not None:
        yield journey_report(figures.journey)
    if figures.examining is not None:
        yield examining_report(figures.examining)
    if figures.commanding is not None:
        yield commanding_report(figures.commanding)
    if figures.received is not None:
        yield receiving_report(figures.received)
    if figures.burden is not None:
        yield _burden(figures.burden)


def _measured(figures: Figures, now: datetime) -> str:
    machine = figures.machine
    return (
        f"Measured on {now:%Y-%m-%d}: {machine.processor}, {machine.cores} cores, Python {machine.python}, load average "
        f"before {figures.load_average:.1f}."
    )


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
        f"{figures.corpus.spans:,} spans in {figures.corpus.files} files, {megabytes:,.0f} MB. Seconds are from the start of "
        "the process; workers read rotated files, the server follows the live one.",
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


def _burden(took: Mapping[str, float]) -> list[str]:
    share = took["peak_bytes"] / took["budget_bytes"]
    return [
        "## Ten million one-line traces",
        "",
        f"A trace, a user's request and an address of its own on every line, into a budget of {BURDEN_MIB} MiB "
        "(`make bench ARGS=burden`; too long for the default run).",
        "",
        "| what | figure |",
        "|---|---:|",
        f"| lines read | {took['spans'] + took['evicted_spans']:,.0f} |",
        f"| traces held at the end | {took['spans']:,.0f} |",
        f"| resident before the first line | {took['base_bytes'] / 1e6:.0f} MB |",
        f"| most ever resident | {took['peak_bytes'] / 1e6:.0f} MB, {share:.0%} of the budget |",
        f"| counted against the budget at the end | {took['counted_bytes'] / 1e6:.0f} MB |",
        "",
    ]
