"""The program: arguments in, exit code out. Nobody sees a traceback for what they typed, for a closed pipe or for Ctrl-C."""

import os
import sys
from collections.abc import Sequence

from diamond_viewer.cli.arguments import EXIT_STATUS, Parser
from diamond_viewer.cli.output import of_process
from diamond_viewer.cli.subcommand import BAD_ARGUMENTS, FOUND, PROGRAM, CommandError, Subcommand
from diamond_viewer.cli.subcommands import SUBCOMMANDS

INTERRUPTED = 130  # as a shell says it of what Ctrl-C ended


def main(arguments: Sequence[str]) -> int:
    """Run one subcommand of this process. ``--help`` exits with 0."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read has seen enough; what is still buffered must not complain when the interpreter flushes it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND


def _run(arguments: Sequence[str]) -> int:
    output = of_process()
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if not arguments:
            for line in overview().splitlines():
                output.say(line)
            return BAD_ARGUMENTS
        output.line(overview())
        output.flush()
        return FOUND
    try:
        subcommand = _named(arguments[0])
        if subcommand.quick and (code := subcommand.quick(arguments[1:], output)) is not None:
            output.flush()
            return code
        namespace = Parser(subcommand).read(arguments[1:])
        output = of_process(getattr(namespace, "color", "auto"))
        code = subcommand.run(namespace, output)
        output.end_progress()
        output.flush()
        return code
    except ValueError as error:
        if not _is_for_the_reader(error):
            raise
        output.flush()
        output.say(f"diamond_viewer: {error}")
        return BAD_ARGUMENTS


def _is_for_the_reader(error: ValueError) -> bool:
    """Whether the message was written for whoever typed the arguments. Checked by name: to know the classes would mean to
    import half of the viewer before anything is run."""
    sentences = {"CommandError", "FilterError", "Mistake", "SettingsError", "FeedError"}
    return type(error).__name__ in sentences


def _named(name: str) -> Subcommand:
    for subcommand in SUBCOMMANDS:
        if subcommand.name == name:
            return subcommand
    names = ", ".join(subcommand.name for subcommand in SUBCOMMANDS)
    raise CommandError(f"There is no subcommand {name[:60]!r}. There are: {names}. See {PROGRAM} --help.")


def overview() -> str:
    """What ``--help`` says of all subcommands."""
    widest = max(len(subcommand.name) for subcommand in SUBCOMMANDS)
    rows = "\n".join(f"    {subcommand.name:<{widest}}  {subcommand.summary}" for subcommand in SUBCOMMANDS)
    words, meaning = SUBCOMMANDS[0].examples[0]
    codes = "\n".join(f"    {line}" for line in EXIT_STATUS.splitlines())
    return f"""\
NAME
    diamond_viewer - reads an OpenTelemetry Collector's trace files in a terminal

SYNOPSIS
    {PROGRAM} SUBCOMMAND [PATTERN ...] [OPTION ...]
    {PROGRAM} SUBCOMMAND --help

DESCRIPTION
    The answers of the viewer's pages, out of the same files and without a server. Filters and the search
    language are those of the pages. The pages themselves: python app.py --help.

SUBCOMMANDS
{rows}

EXIT STATUS
{codes}

EXAMPLE
    {meaning}:
      {PROGRAM} {words}
"""
