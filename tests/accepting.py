"""Texts as they were accepted. ``ACCEPT=1 make test`` (or pytest) accepts what they are now; review it with git diff."""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    """``name`` is that of the file in ``tests/golden``."""
    path = GOLDEN / name
    if os.environ.get("ACCEPT"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    accepted = path.read_text() if path.exists() else ""
    assert text == accepted, f"{name} has changed. If that is meant: ACCEPT=1 pytest, and look at the difference"
