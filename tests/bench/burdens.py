"""What a memory budget has to bear: inputs made to break it, each in a process of its own that says what it took at most.

    python -m tests.bench.burdens STORY BUDGET_MIB LINES

prints JSON: ``budget_bytes``, ``base_bytes`` (before the first line), ``peak_bytes`` (the most that was ever resident),
``resident_bytes`` and ``counted_bytes`` at the end, ``spans``, ``evicted_spans``, ``longest_commit_s``.
"""

import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import give_back, resident_bytes
from diamond_viewer.settings.settings import Settings

ROOT = Path(__file__).parents[2]
STEP_BYTES = 8 * 1024 * 1024  # between two commits, as the feed makes them
STEP_LINES = 2_000
BEGIN_NS = 1_795_358_295_000_000_000
_randomness = random.Random(11)


def one_line_traces(lines: int) -> Iterator[bytes]:
    """A trace a line, a user and a route of its own."""
    for number in range(lines):
        yield _line([_span(_id(number), number, f'"http.target","value":{{"stringValue":"/lesson/{number}"}}')])


def distinct_users(lines: int) -> Iterator[bytes]:
    """A hundred traces a line, each of another user with a long name."""
    for number in range(lines):
        spans = range(100 * number, 100 * number + 100)
        yield _line(
            [
                _span(_id(n), n, f'"userId","value":{{"stringValue":"user {_randomness.getrandbits(400):x}"}}')
                for n in spans
            ]
        )


def huge_attributes(lines: int) -> Iterator[bytes]:
    """20 MB of text that hardly compresses, in one attribute of one span."""
    for number in range(lines):
        before, after = _line([_span(_id(number), number, '"video.chunk","value":{"stringValue":"?"}')]).split(b"?")
        yield b"".join((before, _randomness.randbytes(10_000_000).hex().encode(), after))


def one_endless_trace(lines: int) -> Iterator[bytes]:
    """A session that never ends: every line brings 200 spans of the same trace, with a user now and then."""
    for number in range(lines):
        spans = range(200 * number, 200 * number + 200)
        yield _line([_span("7" * 32, n, f'"userId","value":{{"stringValue":"user {n // 50}"}}') for n in spans])


STORIES: dict[str, Callable[[int], Iterator[bytes]]] = {
    story.__name__: story for story in (one_line_traces, distinct_users, huge_attributes, one_endless_trace)
}


def bear(story: str, budget_bytes: int, lines: int) -> dict[str, float]:
    """Feed the story to a store that has the process to itself."""
    settings = Settings.from_arguments(["--memory", str(budget_bytes)], {})
    store = MemoryStore.of_process(settings.memory_bytes, settings.reserve_bytes)
    base_bytes, longest_commit_s = resident_bytes(), 0.0
    ingest, ledger = Ingest(store), Ledger()
    pending_bytes = pending_lines = 0
    for line in STORIES[story](lines):
        ingest.take(ledger, 0, line)
        pending_bytes, pending_lines = pending_bytes + len(line), pending_lines + 1
        if pending_bytes >= STEP_BYTES or pending_lines >= STEP_LINES:
            began_s, pending_bytes, pending_lines = time.perf_counter(), 0, 0
            store.commit()
            longest_commit_s = max(longest_commit_s, time.perf_counter() - began_s)
    store.commit()
    gc.collect()
    give_back()
    health = store.health()
    if ledger.bad_lines:
        raise ValueError(f"{ledger.bad_lines} lines could not be read: {list(ledger.problems.values())[:1]}")
    return {
        "budget_bytes": budget_bytes,
        "base_bytes": base_bytes,
        "peak_bytes": peak_bytes(),
        "resident_bytes": resident_bytes(),
        "counted_bytes": health.memory_bytes,
        "spans": health.spans,
        "evicted_spans": health.counters["evicted_spans"],
        "longest_commit_s": round(longest_commit_s, 3),
    }


def borne_alone(story: str, budget_mib: int, lines: int) -> dict[str, float]:
    """``bear`` in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.burdens", story, str(budget_mib), str(lines)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    took: dict[str, float] = json.loads(ran.stdout)
    return took


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _id(number: int) -> str:
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def _span(trace_id: str, number: int, attribute: str) -> str:
    begin_ns = BEGIN_NS + 1_000_000 * number
    return (
        f'{{"traceId":"{trace_id}","spanId":"{number + 1:016x}","name":"GET /","kind":2,"startTimeUnixNano":"{begin_ns}",'
        f'"endTimeUnixNano":"{begin_ns + 5_000_000}","attributes":[{{"key":{attribute}}}],"status":{{}}}}'
    )


def _line(spans: list[str]) -> bytes:
    resource = '{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]}'
    return (
        f'{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{{}},"spans":[{",".join(spans)}]}}]}}]}}'
    ).encode()


if __name__ == "__main__":
    print(json.dumps(bear(sys.argv[1], int(sys.argv[2]) * 1024**2, int(sys.argv[3]))))
