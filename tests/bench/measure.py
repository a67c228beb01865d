"""Stopwatch and statistics of the benchmarks: nothing here knows what is measured."""

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from diamond_viewer.resident import GC_THRESHOLDS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, by nearest rank."""

    p50_s: float
    p95_s: float


def latency(ask: Callable[[], object], rounds: int) -> Latency:
    """Of one question, asked again and again."""
    return latencies_in_turn({"": ask}, rounds)[""]


def latencies_in_turn(asks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Latency]:
    """Ask one after the other, many times; the first round warms up and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(rounds + 1):
        for name, ask in asks.items():
            seconds[name].append(seconds_of(ask))
    ordered = {name: sorted(taken[1:]) for name, taken in seconds.items()}
    return {name: Latency(nearest_rank(taken, 50), nearest_rank(taken, 95)) for name, taken in ordered.items()}


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that at least ``percent`` % of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def seconds_of(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


@contextmanager
def kept_bytecode(folder: Path) -> Iterator[None]:
    """Processes that begin meanwhile find the viewer compiled, as it is wherever it was started before or was installed: a
    machine that forbids Python to write (PYTHONDONTWRITEBYTECODE) compiles it anew each time, for a third of a second."""
    before = {name: os.environ.pop(name, None) for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")}
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    try:
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "diamond_viewer")], check=True)
        # and what it imports, as pip compiles it
        subprocess.run(
            [sys.executable, "-c", "import diamond_viewer.showing, diamond_viewer.serving, diamond_viewer.web.app"],
            check=True,
            cwd=ROOT,
        )
        yield
    finally:
        del os.environ["PYTHONPYCACHEPREFIX"]
        os.environ.update({name: text for name, text in before.items() if text is not None})


@contextmanager
def collecting_as_the_server() -> Iterator[None]:
    """Python looks for circles as seldom as in the server, and not in what is there already."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def side_by_side(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side. The sides take turns (A B A B), so that a noisy minute falls on all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            seconds[name].append(seconds_of(work))
    return {name: median(taken) for name, taken in seconds.items()}


@dataclass(frozen=True, slots=True)
class Machine:
    processor: str
    cores: int
    memory_gib: float
    python: str
    packages: tuple[tuple[str, str], ...]


def this_machine(packages: tuple[str, ...]) -> Machine:
    """Nothing that tells whose machine it is."""
    described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = [line.partition(":")[2].strip() for line in described.splitlines() if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=models[0] if models else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=pages / 2**30,
        python=platform.python_version(),
        packages=tuple((name, version(name)) for name in packages),
    )
