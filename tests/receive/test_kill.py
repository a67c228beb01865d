"""``kill -9`` at any moment: what was answered with 200 is in the file, and on the page after the next start."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import count
from pathlib import Path

import pytest

from tests import writing
from tests.receive.receiving import spans_of
from tests.receive.viewing import ReceivingViewer, viewing

KILLS = 8
SENDERS = 3
SPANS = 5  # of a request


def _sent_until_killed(viewer: ReceivingViewer, numbers: "count[int]") -> list[int]:
    """The numbers of the spans that were answered with 200, one request after the other until nobody answers."""
    answered: list[int] = []
    with suppress(OSError, HTTPException):
        while True:
            span_numbers = [next(numbers) for _ in range(SPANS)]
            if viewer.receiver.send(writing.line(*map(writing.span, span_numbers))).status == 200:
                answered += span_numbers
    return answered


@pytest.mark.timeout(180)
def test_every_span_answered_with_200_is_there_after_being_killed_at_many_moments(tmp_path: Path) -> None:
    live_path = tmp_path / "traces.json"
    moments, numbers = random.Random(9), count(1)
    answered: set[int] = set()
    for _ in range(KILLS):
        with viewing(live_path) as viewer, ThreadPoolExecutor(SENDERS) as threads:
            sending = [threads.submit(_sent_until_killed, viewer, numbers) for _ in range(SENDERS)]
            time.sleep(moments.uniform(0.05, 0.6))  # the moment is what is tried here: nothing is waited for
            viewer.process.kill()
            answered.update(number for one in sending for number in one.result())
    assert len(answered) > 10 * KILLS
    with viewing(live_path) as viewer:  # ends a last line that was cut off
        kept = [span["spanId"] for span in spans_of(viewer.receiver.documents_that_can_be_read())]
        health = viewer.wait_for_spans(len(kept))
    assert {writing.span_id(number) for number in answered} <= set(kept)
    assert len(kept) == len(set(kept)) == health["spans"]
    assert health["bad_lines"] <= KILLS
