"""All goals in one run, about three minutes on two cores; writes ``docs/benchmarks.md``.

python -m tests.bench [--spans 2000000] [--rounds 3] [--out docs/benchmarks.md]
"""

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.answering import latencies, packed, store_of
from tests.bench.corpus import write_corpus
from tests.bench.goals import goals
from tests.bench.living import live
from tests.bench.measure import this_machine
from tests.bench.opening import openings
from tests.bench.reading import cold_starts, one_thread
from tests.bench.report import Corpus, Figures, report

ROOT = Path(__file__).parents[2]
PACKAGES = ("orjson", "msgspec", "numpy", "zstandard", "xxhash", "Flask", "waitress")
MILLION = 1_000_000
PEERS_HEADING = "## Peers"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("--spans", type=int, default=2 * MILLION)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder:
        figures = measure(Path(folder), chosen.spans, chosen.rounds)
    held = goals(
        figures.seconds,
        figures.corpus.file_bytes,
        figures.corpus.size_bytes,
        figures.cold,
        figures.million,
        figures.ten_million,
        figures.living,
    )
    text = report(figures, held, datetime.now(UTC))
    before = chosen.out.read_text(encoding="utf-8") if chosen.out.exists() else ""
    _, heading, peers = before.partition(PEERS_HEADING)  # another run's: make bench-peers
    chosen.out.write_text(text + ("\n" if heading else "") + heading + peers, encoding="utf-8")
    print(text)


def measure(folder: Path, span_count: int, rounds: int) -> Figures:
    load_average = os.getloadavg()[0]
    paths, spans = write_corpus(folder / "corpus", span_count)
    size_bytes = sum(path.stat().st_size for path in paths)
    corpus = Corpus(spans, len(paths), size_bytes, paths[-1].stat().st_size)
    cold = cold_starts(paths, rounds)
    seconds = one_thread(paths[-1], rounds)
    living = live(folder / "live")
    segments = packed(reversed(paths), min(MILLION, spans // 2))
    million = latencies(store_of(segments))
    ten_million = latencies(store_of(segments, copies=10))
    return Figures(
        this_machine(PACKAGES),
        corpus,
        rounds,
        load_average,
        seconds,
        cold,
        million,
        ten_million,
        living,
        openings(rounds),
    )


if __name__ == "__main__":
    main()
