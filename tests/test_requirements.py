"""What the viewer runs on is pinned to the byte."""

import re
from pathlib import Path

LINES = (Path(__file__).parents[1] / "requirements.txt").read_text("utf-8").replace("\\\n", " ").splitlines()
PINNED = re.compile(r"[\w.-]+==[\w.]+(\s+--hash=sha256:[0-9a-f]{64})+")


def test_every_requirement_has_one_version_and_its_hashes() -> None:
    requirements = [line.strip() for line in LINES if line.strip() and not line.startswith("#")]
    assert len(requirements) > 10
    assert [line for line in requirements if not PINNED.fullmatch(line)] == []


def test_pip_is_told_to_refuse_what_has_no_hash() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text("utf-8")
    assert "--require-hashes -r requirements.txt" in makefile
