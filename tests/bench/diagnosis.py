"""How long all rules take over 20,000 typical traces on one core. Reading the lines is not counted.

python -m tests.bench.diagnosis
"""

import time
from collections.abc import Sequence
from itertools import cycle, islice

from diamond_viewer.diagnosis.diagnose import diagnose
from diamond_viewer.telemetry.model import Trace
from tests.bench.corpus import read_seed
from tests.diagnosis.readings import traces_in

TRACE_COUNT = 20_000
ROUNDS = 3


def seconds_for(traces: Sequence[Trace]) -> float:
    """Processor time: what else the machine does is not the rules' fault."""
    began_s = time.process_time()
    for trace in traces:
        diagnose(trace)
    return time.process_time() - began_s


def main() -> None:
    traces = list(islice(cycle(traces_in(read_seed().content.tobytes().splitlines())), TRACE_COUNT))
    spans = sum(len(trace.spans) for trace in traces) / len(traces)
    best_s = min(seconds_for(traces) for _ in range(ROUNDS))
    print(f"{TRACE_COUNT:,} traces of {spans:.1f} spans: {best_s:.2f} s, {best_s / TRACE_COUNT * 1e6:.0f} µs a trace")


if __name__ == "__main__":
    main()
