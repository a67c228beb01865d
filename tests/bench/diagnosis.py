"""How long all rules take over 20,000 typical traces on one core. Reading the lines is not counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from diamond_viewer.diagnosis.diagnose import diagnose
from diamond_viewer.telemetry.model import Trace
from tests.bench.corpus import read_seed
from tests.diagnosis.readings import traces_in

TRACES = 20_000
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Examining:
    """``core_s`` is processor time of one thread: what else the machine does is not the rules' fault."""

    traces: int
    spans: int
    guilty: int
    core_s: float


def examining(trace_count: int = TRACES, rounds: int = ROUNDS) -> Examining:
    """The best of some rounds over the real traces of the corpus, again and again until there are enough."""
    traces = list(islice(cycle(traces_in(read_seed().content.tobytes().splitlines())), trace_count))
    taken = [_core_seconds(traces) for _ in range(rounds)]
    spans = sum(len(trace.spans) for trace in traces)
    return Examining(trace_count, spans, taken[0][1], min(core_s for core_s, _ in taken))


def _core_seconds(traces: Sequence[Trace]) -> tuple[float, int]:
    guilty = 0
    began_s = time.thread_time()
    for trace in traces:
        guilty += bool(diagnose(trace))
    return time.thread_time() - began_s, guilty


def examining_report(taken: Examining) -> list[str]:
    return [
        "## All rules",
        "",
        f"Every rule over {taken.traces:,} traces of {taken.spans / taken.traces:.1f} spans, decoded already, on one core; "
        f"the best of {ROUNDS} rounds. Goal: 3 s.",
        "",
        "| what | figure |",
        "|---|---:|",
        f"| processor time | {taken.core_s:.2f} s |",
        f"| a trace | {taken.core_s / taken.traces * 1e6:.0f} µs |",
        f"| a span | {taken.core_s / taken.spans * 1e6:.1f} µs |",
        f"| traces with a finding | {taken.guilty:,} |",
        "",
    ]
