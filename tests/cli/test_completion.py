"""Completion, asked of real shells."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from diamond_viewer.cli.arguments import Parser
from diamond_viewer.cli.completion import COMMAND, SCRIPTS
from diamond_viewer.cli.subcommands import SUBCOMMANDS
from diamond_viewer.query.filters import FILTERS
from tests.cli.commanding import TRACES, Command, run

WITHIN_S = 30.0
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
spec=$(complete -p diamond-viewer); [[ $spec =~ -F\\ ([^ ]+) ]]; "${BASH_REMATCH[1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "completion.bash"
    path.write_text(run("completion", "bash").out)
    return path


def completed(script: Path, *words: str) -> list[str]:
    asked = ["bash", "--norc", "-c", ASK, "bash", str(script), COMMAND, *words]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=WITHIN_S, check=True)
    assert said.stderr == ""
    return said.stdout.split()


def test_bash_completes_subcommands(script: Path) -> None:
    assert set(completed(script, "")) == {"--help", *(subcommand.name for subcommand in SUBCOMMANDS)}
    assert completed(script, "sea") == ["search"]


def test_bash_completes_every_flag_of_every_subcommand(script: Path) -> None:
    for subcommand in SUBCOMMANDS:
        flags = {flag for action in Parser(subcommand)._actions for flag in action.option_strings}
        assert set(completed(script, subcommand.name, "-")) == flags
    assert completed(script, "search", "--lesson", "lesson-012", "--mi") == ["--min-ms"]


def test_bash_completes_the_values_that_a_filter_can_have(script: Path) -> None:
    assert completed(script, "search", "--status", "e") == ["error"]
    for row in FILTERS:
        if row.choices:
            assert completed(script, "stats", f"--{row.parameter}", "") == list(row.choices)
    assert completed(script, "completion", "") == list(SCRIPTS)
    assert completed(script, "search", "tra") == []  # then bash offers files


def test_a_tab_in_a_terminal_completes_and_the_command_runs_from_any_folder(script: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "PS1": "", "TERM": "dumb", "HISTFILE": ""},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, f"source {script}\ndiamond-viewer err\t--cou\t{TRACES} && echo code=$?\n".encode())
        shown, end_s = b"", time.monotonic() + WITHIN_S
        while b"code=0" not in shown:
            assert select.select([ours], [], [], max(0.0, end_s - time.monotonic()))[0], shown
            shown += os.read(ours, 65536)
        assert b"\r\n48\r\n" in shown
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_are_told_the_same(command: Command, shell: str, tmp_path: Path) -> None:
    text = command("completion", shell).out
    for subcommand in SUBCOMMANDS:
        assert subcommand.name in text
        for action in Parser(subcommand)._actions:
            assert all(flag.lstrip("-") in text for flag in action.option_strings)
    if path := shutil.which(shell):  # where there is one, it must be able to read it
        script = tmp_path / "script"
        script.write_text(text)
        assert (
            subprocess.run([path, "-n", str(script)], capture_output=True, timeout=WITHIN_S, check=True).stderr == b""
        )


def test_another_shell_is_refused_with_those_there_are(command: Command) -> None:
    said = command("completion", "tcsh")
    assert said.code == 2
    assert "invalid choice: 'tcsh' (choose from 'bash', 'zsh', 'fish')" in said.err
