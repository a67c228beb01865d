"""What README.md names is there: files, links and targets of the Makefile."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text("utf-8")
LINKS = re.findall(r"\]\(([^)#\s]+)\)", README)
FILES = re.findall(r"`((?:[\w.-]+/)*(?:[\w-]+/|[\w-]+\.(?:py|md|css|txt)|LICENSE))`", README)
TARGETS = re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", README, re.MULTILINE)


@pytest.mark.parametrize("link", sorted({*LINKS, *FILES}))
def test_what_is_linked_or_named_is_there(link: str) -> None:
    anywhere = [folder / link for folder in (TOP, TOP / "static", TOP / "tests", TOP / "diamond_viewer")]
    assert link.startswith("https://") or any(path.exists() for path in anywhere)


def test_the_screenshot_is_small_enough_to_load_at_once() -> None:
    assert (TOP / "docs" / "screenshot.png").stat().st_size < 300_000


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {target for pair in TARGETS for target in pair if target}
    assert {"run", "test"} <= named <= targets
