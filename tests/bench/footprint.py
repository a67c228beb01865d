"""How much memory an index takes: in a process of its own, because a process that did other things before cannot tell.

    python -m tests.bench.footprint FILE ...

prints ``spans bytes_read rss_before rss_after store_bytes``, the last three in bytes.
"""

import gc
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.memory import MemoryStore

UNBOUNDED_BYTES = 2**40  # the budget is another question
COMMIT_BYTES = 8 * 1024 * 1024  # the feed commits many times a second; this is often enough to count

WARM_UP_LINES = 3  # imports, caches and the allocator's first pages are not the index's


def fill(store: MemoryStore, lines: Iterable[bytes]) -> None:
    """What the feed does with each line: digest, decode, add; a commit every few MB."""
    ingest, ledger, pending_bytes = Ingest(store), Ledger(), 0
    for line in lines:
        ingest.take(ledger, 0, line)
        pending_bytes += len(line)
        if pending_bytes >= COMMIT_BYTES:
            store.commit()
            pending_bytes = 0
    store.commit()
    if ledger.bad_lines:
        raise ValueError(
            f"{ledger.bad_lines} lines of the corpus could not be read: {list(ledger.problems.values())[:1]}"
        )


def lines_of(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from (line.rstrip(b"\n") for line in file)


def resident_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def main() -> None:
    paths = [Path(argument) for argument in sys.argv[1:]]
    warm_up = MemoryStore(UNBOUNDED_BYTES)
    fill(warm_up, (line for _, line in zip(range(WARM_UP_LINES), lines_of(paths), strict=False)))
    del warm_up
    gc.collect()
    before_bytes = resident_bytes()
    store = MemoryStore(UNBOUNDED_BYTES)
    fill(store, lines_of(paths))
    gc.collect()
    health = store.health()
    read_bytes = sum(path.stat().st_size for path in paths)
    print(health.spans, read_bytes, before_bytes, resident_bytes(), health.memory_bytes)


if __name__ == "__main__":
    main()
