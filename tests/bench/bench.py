"""All goals in one run, about six minutes on two cores; writes ``docs/benchmarks.md``.

    python -m tests.bench [GROUP ...] [--spans 2000000] [--rounds 2] [--out docs/benchmarks.md]

With groups (``--help`` lists them) only those are measured, and the other groups' figures stay in the document as they are.
``burden`` is ten million lines and takes ten minutes: it is measured only when it is asked for.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import burdens
from tests.bench.answering import ASKED_OF_MILLION, ASKED_OF_TEN_MILLION, latencies, packed, store_of
from tests.bench.commanding import commanding
from tests.bench.corpus import write_corpus
from tests.bench.diagnosis import examining
from tests.bench.document import merged
from tests.bench.figures import Corpus, Figures
from tests.bench.goals import BURDEN_MIB
from tests.bench.journeying import journey
from tests.bench.living import live
from tests.bench.measure import kept_bytecode, this_machine
from tests.bench.opening import openings
from tests.bench.reading import cold_starts, one_thread
from tests.bench.receiving import RECEIVING_S, receive_for
from tests.bench.report import report

ROOT = Path(__file__).parents[2]
PACKAGES = ("orjson", "msgspec", "numpy", "zstandard", "xxhash", "Flask", "waitress")
GROUPS = ("reading", "cold", "answers", "living", "opening", "journeys", "rules", "commands", "receiving")
ASKED_FOR = ("burden",)
WITH_CORPUS = {"reading", "cold", "answers"}
MILLION = 1_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these: {', '.join(GROUPS + ASKED_FOR)}")
    parser.add_argument("--spans", type=int, default=2 * MILLION)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.groups) - set(GROUPS + ASKED_FOR)):
        parser.error(f"there is no group {', '.join(unknown)}; there are {', '.join(GROUPS + ASKED_FOR)}")
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder, kept_bytecode(Path(folder) / "bytecode"):
        figures = measure(Path(folder), chosen.spans, chosen.rounds, chosen.groups or GROUPS)
    text = report(figures, datetime.now(UTC))
    before = chosen.out.read_text(encoding="utf-8") if chosen.out.exists() else ""
    chosen.out.write_text(merged(before, text), encoding="utf-8")
    print(text)


def measure(folder: Path, span_count: int, rounds: int, groups: Sequence[str]) -> Figures:
    began_s, load_average = time.perf_counter(), os.getloadavg()[0]

    def say(step: str) -> None:
        print(f"[{time.perf_counter() - began_s:4.0f} s] {step} ...", file=sys.stderr, flush=True)

    figures = Figures(this_machine(PACKAGES), Corpus(0, 0, 0, 0), rounds, load_average)
    paths: list[Path] = []
    if WITH_CORPUS & set(groups):
        say(f"writing {span_count:,} spans")
        paths, spans = write_corpus(folder / "corpus", span_count)
        size_bytes = sum(path.stat().st_size for path in paths)
        figures.corpus = Corpus(spans, len(paths), size_bytes, paths[0].stat().st_size)
    if "reading" in groups:
        say("reading one file with one thread, beside orjson, SQLite and jq")
        figures.seconds = one_thread(paths[0], rounds + 1)
    if "cold" in groups:
        say(f"cold starts over {figures.corpus.size_bytes / 1e6:,.0f} MB, {rounds} rounds")
        figures.cold = cold_starts(paths, rounds)
    if "answers" in groups:
        say("answers from 1 M spans")
        segments = packed(reversed(paths), min(MILLION, figures.corpus.spans // 2))
        figures.million = latencies(store_of(segments), ASKED_OF_MILLION)
        say("answers from 10 M spans")
        figures.ten_million = latencies(store_of(segments, copies=10), ASKED_OF_TEN_MILLION)
    if "living" in groups:
        say("a growing file and open pages")
        figures.living = live(folder / "live")
    if "opening" in groups:
        say("opening traces of 10,000 and 100,000 spans")
        figures.openings = openings(rounds)
    if "journeys" in groups:
        say("the journey of a user with 10,000 traces")
        figures.journey = journey()
    if "rules" in groups:
        say("all rules over 20,000 traces")
        figures.examining = examining()
    if "commands" in groups:
        say("the command line beside jq, and a trace out of a gigabyte")
        figures.commanding = commanding(folder / "commands")
    if "receiving" in groups:
        say(f"receiving for {RECEIVING_S:.0f} s")
        (folder / "received").mkdir()
        figures.received = receive_for(RECEIVING_S, folder / "received")
    if "burden" in groups:
        say(f"ten million one-line traces into {BURDEN_MIB} MiB")
        figures.burden = burdens.borne_alone("one_line_traces", BURDEN_MIB, 10 * MILLION)
    say("done")
    return figures


if __name__ == "__main__":
    main()
