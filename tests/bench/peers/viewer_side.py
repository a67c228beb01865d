"""Diamond Viewer: the files packed by one thread, the questions put to its store."""

import gc
import sys
from itertools import islice
from pathlib import Path

import numpy as np

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from tests.bench.answering import packed
from tests.bench.footprint import UNBOUNDED_BYTES, fill, lines_of
from tests.bench.peers.side import race


def commonest_lesson(path: Path) -> str:
    """On the first lines of a file."""
    store = MemoryStore(UNBOUNDED_BYTES)
    fill(store, islice(lines_of([path]), 20))
    return store.values("lesson", "", 1)[0][0]


def main(lesson: str, paths: list[Path]) -> None:
    gc.disable()  # as a backfill worker does
    store = MemoryStore(UNBOUNDED_BYTES)

    def load() -> None:
        for segment in packed(paths, sys.maxsize):
            store.adopt(segment)

    def p95_per_operation() -> int:
        """From the columns; the store is not asked this by any page yet."""
        names: dict[str, int] = {}
        columns = []
        for segment in store._segments.values():
            if segment.spans.size:
                codes = np.array([names.setdefault(text, len(names)) for text in segment.dictionary.texts])
                columns.append((codes[segment.spans["name"]], segment.spans["duration_ns"]))
        names_of, durations_ns = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.lexsort((durations_ns, names_of))
        counts = np.bincount(names_of)
        counts = counts[counts > 0]
        return len(durations_ns[order][np.cumsum(counts) - counts + -(-95 * counts // 100) - 1])

    race(
        "this version",
        load,
        {
            "A": lambda: store.stats(Query(), 0).error_spans,
            "B": lambda: store.search(Query((("lesson", lesson),)), 0).total,
            "C": p95_per_operation,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1], [Path(path) for path in sys.argv[2:]])
