"""What the documents name is there: files, links and their anchors, targets of the Makefile, flags."""

import re
from pathlib import Path

import pytest

from diamond_viewer.settings.flags import flag_parser

TOP = Path(__file__).parents[1]
PLACES = [TOP / folder for folder in ("", "docs", "static", "tests", "templates")]
PLACES += [TOP / "diamond_viewer", *(path for path in (TOP / "diamond_viewer").iterdir() if path.is_dir())]
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("**/*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:[\w.-]+/)*(?:[\w-]+/|[\w.-]+\.(?:py|md|css|js|txt|html|yaml|yml|toml|service|conf)|LICENSE))`")
TARGET = re.compile(r"^make ([a-z-]+)|`make ([a-z-]+)", re.MULTILINE)
FLAG = re.compile(r"(?:python app\.py|make run)[^`\n]*?(--[a-z][a-z-]+)")
EXAMPLES = {"viewer.toml", "tokens.txt"}  # files of the reader's own


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors_of(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    titles = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    broken = []
    for link in LINK.findall(text_of(document)):
        address, _, anchor = link.partition("#")
        if address.startswith("https://"):
            continue
        target = document.parent / address if address else document
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    named = set(FILE.findall(prose)) - EXAMPLES
    assert {name for name in named if not any((place / name).exists() for place in PLACES)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_targets_and_flags_that_a_document_names_are_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(TOP / "Makefile"), re.MULTILINE))
    named = {target for pair in TARGET.findall(text_of(document)) for target in pair if target}
    assert named - targets == set()
    known = {flag for action in flag_parser()._actions for flag in action.option_strings}
    assert set(FLAG.findall(text_of(document))) - known == set()


def test_every_document_is_told_of_in_the_readme() -> None:
    readme = text_of(TOP / "README.md")
    told = {path.name for path in DOCUMENTS[1:] if f"docs/{path.name}" in readme}
    assert told == {path.name for path in (TOP / "docs").glob("*.md")}


def test_the_pictures_are_small_enough_to_load_at_once() -> None:
    assert (TOP / "docs" / "screenshot.png").stat().st_size < 300_000
    assert (TOP / "docs" / "capture.webp").stat().st_size < 500_000
