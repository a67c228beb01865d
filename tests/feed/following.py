"""A folder, a live file in it that a writer holds open as the collector does, and a feed that follows it look by look."""

import os
from pathlib import Path
from typing import Self

from diamond_viewer.feed.feed import Feed
from tests.feed.recorder import Recorder, lines_of


class Following:
    """``with Following(tmp_path) as f: f.write(1, 2); f.look(); assert f.numbers == [1, 2]``."""

    def __init__(
        self,
        directory: Path,
        *patterns: object,
        appends: bool = True,
        max_line_bytes: int = 64 * 1024 * 1024,
        patience_s: float = 0,
        hold_s: float = 600,
    ) -> None:
        self.directory = directory
        self.live_path = directory / "traces.json"
        self.recorder = Recorder()
        self.appends = appends
        self.out = -1
        self.feed = Feed(
            [str(pattern) for pattern in patterns] or [str(self.live_path)],
            self.recorder,
            max_line_bytes=max_line_bytes,
            patience_s=patience_s,
            hold_s=hold_s,
        )

    def __enter__(self) -> Self:
        self.create()
        return self

    def __exit__(self, *_: object) -> None:
        self.feed.stop()
        self.close()

    def create(self) -> None:
        """Open the live file anew, as the collector does after a rotation; the old descriptor is closed."""
        self.close()
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if self.appends else 0)
        self.out = os.open(self.live_path, flags, 0o644)

    def close(self) -> None:
        if self.out >= 0:
            os.close(self.out)
            self.out = -1

    def append(self, data: bytes) -> None:
        assert os.write(self.out, data) == len(data)

    def write(self, *numbers: int, padding: int = 0) -> None:
        self.append(lines_of(*numbers, padding=padding))

    def rotate(self, name: str) -> Path:
        """Close, rename, create: what lumberjack and timberjack do."""
        path = self.directory / name
        self.live_path.rename(path)
        self.create()
        return path

    def look(self) -> None:
        self.feed.look()

    @property
    def numbers(self) -> list[int]:
        return self.recorder.numbers

    def counted(self) -> dict[str, int]:
        """The counters that are not zero, bad lines among them."""
        counters = {name: count for name, count in self.recorder.state.counters.items() if count}
        bad_lines = self.recorder.state.bad_lines
        return counters | ({"bad_lines": bad_lines} if bad_lines else {})


def backup(number: int, style: str = "") -> str:
    """The name of a rotated file as the collector gives it; ``style="-size"`` since it uses timberjack."""
    return f"traces-2026-11-22T14-50-{number // 1000:02d}.{number % 1000:03d}{style}.json"
