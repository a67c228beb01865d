"""The benchmark itself: its document shows goals, both sides and their ratio, and a small run comes to its end."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.answering import FACETS, LIST, PAGE, STATS, latencies, packed, questions, store_of
from tests.bench.bench import ROOT, main
from tests.bench.corpus import write_corpus
from tests.bench.figures import Corpus, Figures
from tests.bench.goals import Goal, goals
from tests.bench.living import Living
from tests.bench.measure import Latency, Machine
from tests.bench.reading import JQ, LIVE, PLAIN, SQLITE, ColdStart, one_thread
from tests.bench.report import report

MACHINE = Machine("A processor", 2, 4.0, "3.11.2", (("orjson", "3.13.0"),))
MB = 10**6
DAY = datetime(2026, 11, 23, tzinfo=UTC)


def figures() -> Figures:
    answers = {
        "no filter": dict.fromkeys((LIST, PAGE, STATS, FACETS), Latency(0.002, 0.0045)),
        "user and lesson": dict.fromkeys((LIST, PAGE, STATS, FACETS), Latency(0.003, 0.0305)),
    }
    return Figures(
        machine=MACHINE,
        corpus=Corpus(spans=2_000_000, files=12, size_bytes=1_200 * MB, file_bytes=100 * MB),
        rounds=3,
        load_average=0.4,
        seconds={PLAIN: 0.5, LIVE: 0.4, SQLITE: 2.0, JQ: 2.5},
        cold=ColdStart(0.8, 3.0, 6.0, 50 * MB, 290 * MB, 210 * MB, 2_000_000),
        million=answers,
        ten_million=answers,
        living=Living(0.012, 0.05, 0.011, 0.3, 0.1, 45_000),
    )


def test_a_goal_is_met_or_missed_by_so_much() -> None:
    verdicts = {goal.what: (round(goal.measured, 2), goal.is_met) for goal in goals(figures())}
    assert verdicts["cold start to `/readyz`, beside one-thread `orjson.loads`"] == (2.0, True)
    assert verdicts["the same beside the `jq` error count"] == (10.0, True)
    assert verdicts["the same beside loading SQLite"] == (8.0, True)
    assert verdicts["live path, one thread, beside `orjson.loads`"] == (1.25, True)
    assert verdicts["resident memory per span, complete original included"] == (120.0, True)
    assert verdicts["list of 50, any filter or pair, 1 M spans, API: p95"] == (30.5, False)
    assert (
        Goal("floor", 2.0, 1.5, "x", is_floor=True).row(DAY)
        == "| floor | ≥ 2 x | 1.5 x | **missed** by 25% | 2026-11-23 |"
    )


def test_the_document_shows_both_sides_and_their_ratio() -> None:
    taken = figures()
    text = report(taken, DAY)
    assert f"| {PLAIN} | 200 | 1.00 |" in text
    assert f"| {LIVE} | 250 | 1.25 |" in text
    assert "| `/readyz`: everything indexed | 3.00 | 400 |" in text
    assert "| user and lesson | 3.0 / 30.5 | 3.0 / 30.5 | 3.0 / 30.5 | 3.0 / 30.5 |" in text
    assert all(fact in text for fact in ("A processor, 2 cores, 4 GiB; Python 3.11.2", "orjson 3.13.0", "2026-11-23"))


def test_reading_and_answering_are_measured_on_a_small_corpus(tmp_path: Path) -> None:
    paths, spans = write_corpus(tmp_path, 9_000, file_bytes=3 * MB)
    seconds = one_thread(paths[-1], rounds=1)
    assert {PLAIN, LIVE, SQLITE} <= seconds.keys()
    assert all(taken > 0 for taken in seconds.values())
    segments = packed(paths, spans)
    store = store_of(segments, copies=3)
    assert store.health().spans == 3 * sum(segment.spans.size for segment in segments)
    assert len(questions(store, 10**18)) == 46
    taken = latencies(store, asked_times=1)
    assert len(taken) == 46
    assert all(one.p50_s > 0 for kinds in taken.values() for one in kinds.values())


def test_a_group_that_was_left_out_has_no_goals_and_no_chapter() -> None:
    only = Figures(MACHINE, figures().corpus, 1, 0.1, living=figures().living)
    assert next(goal.what for goal in goals(only)).startswith("write to answer")
    text = report(only, DAY)
    assert "## While files grow" in text
    assert "## Cold start" not in text
    assert "## Reading" not in text
    assert "## Answers" not in text


def test_the_rows_of_journeys_and_burdens_say_when_they_were_measured() -> None:
    burden = {"budget_bytes": 512 * MB, "base_bytes": 40 * MB, "peak_bytes": 520 * MB, "counted_bytes": 450 * MB}
    burden |= {"spans": 900_000, "evicted_spans": 9_100_000}
    only = Figures(MACHINE, Corpus(0, 0, 0, 0), 1, 0.1, journey=Latency(0.1, 0.2), burden=burden)
    text = report(only, DAY)
    assert "| page of a user with 10,000 traces: p95 | ≤ 300 ms | 200 ms | met | 2026-11-23 |" in text
    assert "## The journey of a busy user\n\nMeasured on 2026-11-23: A processor" in text
    assert "| lines read | 10,000,000 |" in text
    assert "| most ever resident | 520 MB, 102% of the budget |" in text


def test_one_group_is_written_beside_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "benchmarks.md"
    out.write_text("# Benchmarks\n\n## Cold start\n\nMeasured on 2026-11-01.\n", encoding="utf-8")
    main(["reading", "--spans", "2000", "--rounds", "1", "--out", str(out)])
    capsys.readouterr()
    text = out.read_text(encoding="utf-8")
    assert "## Cold start\n\nMeasured on 2026-11-01." in text
    assert text.index("| live path, one thread") < text.index("## Cold start") < text.index("## Reading one file")


def test_the_footprint_counts_every_span_of_the_files(tmp_path: Path) -> None:
    paths, spans = write_corpus(tmp_path, 5_000)
    command = [sys.executable, "-m", "tests.bench.footprint", *map(str, paths)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    counted, read_bytes, _, after_bytes, store_bytes = map(int, printed.split())
    assert counted == spans
    assert read_bytes == sum(path.stat().st_size for path in paths)
    assert 0 < store_bytes < after_bytes
