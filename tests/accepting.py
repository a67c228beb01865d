"""Texts as they were accepted. ``ACCEPT=1 make test`` (or pytest) accepts what they are now; review it with git diff.

A text that has much in common with another is accepted as what differs: each run of lines that stands in the other as well is
one line with their count and digest. When the other has changed, accept twice.
"""

import hashlib
import os
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


MIN_RUN = 4  # lines: a shorter one is easier to read than a line about it


def compare(name: str, text: str, beside: str = "") -> None:
    """``name`` is that of the file in ``tests/golden``, ``beside`` that of the other."""
    path = GOLDEN / name
    if beside:
        other = (GOLDEN / beside).read_text().splitlines() if (GOLDEN / beside).exists() else []
        text = "\n".join(differing(text.splitlines(), other, beside)) + "\n"
    if os.environ.get("ACCEPT"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    accepted = path.read_text() if path.exists() else ""
    assert text == accepted, f"{name} has changed. If that is meant: ACCEPT=1 pytest, and look at the difference"


def differing(lines: list[str], other: list[str], name: str) -> Iterator[str]:
    """
    >>> list(differing(["a", *"xyzw", "b"], [*"wxyzw"], "that.html"))
    ['a', '… 4 lines as in that.html 94566d1d', 'b']
    """
    at = 0
    for run in SequenceMatcher(None, other, lines, autojunk=False).get_matching_blocks():
        if run.size >= MIN_RUN or run.size == 0:
            yield from lines[at : run.b]
            at = run.b + run.size
        if run.size >= MIN_RUN:
            digest = hashlib.sha256("\n".join(lines[run.b : at]).encode()).hexdigest()[:8]
            yield f"… {run.size} lines as in {name} {digest}"
