"""Nothing lost, nothing twice: a thousand random stories, or as many as ``STORIES`` says, from seed ``FIRST_STORY`` on."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.feed.story import Story

STORIES = int(os.environ.get("STORIES", "1000"))
FIRST_STORY = int(os.environ.get("FIRST_STORY", "0"))
BATCHES = 10


@pytest.mark.timeout(60 + STORIES // 10)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_was_written_is_indexed_once_whatever_happens_to_the_files(batch: int) -> None:
    for seed in range(FIRST_STORY + batch, FIRST_STORY + STORIES, BATCHES):
        with tempfile.TemporaryDirectory(prefix="story-") as directory:
            story = Story(seed, Path(directory))
            try:
                story.tell()
            except Exception as error:
                raise AssertionError(f"story {seed}, FIRST_STORY={seed} STORIES=1: {error}\n{story.told}") from error
