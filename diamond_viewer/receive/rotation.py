"""A file that rotates as the Collector's does: close, rename with a time stamp, create anew, keep the newest N."""

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

NS_PER_MS = 1_000_000
SPARE_BYTES = 1024**2  # left free on a disk: a line that is cut off by its end is worse than one that never began


class RotatingFile:
    """Whole lines, appended unbuffered. Not thread-safe: one writer.

    Files are at most ``max_bytes`` unless one ``append`` is longer. Backups are ``<stem>-<UTC time, ms>-size<suffix>``.
    Every method may raise ``OSError``; then nothing was appended, and the next call tries anew.
    """

    def __init__(self, path: Path, max_bytes: int, max_backups: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._max_backups = max_backups
        self._descriptor = -1
        self._size = 0
        self._open()

    def append(self, payload: bytes, now_ns: int, *, in_two_writes: bool = False) -> None:
        """A line and its newline, which the Collector writes on their own: a reader may come in between."""
        self._make_room(len(payload) + 1, now_ns)
        if in_two_writes:
            self._write(payload)
            self._write(b"\n")
        else:
            self._write(payload + b"\n")
        self._size += len(payload) + 1

    def append_all(self, lines: Sequence[bytes], now_ns: int) -> None:
        """Lines that belong together: all of them, in one file, or none."""
        written = b"".join(part for line in lines for part in (line, b"\n"))
        if not self._is_at_its_path():
            self._open()
        self._make_room(len(written), now_ns)
        disk = os.fstatvfs(self._descriptor)
        if disk.f_bavail * disk.f_frsize < len(written) + SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = os.fstat(self._descriptor).st_size
        try:
            self._write(written)
        except OSError:
            with suppress(OSError):  # what cannot be taken back gets its newline at the next opening
                os.ftruncate(self._descriptor, size)
            self.close()
            raise
        self._size = size + len(written)

    def close(self) -> None:
        """Closing twice, or after a rotation that failed half-way, is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        """Continues a file that is there. A last line that is not whole, as a killed writer leaves it, gets its end."""
        self.close()
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._write(b"\n")
            self._size += 1

    def _is_at_its_path(self) -> bool:
        """False when someone moved or deleted the file: what is written to it now, nobody would find."""
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _make_room(self, size_bytes: int, now_ns: int) -> None:
        if self._size and self._size + size_bytes > self._max_bytes:
            self._rotate(now_ns)

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
        self._open()
        for old in sorted(self.path.parent.glob(f"{self.path.stem}-*-size{self.path.suffix}"))[: -self._max_backups]:
            old.unlink(missing_ok=True)

    def _backup_path(self, now_ns: int) -> Path:
        milliseconds = now_ns // NS_PER_MS
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
        stamp = f"{moment:%Y-%m-%dT%H-%M-%S}.{milliseconds % 1000:03d}"
        return self.path.with_name(f"{self.path.stem}-{stamp}-size{self.path.suffix}")
