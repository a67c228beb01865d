"""What a subcommand is, and what it may end with."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diamond_viewer.cli.output import Output

INSTALLED = "diamond-viewer-cli"
PROGRAM = INSTALLED if sys.argv[0].endswith(INSTALLED) else "python -m diamond_viewer"

FOUND, NOTHING_FOUND, BAD_ARGUMENTS = 0, 1, 2  # exit codes


class CommandError(ValueError):
    """It cannot be done as asked; the message is a sentence for whoever typed it. Exit code ``BAD_ARGUMENTS``."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A row of the table.

    ``summary`` is one line for the list of subcommands, ``description`` paragraphs for its own help; ``examples`` are
    arguments behind its name and what they do. ``declare`` adds flags to its parser, ``run`` does it and returns an exit code.
    It may raise ``CommandError``, and ``FilterError`` for a filter that cannot be used. ``quick`` may answer the plainest
    form of the question before the flags of the filters are made, which takes longer than such an answer; None when it cannot.
    """

    name: str
    summary: str
    description: str
    examples: tuple[tuple[str, str], ...]
    declare: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Output], int]
    quick: Callable[[Sequence[str], Output], int | None] | None = None
