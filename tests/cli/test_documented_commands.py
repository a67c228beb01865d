"""``docs/command-line.md`` says what is so: its commands run, and every subcommand and filter stands in it."""

import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from diamond_viewer.cli.arguments import Parser, flag_of
from diamond_viewer.cli.subcommands import SUBCOMMANDS
from diamond_viewer.query.filters import FILTERS
from tests.cli.commanding import ROOT, TRACES

TEXT = (ROOT / "docs" / "command-line.md").read_text()
LINES = [
    line for block in re.findall(r"^```\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
FOLLOWING = [line for line in LINES if "diamond_viewer tail" in line]
ENDING = [line for line in LINES if line not in FOLLOWING]


@pytest.mark.parametrize("line", ENDING)
def test_a_documented_command_runs(line: str, tmp_path: Path) -> None:
    """Over real telemetry, where the collector's files would be. ``tail -f`` would not end."""
    (tmp_path / "traces.json").symlink_to(TRACES)
    words = line.replace("/var/log/otel-collector", str(tmp_path)).replace("tail -f", "cat")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    if line.startswith("source"):
        words = f"python -m diamond_viewer completion bash > ~/.diamond-viewer.bash; {words}; diamond-viewer --help"
    said = subprocess.run(
        ["bash", "-o", "pipefail", "-c", words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=50,
        check=False,
    )
    assert said.stderr == ""
    assert said.returncode == (1 if "--since 2h" in line else 0)
    is_silent = "--since 2h" in line or "completion bash >" in line
    assert bool(said.stdout) is not is_silent


@pytest.mark.parametrize("line", FOLLOWING)
def test_a_documented_command_that_follows_is_understood(line: str) -> None:
    words = list(takewhile(lambda word: word != "|", shlex.split(line)))
    assert words[:4] == ["python", "-m", "diamond_viewer", "tail"]
    subcommand = next(one for one in SUBCOMMANDS if one.name == "tail")
    assert Parser(subcommand).read(words[4:]).patterns == ["/var/log/otel-collector/traces.json"]


def test_every_subcommand_and_every_filter_is_documented() -> None:
    for subcommand in SUBCOMMANDS:
        assert re.search(rf"^\| `{subcommand.name}[` ]", TEXT, re.MULTILINE), subcommand.name
    for row in FILTERS:
        flag = "-q" if row.parameter == "q" else flag_of(row.parameter)
        assert f"| `{flag}` | {row.sentence.replace('{}', 'X')}" in TEXT


def test_recipes_count_and_find_what_their_replacements_do() -> None:
    """jq over the collector's own lines: nothing there was written twice."""
    recipes = [line for line in LINES if "| jq -c '.resourceSpans" in line and line.startswith("cat")]
    replacements = [line for line in LINES if "errors --count" in line or "search --operation" in line]
    assert len(recipes) == len(replacements) == 2
    counts = []
    for line in (*recipes, *replacements):
        words = re.sub(r"'?/var/log/otel-collector/traces\*\.json'?", str(TRACES), line)
        words = words.replace("python", sys.executable, 1)
        ran = subprocess.run(["bash", "-c", words], capture_output=True, text=True, cwd=ROOT, timeout=50, check=False)
        counts.append(ran.stdout)
    assert counts[1].strip() == counts[3].strip() == "48"
    traces = set(re.findall(r'"traceId":"([0-9a-f]{32})"', counts[0]))
    assert traces == set(re.findall(r"\b[0-9a-f]{32}\b", counts[2]))
