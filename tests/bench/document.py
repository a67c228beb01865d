"""What ``docs/benchmarks.md`` keeps when only some of it was measured anew.

The document is a preface and chapters that begin with ``## ``. A chapter that was measured takes the place of the one of its
name; the others stay as they were, and so do goals whose rows are not among the new ones. Each says when it was measured.
"""

import re

GOALS = "Goals"
PEERS = "Peers"  # another run's: make bench-peers
BOUNDS = "What bounds the goals that are missed"  # written by hand
FIRST = (GOALS, BOUNDS)  # the other chapters follow in the order in which they came, peers last

_CHAPTER = re.compile("^## ", re.MULTILINE)
_RULE = "|---"

Chapters = dict[str, str]  # title -> what follows it


def merged(old: str, new: str) -> str:
    """``old`` with everything in its place that ``new`` has. Any of them may be empty."""
    preface, chapters = _split(old)
    new_preface, new_chapters = _split(new)
    for title, body in new_chapters.items():
        chapters[title] = _merged_rows(chapters[title], body) if title == GOALS and title in chapters else body
    ordered = sorted(chapters, key=_place)  # sorting is stable
    text = [new_preface or preface, *(f"## {title}\n\n{chapters[title]}" for title in ordered)]
    return "\n\n".join(part.strip() for part in text if part.strip()) + "\n"


def _split(text: str) -> tuple[str, Chapters]:
    preface, *chapters = _CHAPTER.split(text)
    titled = (chapter.partition("\n") for chapter in chapters)
    return preface.strip(), {title.strip(): body.strip() for title, _, body in titled}


def _place(title: str) -> int:
    if title in FIRST:
        return FIRST.index(title)
    return len(FIRST) + (title == PEERS)


def _merged_rows(old: str, new: str) -> str:
    """Of two tables with one head: the rows of both, each under its first cell; a new one replaces the old."""
    head, rule, body = new.partition(_RULE)
    rule_line, _, new_rows = f"{rule}{body}".partition("\n")
    rows = {_first_cell(row): row for row in old.partition(_RULE)[2].splitlines()[1:] if row.startswith("|")}
    rows |= {_first_cell(row): row for row in new_rows.splitlines()}
    return f"{head}{rule_line}\n" + "\n".join(rows.values())


def _first_cell(row: str) -> str:
    return row.split("|")[1].strip()
