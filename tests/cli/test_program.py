"""What every subcommand has in common: help, exit codes, and quiet ends."""

import re
import shlex
import subprocess
import sys
from argparse import Namespace
from itertools import takewhile

import pytest

from diamond_viewer.cli.arguments import Parser, flag_of, hint_for_words
from diamond_viewer.cli.program import overview
from diamond_viewer.cli.subcommand import PROGRAM, Subcommand
from diamond_viewer.cli.subcommands import SUBCOMMANDS
from diamond_viewer.query.filters import FILTERS
from tests.cli.commanding import ROOT, TRACES, Command, run

SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES")


def test_the_overview_names_every_subcommand(command: Command) -> None:
    said = command("--help")
    assert said.code == 0
    for subcommand in SUBCOMMANDS:
        assert f"{subcommand.name} " in said.out
        assert subcommand.summary in said.out


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda subcommand: subcommand.name)
def test_help_reads_like_a_manual_page_with_examples_that_parse(subcommand: Subcommand) -> None:
    text = Parser(subcommand).format_help()
    sections = [line for line in text.splitlines() if line in SECTIONS]
    assert sections == [one for one in SECTIONS if one in sections or one != "ENVIRONMENT"]
    variables = re.findall(r"^    DIAMOND_(\w+) ", text, re.MULTILINE)  # those that mean something here, and no others
    assert variables == [name for name in ("STORE", "MEMORY", "CONFIG") if f"--{name.lower()} " in text]
    assert ("NO_COLOR" in text) is ("--color" in text)
    assert not re.search(r"\w-\n", text)  # what is searched for and copied stays in one piece
    assert max(map(len, text.splitlines())) <= 128
    assert subcommand.examples
    for words, meaning in subcommand.examples:
        assert meaning in text
        first, *arguments = takewhile(lambda word: word not in ("|", ">", "&&"), shlex.split(words))
        assert first == subcommand.name
        Parser(subcommand).read(arguments)


def test_every_filter_of_the_page_is_a_flag_of_search() -> None:
    text = Parser(next(one for one in SUBCOMMANDS if one.name == "search")).format_help()
    assert [row.parameter for row in FILTERS if not re.search(rf"  (-q X, )?{flag_of(row.parameter)} X\b", text)] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["searhc"], "There is no subcommand 'searhc'. There are: "),
        (["search", "--lessson", "x", str(TRACES)], "Unrecognized arguments: --lessson"),
        (["search", "--min-ms", "fast", str(TRACES)], "min_ms='fast' is not a number of milliseconds."),
        (["search", "-q", "duration>", str(TRACES)], "duration"),
        (["search", "--limit", "1001", str(TRACES)], "limit='1001' is not a whole number from 1 to 1000."),
        (["search", "no-such-file.json"], "There is no file 'no-such-file.json'.\n"),
        (["search", "/no/such/traces.json"], "There is no file '/no/such/traces.json'.\n"),
        (["stats", "../traces.json"], f"There is no file '{ROOT.parent / 'traces.json'}'.\n"),
        (
            ["search", "lesson-012"],
            "There is no file 'lesson-012'. To search for 'lesson-012' use -q; for a lesson --lesson, for a user --user.",
        ),
        (["trace", "lesson-012"], "'lesson-012' is not a trace id: that is 32 digits of 0-9 and a-f, or the first 8"),
        (["search", str(TRACES.parent)], "is a directory. Name a file or a pattern"),
        (["search", "--memory", "lots", str(TRACES)], "--memory 'lots' is not a size."),
        (["search", "--config", "no-such.toml", str(TRACES)], "--config 'no-such.toml' cannot be read"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(command: Command, arguments: list[str], sentence: str) -> None:
    said = command(*arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.startswith("diamond_viewer: ")
    assert said.err.count("\n") == 1


def test_without_arguments_the_overview_goes_to_standard_error(command: Command) -> None:
    said = command()
    assert (said.code, said.out) == (2, "")
    assert said.err.rstrip() == overview().rstrip()


def test_exit_codes_say_whether_something_was_found(command: Command) -> None:
    assert command("search", "--lesson", "lesson-012", TRACES).code == 0
    nothing = command("search", "--lesson", "lesson-999", TRACES)
    assert (nothing.code, nothing.out) == (1, "")


@pytest.mark.parametrize("subcommand", ["search", "stats", "errors", "findings"])
def test_a_lesson_that_nobody_names_is_answered_with_those_that_were_meant(command: Command, subcommand: str) -> None:
    said = command(subcommand, "--lesson", "11", TRACES)
    assert said.code == 1
    assert said.err == "No trace names the lesson 11. Did you mean lesson-011?\n"
    assert command(subcommand, "--lesson", "lesson-011", "--max-ms", "0", TRACES).err == ""  # there is such a lesson


def test_a_word_beside_files_is_said_to_be_none(command: Command) -> None:
    said = command("search", "--json", "lesson-012", TRACES, "--limit", "1")
    assert (said.code, len(said.documents)) == (0, 1)
    assert said.err == (
        "There is no file 'lesson-012'.\nTo search for 'lesson-012' use -q; for a lesson --lesson, for a user --user.\n"
    )
    hints = [
        hint_for_words(Namespace(patterns=[one], filters=[])) for one in ("-", "traces*", "t.json", "a/b", "--", "ada")
    ]
    assert [bool(hint) for hint in hints] == [False, False, False, False, False, True]


def test_a_search_may_begin_with_a_minus(command: Command) -> None:
    ids = {row["trace_id"] for row in command("search", "--all", "--json", TRACES, "-q", "-status:error").documents}
    failed = {row["trace_id"] for row in command("search", "--json", TRACES, "--status", "error").documents}
    assert len(ids) == 314 - 33
    assert len(failed) == 33
    assert not ids & failed


def test_nothing_is_coloured_in_a_pipe_unless_asked_for() -> None:
    assert "\x1b[" not in run("search", "--limit", "3", TRACES).out
    assert "\x1b[" in run("search", "--limit", "3", "--color", "always", TRACES).out


def test_a_reader_who_has_seen_enough_ends_it_quietly() -> None:
    shown = subprocess.run(
        [
            "bash",
            "-c",
            'set -o pipefail; "$0" -m diamond_viewer search --all "$1" | head -1',
            sys.executable,
            str(TRACES),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=50,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert len(shown.stdout.splitlines()) == 1


def test_standard_input_and_compressed_files_are_read_like_the_file(command: Command) -> None:
    expected = command("search", "--json", TRACES).out
    packed = subprocess.run(["gzip", "-c", str(TRACES)], capture_output=True, check=True).stdout
    for piped in (TRACES.read_bytes(), packed, TRACES.read_bytes().rstrip(b"\n")):
        said = run("search", "--json", "-", stdin=piped)
        assert (said.code, said.err) == (0, "")
        assert said.out == expected


def test_the_program_is_called_as_its_help_says() -> None:
    assert PROGRAM == "python -m diamond_viewer"
    assert run("--help").out.rstrip() == overview().rstrip()


def test_values_are_written_as_telemetry_has_them(command: Command) -> None:
    """Not as Python does."""
    for form in ([], ["--markdown"]):
        said = command("trace", "d4d3167950cda8140d447d12cb907d2c", TRACES, *form).out
        assert "completed=false" in said
        assert not re.search(r"=(True|False|None)\b", said)


def test_errors_of_nobody_name_no_users(command: Command) -> None:
    said = command("errors", TRACES).out
    assert re.search(r"^        \d+ traces?, \d+ users?, \d+ lessons?, from ", said, re.MULTILINE)
    assert re.search(r"^        \d+ traces?, from ", said, re.MULTILINE)
    assert " 0 " not in said
