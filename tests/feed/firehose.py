"""A collector in a process of its own, in a hurry: ``python -m tests.feed.firehose FOLDER SECONDS MB_PER_S ROTATE_EVERY_S``.

Writes ``traces.json`` and rotates it by rename and create, keeping a few backups; a third of the lines in two writes.
Prints how many spans it wrote.
"""

import os
import sys
import time
from collections import deque
from pathlib import Path

from tests.feed.recorder import line_of

SPANS_PER_LINE = 100
KEPT_BACKUPS = 4


def write(folder: Path, seconds: float, mb_per_s: float, rotate_every_s: float) -> int:
    """The number of spans written."""
    live_path = folder / "traces.json"
    backups: deque[Path] = deque()
    out = os.open(live_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    begun_s = rotated_s = time.monotonic()
    number, written_bytes, rotation_count = 1, 0, 0
    while (now_s := time.monotonic()) - begun_s < seconds:
        if now_s - rotated_s >= rotate_every_s:
            rotated_s = now_s
            os.close(out)
            rotation_count += 1  # no two backups of one name: the second would replace the first, unread
            minute, second = divmod(rotation_count, 60)
            backups.append(folder / f"traces-2026-11-22T10-{minute:02d}-{second:02d}.000.json")
            live_path.rename(backups[-1])
            out = os.open(live_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            if len(backups) > KEPT_BACKUPS:
                backups.popleft().unlink()
        line = line_of(number, spans=SPANS_PER_LINE) + b"\n"
        cut = len(line) // 2 if number % 3 == 0 else len(line)
        for piece in (line[:cut], line[cut:]):
            os.write(out, piece)
        number += SPANS_PER_LINE
        written_bytes += len(line)
        time.sleep(max(0.0, written_bytes / (mb_per_s * 1e6) - (time.monotonic() - begun_s)))
    os.close(out)
    return number - 1


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), *map(float, sys.argv[2:5])))  # noqa: T201  (for the test that started it)
