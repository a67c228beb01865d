"""The command line called in this process, and what it said."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.cli import program

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TRACES = DATA / "diamond-district" / "traces.json"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Said]


def run(*arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Said:
    """In a process of its own, as a user has it. Standard output is a pipe."""
    ended = subprocess.run(
        [sys.executable, "-m", "diamond_viewer", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        timeout=50,
        check=False,
    )
    return Said(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def in_this_process(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Said:
    code = program.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Said(code, captured.out, captured.err)
