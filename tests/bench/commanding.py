"""The command line beside the handbook's recipes for `jq`, live files among them, and a trace out of a gigabyte.

    python -m tests.bench.commanding

Both sides are run as somebody types them, each in a process of its own, in turn, over the same files; they must find the same.
"""

import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.corpus import write_corpus
from tests.bench.measure import kept_bytecode, side_by_side
from tests.bench.watching import LINES, Watched, watching, watching_report

ROOT = Path(__file__).parents[2]
SEED_SPANS = 97_582  # the 61 MB of tests/data/corpus.tar.zst
LARGE_SPANS = 1_600_000  # about a gigabyte, rotated every 100 MiB
LESSON = "lesson-011"
OPERATION = "api.video.access"
ROUNDS = 3

_SPANS = ".resourceSpans[].scopeSpans[].spans[]"


@dataclass(frozen=True, slots=True)
class Recipe:
    """``jq`` is a shell's pipeline that prints what is asked for, ``words`` are our arguments; ``same`` makes what both print
    the same text."""

    what: str
    jq: str
    words: tuple[str, ...]
    same: str = "cat"


RECIPES = (
    Recipe(
        "count errors",
        f"cat FILES | jq -c '{_SPANS} | select(.status.code == 2)' | wc -l",
        ("errors", "--count"),
    ),
    Recipe(
        "search for an operation",
        f"cat FILES | jq -r '{_SPANS} | select(.name == \"{OPERATION}\") | .traceId'",
        ("search", "--all", "--json", "--operation", OPERATION),
        r"grep -oE '\b[0-9a-f]{32}\b' | sort -u",
    ),
    Recipe(
        "search for a lesson",
        f"cat FILES | jq -r '{_SPANS} | select(any((.attributes, .events[]?.attributes)[]?; "
        f'.value.stringValue == "{LESSON}" and (.key == "lesson.id" or .key == "lessonId" or .key == "lesson_id"))) '
        "| .traceId'",
        ("search", "--all", "--json", "--lesson", LESSON),
        r"grep -oE '\b[0-9a-f]{32}\b' | sort -u",
    ),
)


@dataclass(frozen=True, slots=True)
class Race:
    """Seconds by the clock, and of processor time: what else runs on the machine makes only the former longer."""

    what: str
    size_bytes: int
    jq_s: float
    ours_s: float
    jq_core_s: float
    ours_core_s: float

    @property
    def ratio(self) -> float:
        return self.jq_s / self.ours_s


@dataclass(frozen=True, slots=True)
class Commanding:
    """``trace_s`` is how long one trace out of ``large_bytes`` takes (``trace_core_s`` of processor time), ``miss_s`` one that
    is not there."""

    races: Sequence[Race]
    large_bytes: int
    trace_s: float
    trace_core_s: float
    miss_s: float
    watched: Watched

    def slowest(self, *whats: str) -> float:
        """The least of the ratios, over all sizes."""
        return min(race.ratio for race in self.races if race.what in whats)


def commanding(
    folder: Path,
    sizes: Sequence[int] = (SEED_SPANS, 4 * SEED_SPANS),
    large: int = LARGE_SPANS,
    rounds: int = ROUNDS,
    lines: int = LINES,
) -> Commanding:
    if not shutil.which("jq"):
        raise RuntimeError("jq is not installed: its recipes are the other side of this measurement.")
    races = []
    for spans in sizes:
        paths, _ = write_corpus(folder / str(spans), spans, 16 * 1024**2)
        races += [_race(recipe, paths, rounds) for recipe in RECIPES]
        shutil.rmtree(folder / str(spans))
    paths, _ = write_corpus(folder / "large", large)
    trace_id = _an_id(paths[len(paths) // 2])
    ours = f"{_call('trace')} --json {trace_id} {_files(paths)}"
    miss = f"{_call('trace')} --json {'ab' * 16} {_files(paths)}"
    taken = side_by_side({"trace": lambda: _said(ours), "miss": lambda: _said(miss, code=1)}, rounds)
    size_bytes, core_s = sum(path.stat().st_size for path in paths), _core_seconds(ours, rounds)
    return Commanding(races, size_bytes, taken["trace"], core_s, taken["miss"], watching(folder / "watched", lines))


def _race(recipe: Recipe, paths: Sequence[Path], rounds: int) -> Race:
    jq = recipe.jq.replace("FILES", _files(paths))
    ours = f"{_call(*recipe.words)} {_files(paths)}"
    found = [_said(f"{side} | {recipe.same}") for side in (jq, ours)]
    if found[0].split() != found[1].split() or not found[0]:
        raise RuntimeError(f"{recipe.what}: the two sides did not find the same.")
    taken = side_by_side({"jq": lambda: _said(jq), "ours": lambda: _said(ours)}, rounds)
    size_bytes = sum(path.stat().st_size for path in paths)
    return Race(
        recipe.what, size_bytes, taken["jq"], taken["ours"], _core_seconds(jq, rounds), _core_seconds(ours, rounds)
    )


def _call(*words: str) -> str:
    return " ".join((sys.executable, "-m", "diamond_viewer", *words))


def _files(paths: Sequence[Path]) -> str:
    return " ".join(map(str, paths))


def _said(words: str, code: int = 0) -> str:
    ran = subprocess.run(["bash", "-c", words], capture_output=True, text=True, cwd=ROOT, check=False)
    if ran.returncode != code:
        raise RuntimeError(f"It ended with {ran.returncode}: {ran.stderr[-400:]}")
    return ran.stdout


def _core_seconds(words: str, rounds: int) -> float:
    """Processor time of all its processes, the least of some runs."""
    taken = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _said(words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def _an_id(path: Path) -> str:
    with path.open("rb") as file:
        before, _, rest = file.readline().partition(b'"traceId":"')
    assert before
    return rest[:32].decode()


def commanding_report(taken: Commanding) -> list[str]:
    rows = [
        f"| {race.what} | {race.size_bytes / 1e6:,.0f} MB | {race.jq_s:.2f} s | {race.ours_s:.2f} s | {race.ratio:.1f} "
        f"| {race.jq_core_s:.2f} s | {race.ours_core_s:.2f} s | {race.jq_core_s / race.ours_core_s:.1f} |"
        for race in taken.races
    ]
    return [
        "## Command line",
        "",
        f"Both sides as they are typed, the viewer's bytecode compiled before, each in a process of its own, medians of "
        f"{ROUNDS} rounds in turn; they find the same. "
        "Recipes and replacements: docs/command-line.md. Goal: five times as fast.",
        "",
        "| recipe | files | `jq` | ours | ratio | `jq`, processor | ours, processor | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"`trace TRACE_ID` in {taken.large_bytes / 1e6:,.0f} MB takes {taken.trace_s:.2f} s ({taken.trace_core_s:.2f} s of "
        f"processor time), and {taken.miss_s:.2f} s when the trace is not there. Goal: 2 s.",
        "",
        *watching_report(taken.watched),
    ]


def main() -> None:
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder, kept_bytecode(Path(folder) / "bytecode"):
        print("\n".join(commanding_report(commanding(Path(folder)))))


if __name__ == "__main__":
    main()
