"""What a line costs that is longer than the longest that is read, in a process of its own that follows the file.

    python -m tests.bench.overlong ATTRIBUTE_MB LIMIT_MB

writes a file of two ordinary lines with one between them whose only attribute is that long, and prints JSON: ``limit_bytes``,
``base_bytes`` (resident before the file is read), ``peak_bytes`` (the most ever), ``spans``, ``oversize``.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.resident import resident_bytes
from tests.bench.burdens import peak_bytes
from tests.writing import line, span

MB = 10**6


def write_overlong(path: Path, attribute_bytes: int) -> None:
    """Piece by piece: the process that writes it is the one that is measured."""
    before, after = line(span(2, attributes={"video.chunk": "?"})).split(b"?")
    with path.open("wb") as out:
        out.write(line(span(1)) + b"\n" + before)
        for _ in range(attribute_bytes // MB):
            out.write(b"x" * MB)
        out.write(after + b"\n" + line(span(3)) + b"\n")


def followed(attribute_bytes: int, limit_bytes: int) -> dict[str, int]:
    store = MemoryStore(2**30)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "traces.json"
        write_overlong(path, attribute_bytes)
        feed = Feed([str(path)], store, max_line_bytes=limit_bytes)
        base_bytes = resident_bytes()
        feed.look()
        feed.stop()
    health = store.health()
    return {
        "limit_bytes": limit_bytes,
        "base_bytes": base_bytes,
        "peak_bytes": peak_bytes(),
        "spans": health.spans,
        "oversize": health.feed.counters["oversize"],
    }


if __name__ == "__main__":
    print(json.dumps(followed(int(sys.argv[1]) * MB, int(sys.argv[2]) * MB)))
