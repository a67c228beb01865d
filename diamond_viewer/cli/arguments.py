"""Flags: those of the filters come from the filters' own table, so that pages, API and command line cannot differ."""

import argparse
import re
import shutil
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from diamond_viewer.cli.subcommand import PROGRAM, CommandError, Subcommand
from diamond_viewer.settings.flags import DEFAULT_PATTERN

if TYPE_CHECKING:
    from diamond_viewer.query.query import Query

EXIT_STATUS = """\
0    something was found
1    nothing was found
2    it cannot be done like this; standard error says why
130  Ctrl-C ended it"""

ENVIRONMENT = (  # a variable, the flag without which it means nothing, and what it means
    ("NO_COLOR", "--color", "any value: no colours (--color=always wins)"),
    ("DIAMOND_STORE", "--store", "as --store"),
    ("DIAMOND_MEMORY", "--memory", "as --memory"),
    ("DIAMOND_CONFIG", "--config", "as --config"),
)

_MAX_HELP_COLUMNS = 100
_WORD = re.compile(r"[^/.*?\[\]]*[^-/.*?\[\]][^/.*?\[\]]*")  # names of files have a dot, patterns a wildcard


class _Help(argparse.HelpFormatter):
    """Values such as ``signed-in-again`` stay in one piece, to be searched for and copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class Parser(ArgumentParser):
    """Raises ``CommandError`` instead of leaving the process, and writes its help as a manual page is written."""

    def __init__(self, subcommand: Subcommand) -> None:
        columns = min(shutil.get_terminal_size().columns - 2, _MAX_HELP_COLUMNS)
        super().__init__(
            prog=f"{PROGRAM} {subcommand.name}",
            allow_abbrev=False,
            add_help=False,
            formatter_class=lambda prog: _Help(prog, 4, 30, columns),
        )
        self._subcommand = subcommand
        self._positionals.title, self._optionals.title = "what is read", "other options"
        subcommand.declare(self)
        self.add_argument("-h", "--help", action="help", help="show this")
        # now: while flags may stand anywhere, argparse hides what has no flag
        self._words = [_word(action) for action in self._actions if not action.option_strings]

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.")

    def format_help(self) -> str:
        subcommand, formatter = self._subcommand, self._get_formatter()
        for group in (*self._action_groups[:1], *self._action_groups[2:], self._action_groups[1]):
            formatter.start_section((group.title or "").upper())
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        synopsis = " ".join(self.format_usage().removeprefix("usage: ").split())
        examples = "\n\n".join(f"{meaning}:\n  {PROGRAM} {words}" for words, meaning in subcommand.examples)
        return (
            _section("NAME", f"{subcommand.name} - {subcommand.summary}")
            + _section("SYNOPSIS", synopsis)
            + _section("DESCRIPTION", subcommand.description)
            + _without_colons(formatter.format_help())
            + "\n"
            + _section("EXIT STATUS", EXIT_STATUS)
            + self._environment()
            + _section("EXAMPLES", examples).rstrip()
            + "\n"
        )

    def _environment(self) -> str:
        said = [f"{name:<14}  {means}" for name, flag, means in ENVIRONMENT if flag in self._option_string_actions]
        return _section("ENVIRONMENT", "\n".join(said)) if said else ""

    def format_usage(self) -> str:
        """Without the flags: there are twenty, and they stand below."""
        return " ".join((self.prog, *self._words, "[OPTION ...]")) + "\n"

    def read(self, arguments: Sequence[str]) -> Namespace:
        """Flags may stand anywhere. A search may begin with a minus: ``-q -user:usr_0007``."""
        words: list[str] = []
        for word in arguments:
            if (
                words
                and words[-1] in ("-q", "--q")
                and word.startswith("-")
                and word not in self._option_string_actions
            ):
                words[-1] += f"={word}"
            else:
                words.append(word)
        return self.parse_intermixed_args(words)


def _word(action: argparse.Action) -> str:
    return f"[{action.metavar} ...]" if action.nargs == "*" else str(action.metavar)


class _Filter(argparse.Action):
    """Collects ``(parameter, value)`` as a query string has them. ``values`` are all there are, if they are few."""

    values: tuple[str, ...] = ()

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: object, option_string: str | None = None
    ) -> None:
        namespace.filters = [*namespace.filters, (self.dest, str(values))]


def add_patterns(parser: ArgumentParser) -> None:
    parser.add_argument(
        "patterns",
        metavar="PATTERN",
        nargs="*",
        help="a trace file with its rotated backups, a glob in quotation marks, or - for standard input; also .gz and .zst "
        f"(default: {DEFAULT_PATTERN})",
    )


def add_files(parser: ArgumentParser) -> None:
    """What is read, and how."""
    add_patterns(parser)
    reading = parser.add_argument_group("reading")
    reading.add_argument(
        "--memory",
        metavar="SIZE",
        help="what may be taken; older traces than fit are left out, which is said (default: a quarter of the machine)",
    )
    reading.add_argument(
        "--config", metavar="FILE", help="a TOML file; its table [thresholds] sets limits of the rules"
    )


def add_output(parser: ArgumentParser, json_help: str) -> Any:
    """The group of the flags, for more of them."""
    output = parser.add_argument_group("output")
    if json_help:
        output.add_argument("--json", action="store_true", help=json_help)
    output.add_argument(
        "--color",
        metavar="WHEN",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto, always or never (default: auto, which is on a terminal)",
    )
    return output


def add_filters(parser: ArgumentParser, *, pages: bool, sorts: bool = False) -> Any:
    """A flag for every filter of the page; all must hold. ``pages``: the answer is a list of which a part can be asked for;
    the group of those flags is returned."""
    from diamond_viewer.query.filters import FILTERS
    from diamond_viewer.query.query import DEFAULT_LIMIT, MAX_LIMIT
    from diamond_viewer.query.sorting import ORDERS

    parser.set_defaults(filters=[])
    filters = parser.add_argument_group(
        "filters", "All must hold. They mean what they mean on the page and in the API."
    )
    for row in FILTERS:
        flag = flag_of(row.parameter)
        choices = f"; X is one of {', '.join(row.choices)}" if row.choices else f", for example {row.example}"
        repeated = "; may be given several times" if row.repeatable else ""
        words = f"{row.sentence.replace('{}', 'X')}{choices}{repeated}".replace("%", "%%")
        _add(filters, (*(("-q",) if flag == "--q" else ()), flag), row.parameter, words, row.choices)
    part = filters
    if pages:
        part = parser.add_argument_group("which of them")
        _add(part, ("--limit",), "limit", f"how many, at most {MAX_LIMIT} (default: {DEFAULT_LIMIT})")
        _add(part, ("--page",), "page", "which so many, from 1")
        if sorts:
            orders = ", ".join(f"{order.name} ({order.sentence})" for order in ORDERS)
            _add(part, ("--sort",), "sort", f"in which order: {orders}", tuple(order.name for order in ORDERS))
    return part


def _add(group: Any, flags: Sequence[str], parameter: str, words: str, values: tuple[str, ...] = ()) -> None:
    action = group.add_argument(
        *flags, dest=parameter, default=argparse.SUPPRESS, metavar="X", action=_Filter, help=words
    )
    action.values = values


def values_of(action: argparse.Action) -> tuple[str, ...]:
    """All values that the flag can have, if they are few."""
    return action.values if isinstance(action, _Filter) else tuple(map(str, action.choices or ()))


def flag_of(parameter: str) -> str:
    """
    >>> flag_of("min_ms")
    '--min-ms'
    """
    return f"--{parameter.replace('_', '-')}"


def patterns_of(namespace: Namespace) -> tuple[str, ...]:
    return tuple(namespace.patterns) or (DEFAULT_PATTERN,)


def hint_for_words(namespace: Namespace) -> str:
    """What to say where a word was taken for a file, as in ``search lesson-012``; empty where none was."""
    words = [one for one in namespace.patterns if _WORD.fullmatch(one) and not Path(one).exists()]
    if not words or not hasattr(namespace, "filters"):
        return ""
    return f"To search for {words[0][:60]!r} use -q; for a lesson --lesson, for a user --user."


def query_of(namespace: Namespace, now_ns: int) -> "Query":
    """Strict: raises ``FilterError`` for what is malformed."""
    from diamond_viewer.query.query import Query

    query, _ = Query.from_args(namespace.filters, now_ns, strict=True)
    return query


def _without_colons(text: str) -> str:
    """Titles as those of the other sections."""
    return "\n".join(line.removesuffix(":") if line.isupper() else line for line in text.splitlines()) + "\n"


def _section(title: str, text: str) -> str:
    body = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
    return f"{title}\n{body}\n\n"
