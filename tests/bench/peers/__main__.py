"""The race: what ``make bench-peers`` runs. It puts its chapter at the end of ``docs/benchmarks.md``.

    python -m tests.bench.peers --python .venv-peers/bin/python [--spans 320000] [--out docs/benchmarks.md]

Viewer, jq and SQLite run in this interpreter's environment, the others in that of ``--python``; each in a process of its own.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.bench import ROOT
from tests.bench.corpus import write_corpus
from tests.bench.document import PEERS, merged
from tests.bench.measure import this_machine
from tests.bench.peers.viewer_side import commonest_lesson

TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Side:
    """``module`` of this package; ``is_peer``: it needs the peers' environment."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    is_peer: bool = True


VIEWER = Side("Diamond Viewer, one thread", "viewer_side", is_peer=False)
SIDES = (
    VIEWER,
    Side("`jq`, reading again", "jq_side", is_peer=False),
    Side("`orjson` into SQLite, 4 indexes", "sqlite_side", is_peer=False),
    Side("DuckDB `read_json`, reading again", "duckdb_side", ("read",)),
    Side("DuckDB table", "duckdb_side", ("table",)),
    Side("chdb, reading again", "chdb_side", ("read",)),
    Side("chdb MergeTree", "chdb_side", ("table",)),
)
PHOENIX = Side("Arize Phoenix", "phoenix_side")
Outcome = dict[str, Any] | str  # what a side printed, or why it did not


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description="Race what else could be picked.")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the peers' environment")
    parser.add_argument("--spans", type=int, default=320_000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="diamond-viewer-peers-") as folder:
        paths, spans = write_corpus(Path(folder), chosen.spans)
        lesson = commonest_lesson(paths[0])
        names = [str(path) for path in paths]
        outcomes = {side: run(side, chosen.python, (*side.arguments, lesson, *names)) for side in SIDES}
        phoenix = run(PHOENIX, chosen.python, names)
        size_bytes = sum(path.stat().st_size for path in paths)
    text = chapter(outcomes, phoenix, spans, size_bytes, datetime.now(UTC))
    before = chosen.out.read_text(encoding="utf-8") if chosen.out.exists() else ""
    chosen.out.write_text(merged(before, text), encoding="utf-8")
    print(text)


def run(side: Side, python: str, arguments: Sequence[str]) -> Outcome:
    print(f"{side.name} ...", file=sys.stderr, flush=True)
    if side.module == "jq_side" and not shutil.which("jq"):
        return "jq is not installed"
    command = [python if side.is_peer else sys.executable, "-m", f"tests.bench.peers.{side.module}", *arguments]
    try:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"did not run: {type(error).__name__}"
    if ran.returncode:
        return f"did not run: {(ran.stderr.strip().splitlines() or ['no word why'])[-1][:120]}"
    outcome: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return outcome


def chapter(outcomes: dict[Side, Outcome], phoenix: Outcome, spans: int, size_bytes: int, now: datetime) -> str:
    """Markdown. Sides that answered otherwise than the viewer are marked."""
    machine, ours = this_machine(()), outcomes[VIEWER]
    rows = [_row(side.name, outcome, ours, size_bytes) for side, outcome in outcomes.items()]
    return "\n".join(
        [
            f"## {PEERS}",
            "",
            f"Written by `make bench-peers` on {now:%Y-%m-%d}: {machine.processor}, {machine.cores} cores. Everybody "
            f"got the same {size_bytes / 1e6:,.0f} MB with {spans:,} spans, in a process of its own, one by one. Questions: "
            "**A** spans with status code 2; **B** traces with a given lesson; **C** the 95th percentile of each operation "
            "(the viewer's from its columns). Fastest of three; in brackets how many times what Diamond "
            "Viewer takes. Memory is the most the process ever took.",
            "",
            "| tool | version | load, MB/s | A ms | B ms | C ms | memory, MB |",
            "|---|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            _phoenix_sentence(phoenix, ours, spans),
            "",
        ]
    )


def _row(name: str, outcome: Outcome, ours: Outcome, size_bytes: int) -> str:
    if isinstance(outcome, str):
        return f"| {name} | {outcome} | | | | | |"
    load = f"{size_bytes / 1e6 / outcome['load_s']:.0f}" if outcome["load_s"] else "–"
    cells = [_cell(question, taken, ours) for question, taken in outcome["questions"].items()]
    return f"| {name} | {outcome['version']} | {load} | {' | '.join(cells)} | {outcome['memory_bytes'] / 1e6:.0f} |"


def _cell(question: str, taken: dict[str, float], ours: Outcome) -> str:
    milliseconds = f"{1e3 * taken['seconds']:.3g}"
    if isinstance(ours, str):
        return milliseconds
    mine = ours["questions"][question]
    other = "" if taken["answer"] == mine["answer"] else f", answers {taken['answer']} and not {mine['answer']}"
    return milliseconds if taken is mine else f"{milliseconds} ({taken['seconds'] / mine['seconds']:.2g} x{other})"


def _phoenix_sentence(phoenix: Outcome, ours: Outcome, spans: int) -> str:
    if isinstance(phoenix, str):
        return f"Arize Phoenix {phoenix}."
    per_s = phoenix["spans"] / phoenix["load_s"]
    beside = ""
    if not isinstance(ours, str):
        ours_per_s = spans / ours["load_s"]
        beside = f" Diamond Viewer indexed {ours_per_s:,.0f} a second, {ours_per_s / per_s:,.0f} times as many."
    return (
        f"Arize Phoenix {phoenix['version']}: {phoenix['spans']:,} spans over OTLP/HTTP were stored after "
        f"{phoenix['load_s']:.0f} s, {per_s:.0f} spans a second, in {phoenix['memory_bytes'] / 1e6:.0f} MB.{beside}"
    )


if __name__ == "__main__":
    main()
