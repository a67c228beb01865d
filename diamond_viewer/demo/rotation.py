"""A file that rotates as the Collector's does: close, rename with a time stamp, create anew, keep the newest N."""

import os
from datetime import UTC, datetime
from pathlib import Path

NS_PER_MS = 1_000_000


class RotatingFile:
    """Whole lines, appended unbuffered. Not thread-safe: one writer.

    Files are at most ``max_bytes`` unless a single line is longer. Backups are ``<stem>-<UTC time, ms>-size<suffix>``.
    """

    def __init__(self, path: Path, max_bytes: int, max_backups: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._max_backups = max_backups
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    def append(self, payload: bytes, now_ns: int, *, in_two_writes: bool = False) -> None:
        """A line and its newline, which the Collector writes on their own: a reader may come in between."""
        if self._size and self._size + len(payload) + 1 > self._max_bytes:
            self._rotate(now_ns)
        if in_two_writes:
            self._write(payload)
            self._write(b"\n")
        else:
            self._write(payload + b"\n")
        self._size += len(payload) + 1

    def close(self) -> None:
        """Closing twice, or after a rotation that failed half-way, is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def _write(self, payload: bytes) -> None:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _rotate(self, now_ns: int) -> None:
        self.close()
        backup = self._backup_path(now_ns)
        while backup.exists():  # two rotations within one ms would overwrite the first backup
            now_ns += NS_PER_MS
            backup = self._backup_path(now_ns)
        self.path.rename(backup)
        os.utime(backup, ns=(now_ns, now_ns))  # last written then, also when the past is written in one go
        self._descriptor = self._open()
        self._size = 0
        for old in sorted(self.path.parent.glob(f"{self.path.stem}-*-size{self.path.suffix}"))[: -self._max_backups]:
            old.unlink(missing_ok=True)

    def _backup_path(self, now_ns: int) -> Path:
        milliseconds = now_ns // NS_PER_MS
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
        stamp = f"{moment:%Y-%m-%dT%H-%M-%S}.{milliseconds % 1000:03d}"
        return self.path.with_name(f"{self.path.stem}-{stamp}-size{self.path.suffix}")
