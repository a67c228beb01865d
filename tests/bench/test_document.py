"""A group that is measured alone leaves the other groups' figures and their dates where they are."""

from tests.bench.document import merged

OLD = """# Benchmarks

The first run.

## Goals

| what | goal | |
|---|---:|---|
| cold | 2 | 23rd |
| pages | 5 | 23rd |

## Cold start

Measured on the 23rd.

## While files grow

Measured on the 23rd.

## Peers

Raced on the 23rd.
"""

NEW = """# Benchmarks

The second run.

## Goals

| what | goal | |
|---|---:|---|
| pages | 4 | 24th |
| journeys | 7 | 24th |

## While files grow

Measured on the 24th.

## Journeys

Measured on the 24th.
"""

BOTH = """# Benchmarks

The second run.

## Goals

| what | goal | |
|---|---:|---|
| cold | 2 | 23rd |
| pages | 4 | 24th |
| journeys | 7 | 24th |

## Cold start

Measured on the 23rd.

## While files grow

Measured on the 24th.

## Journeys

Measured on the 24th.

## Peers

Raced on the 23rd.
"""


def test_what_was_measured_anew_takes_its_place_and_the_rest_stays() -> None:
    assert merged(OLD, NEW) == BOTH


def test_the_same_again_changes_nothing() -> None:
    assert merged(BOTH, NEW) == BOTH
    assert merged(BOTH, "") == BOTH
    assert merged("", NEW) == NEW


def test_a_chapter_written_by_hand_stays_behind_the_goals() -> None:
    by_hand = "## What bounds the goals that are missed\n\nThe parser.\n"
    text = merged(f"{OLD}\n{by_hand}", NEW)
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[:3] == ["## Goals", "## What bounds the goals that are missed", "## Cold start"]
    assert "The parser." in text
