"""``completion``: a script that makes a shell complete subcommands, flags and values, and the command ``diamond-viewer``."""

import shlex
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from diamond_viewer.cli.arguments import Parser, values_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, Subcommand

COMMAND = "diamond-viewer"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Completed:
    """A subcommand and its flags as the shells need them."""

    name: str
    summary: str
    actions: tuple[Action, ...]

    @property
    def flags(self) -> list[str]:
        return [flag for action in self.actions for flag in action.option_strings]


def declare(parser: ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=tuple(SCRIPTS), help=f"one of {', '.join(SCRIPTS)}")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.subcommands import SUBCOMMANDS

    completed = []
    for subcommand in SUBCOMMANDS:
        flags = tuple(action for action in Parser(subcommand)._actions if action.option_strings)
        completed.append(Completed(subcommand.name, subcommand.summary, flags))
    for line in SCRIPTS[namespace.shell](completed):
        output.line(line)
    return FOUND


def _call() -> str:
    """How the viewer is called from any folder."""
    path = f"{_ROOT}${{PYTHONPATH:+:$PYTHONPATH}}"
    return f'PYTHONPATH="{path}" {shlex.quote(sys.executable)} -m diamond_viewer'


def bash_lines(completed: list[Completed]) -> Iterator[str]:
    yield f"# bash: source <({COMMAND} completion bash), in ~/.bashrc"
    yield f'{COMMAND}() {{ {_call()} "$@"; }}'
    yield "_diamond_viewer() {"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} subcommand=${COMP_WORDS[1]} words="
    yield f"    if ((COMP_CWORD == 1)); then words='--help {' '.join(one.name for one in completed)}'"
    yield "    else case $subcommand:$before in"
    for one in completed:
        for action in one.actions:
            if values := values_of(action):
                patterns = "|".join(f"{one.name}:{flag}" for flag in action.option_strings)
                yield f"        {patterns}) words='{' '.join(values)}' ;;"
    yield f"        completion:completion) [[ $word == -* ]] || words='{' '.join(SCRIPTS)}' ;;"
    yield "    esac; fi"
    yield "    if [[ -z $words && $word == -* ]]; then case $subcommand in"
    for one in completed:
        yield f"        {one.name}) words='{' '.join(one.flags)}' ;;"
    yield "    esac; fi"
    yield '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")'
    yield "}"
    yield f"complete -o bashdefault -o default -F _diamond_viewer {COMMAND}"


def zsh_lines(completed: list[Completed]) -> Iterator[str]:
    yield f"# zsh: source <({COMMAND} completion zsh), in ~/.zshrc behind compinit"
    yield f'{COMMAND}() {{ {_call()} "$@"; }}'
    yield "_diamond_viewer() {"
    yield "    local -a subcommands"
    yield "    subcommands=("
    yield from (f"        {_quoted(f'{one.name}:{one.summary}')}" for one in completed)
    yield "    )"
    yield "    if ((CURRENT == 2)); then _describe subcommand subcommands; return; fi"
    yield "    local subcommand=$words[2]; shift words; ((CURRENT--))"
    yield "    case $subcommand in"
    for one in completed:
        yield f"        {one.name}) _arguments -s \\"
        for action in one.actions:
            values = f":value:({' '.join(values_of(action))})" if values_of(action) else ":value:"
            for flag in action.option_strings:
                said = _bracketed(action.help or "")
                yield f"            {_quoted(f'*{flag}[{said}]{values if takes_value(action) else str()}')} \\"
        last = f"1:shell:({' '.join(SCRIPTS)})" if one.name == "completion" else "*:file:_files"
        yield f"            {_quoted(last)} ;;"
    yield "    esac"
    yield "}"
    yield f"compdef _diamond_viewer {COMMAND}"


def fish_lines(completed: list[Completed]) -> Iterator[str]:
    yield f"# fish: {COMMAND} completion fish > ~/.config/fish/completions/{COMMAND}.fish"
    yield f"function {COMMAND}"
    yield f"    set -lx --path PYTHONPATH {shlex.quote(str(_ROOT))} $PYTHONPATH"
    yield f"    {shlex.quote(sys.executable)} -m diamond_viewer $argv"
    yield "end"
    for one in completed:
        begins = f"complete -c {COMMAND} -n __fish_use_subcommand -f -a {one.name}"
        yield f"{begins} -d {_quoted(one.summary)}"
    for one in completed:
        for action in one.actions:
            flags = " ".join(
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in action.option_strings
            )
            values = f" -x -a {_quoted(' '.join(values_of(action)))}" if values_of(action) else " -r"
            said = _quoted((action.help or "").replace("%%", "%"))
            where = f"complete -c {COMMAND} -n '__fish_seen_subcommand_from {one.name}'"
            yield f"{where} {flags}{values if takes_value(action) else ''} -d {said}"
    yield f"complete -c {COMMAND} -n '__fish_seen_subcommand_from completion' -f -a {_quoted(' '.join(SCRIPTS))}"


def takes_value(action: Action) -> bool:
    return action.nargs != 0


def _quoted(text: str) -> str:
    """In single quotes, in all three shells.

    >>> _quoted("the user's")
    "'the user’s'"
    """
    return "'{}'".format(text.replace("'", "’"))


def _bracketed(text: str) -> str:
    """What may stand between the brackets of ``_arguments``."""
    return text.replace("%%", "%").replace("[", "(").replace("]", ")").replace(":", ",")


SCRIPTS: dict[str, Callable[[list[Completed]], Iterator[str]]] = {
    "bash": bash_lines,
    "zsh": zsh_lines,
    "fish": fish_lines,
}

SUBCOMMAND = Subcommand(
    "completion",
    "a script for bash, zsh or fish that completes all of this",
    f"""\
The script also makes the command {COMMAND}, which runs this program from any folder. Once for a session, or in
the shell's start-up file.""",
    (
        ("completion bash > ~/.diamond-viewer.bash && source ~/.diamond-viewer.bash", "bash"),
        ("completion zsh > ~/.diamond-viewer.zsh && source ~/.diamond-viewer.zsh", "zsh"),
        ("completion fish > ~/.config/fish/completions/diamond-viewer.fish", "fish"),
    ),
    declare,
    run,
)
