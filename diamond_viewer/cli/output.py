"""Where answers go: a terminal in colour, or a pipe without. What is said on the side goes to standard error."""

import os
import sys
from collections.abc import Mapping
from copy import copy
from typing import BinaryIO, TextIO

from diamond_viewer.telemetry.harmless import harmless

_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "grey": "90",
    "bold": "1",
}
SERVICE_COLOURS = ("cyan", "magenta", "blue", "green", "yellow")
CLEAR_LINE = "\r\x1b[2K"
MIN_WIDTH, USUAL_WIDTH = 60, 100  # columns


class Output:
    """``width`` in columns. ``line`` writes what is for people, ``json`` a document; both flush on a terminal only."""

    def __init__(self, stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], colour: str = "auto") -> None:
        """``colour``: auto | always | never. ``NO_COLOR`` (no-color.org) counts where nobody asked for ``always``."""
        self._stdout, self._stderr = stdout, stderr
        self._bytes: BinaryIO | None = getattr(stdout, "buffer", None)
        self.is_terminal = stdout.isatty()
        self.shows_progress = stderr.isatty()
        is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
        self._is_coloured = colour == "always" or (colour == "auto" and self.is_terminal and not is_plain)
        self.width = max(MIN_WIDTH, _columns(stdout)) if self.is_terminal else USUAL_WIDTH
        self._has_progress = False

    def paint(self, text: str, *colours: str) -> str:
        """``text`` as it is shown to people: on one line, harmless, and coloured where that is wanted."""
        return self.coloured(harmless(text), *colours)

    def coloured(self, text: str, *colours: str) -> str:
        """Of a text of ours."""
        codes = ";".join(_CODES[colour] for colour in colours)
        return f"\x1b[{codes}m{text}\x1b[0m" if self._is_coloured and codes and text else text

    def plain(self) -> "Output":
        """The same without colours, for what goes to standard error."""
        other = copy(self)
        other._is_coloured = False
        return other

    def line(self, text: str = "") -> None:
        self.end_progress()
        self._stdout.write(f"{text.rstrip()}\n")
        if self.is_terminal:
            self._stdout.flush()

    def text(self, text: str) -> None:
        """Several lines at once, each made harmless."""
        for line in text.rstrip("\n").split("\n") if text else ():
            self.line(harmless(line))

    def json(self, document: bytes) -> None:
        """One document, on a line of its own."""
        self.end_progress()
        if self._bytes is None:
            self._stdout.write(document.decode() + "\n")
            return
        self._stdout.flush()
        self._bytes.write(document + b"\n")

    def flush(self) -> None:
        self._stdout.flush()

    def say(self, sentence: str) -> None:
        """To standard error, whoever reads it."""
        self.end_progress()
        self._stderr.write(f"{harmless(sentence)}\n")
        self._stderr.flush()

    def remark(self, sentence: str) -> None:
        """What only somebody who sits there wants to know."""
        if self.is_terminal and self.shows_progress:
            self._stdout.flush()
            self.say(sentence)

    def progress(self, words: str) -> None:
        """Drawn over itself; nothing where standard error is no terminal."""
        if self.shows_progress:
            self._stderr.write(f"{CLEAR_LINE}{words}")
            self._stderr.flush()
            self._has_progress = True

    def end_progress(self) -> None:
        if self._has_progress:
            self._has_progress = False
            self._stderr.write(CLEAR_LINE)
            self._stderr.flush()


def of_process(colour: str = "auto") -> Output:
    """Of this process. What a terminal cannot show becomes a question mark instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return Output(sys.stdout, sys.stderr, os.environ, colour)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return USUAL_WIDTH
