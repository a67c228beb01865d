"""Where accepted telemetry goes: into the live file, or as words to the terminal."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from diamond_viewer.receive.rotation import RotatingFile
from diamond_viewer.telemetry.otlp_sentences import sentences

MAX_FILE_BYTES = 100 * 1024**2  # the collector's defaults
MAX_BACKUPS = 100


class StorageError(ValueError):
    """The live file cannot be written. The message is a sentence for whoever started the viewer."""


class Storage(Protocol):
    """Called from several threads."""

    def store(self, lines: Sequence[bytes]) -> None:
        """Keep the lines of one request, all or none. Raises ``OSError`` when they cannot be kept now."""

    def close(self) -> None:
        """Nothing is stored any more."""


class FileStorage:
    """Appends to the live file as the collector does. When ``store`` returns the kernel has the lines: killing the viewer loses
    none of them, a power cut may.
    """

    def __init__(self, path: Path, max_file_bytes: int = MAX_FILE_BYTES, max_backups: int = MAX_BACKUPS) -> None:
        try:
            self._file = RotatingFile(path, max_file_bytes, max_backups)
        except OSError as error:
            raise StorageError(
                f"--otlp stores what comes in '{path}', which cannot be written ({error.strerror}). "
                "Name a file that can, for example: python app.py --otlp 4318 traces.json"
            ) from None
        self._lock = threading.Lock()

    def store(self, lines: Sequence[bytes]) -> None:
        with self._lock:
            self._file.append_all(lines, time.time_ns())

    def close(self) -> None:
        with self._lock:
            self._file.close()


class ConsoleStorage:
    """One line for people per span, log record and metric; nothing is kept."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def store(self, lines: Sequence[bytes]) -> None:
        words = "\n".join(sentence for line in lines for sentence in sentences(line))
        self._say(words)  # in one piece: requests do not mix

    def close(self) -> None:
        pass


def open_storage(kind: str, path: str, say: Callable[[str], None]) -> Storage:
    """``kind`` is file | console, ``say`` the terminal. Raises ``StorageError``."""
    return ConsoleStorage(say) if kind == "console" else FileStorage(Path(path))
