"""The benchmark itself: its document shows both sides, and its memory is measured in a process of its own."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.bench import INDEX, PLAIN, ROOT, Corpus, Figures, Footprint, report
from tests.bench.corpus import write_corpus
from tests.bench.measure import Latency, Machine

MACHINE = Machine("A processor", 2, 4.0, "3.11.2", (("orjson", "3.13.0"),))


def test_the_document_shows_both_sides_and_their_ratio() -> None:
    figures = Figures(
        machine=MACHINE,
        corpus=Corpus(spans=1_000_000, lines=1_000, files=6, size_bytes=625_000_000),
        rounds=5,
        seconds={PLAIN: 4.0, INDEX: 2.5},
        footprint=Footprint(1_000_000, 625_000_000, grown_bytes=110_000_000, store_bytes=100_000_000),
        asked={"newest 50": Latency(0.002, 0.0045)},
        requested={"page: newest 50": Latency(0.02, 0.04)},
    )
    text = report(figures, datetime(2026, 11, 23, tzinfo=UTC))
    assert f"| {PLAIN} | 156 | 250,000 | 1.00 |" in text
    assert f"| {INDEX} | 250 | 400,000 | 1.60 |" in text
    assert "| the process grew by (RSS, a process of its own) | 110 | 17.6% |" in text
    assert "| newest 50 | 2.00 | 4.50 | 2,000 times as long |" in text
    assert "| page: newest 50 | 20.00 | 40.00 | 200 times as long |" in text
    assert all(fact in text for fact in ("A processor, 2 cores, 4 GiB; Python 3.11.2", "orjson 3.13.0", "2026-11-23"))


def test_the_footprint_counts_every_span_of_the_files(tmp_path: Path) -> None:
    paths, spans = write_corpus(tmp_path, 5_000)
    command = [sys.executable, "-m", "tests.bench.footprint", *map(str, paths)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    counted, read_bytes, _, after_bytes, store_bytes = map(int, printed.split())
    assert counted == spans
    assert read_bytes == sum(path.stat().st_size for path in paths)
    assert 0 < store_bytes < after_bytes
