"""Case 50 from the reader's side: pages are answered while a line of 30 MB is read. Ratios only: no machine is slow."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from diamond_viewer.feed.feed import Feed
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.feed.recorder import line_of

LINE_BYTES = 30_000_000
PADDING_BYTES = 300
MAX_SHARE = 1 / 4  # of the time that the line takes: what one answer may wait
MIN_ANSWERS = 20
ROUNDS = 3  # whoever holds on to the interpreter does so each time; a machine that is busy elsewhere does not


def a_long_line() -> bytes:
    """One document of spans with ids of their own."""
    one = line_of(1)
    begin, end = one.index(b'{"traceId"'), one.rindex(b"]}]}]}")
    state = b',"traceState":"%s"}' % (b"x" * PADDING_BYTES)
    span = one[begin : end - 1] + state
    listed = (
        span.replace(b'"spanId":"0000000000000001"', b'"spanId":"%016x"' % number)
        for number in range(1, LINE_BYTES // len(span))
    )
    return one[:begin] + b",".join(listed) + one[end:]


def a_long_line_of_logs() -> bytes:
    record = b'{"timeUnixNano":"1795358295000000000","traceId":"%032x","body":{"stringValue":"lesson %d opened"}}'
    records = b",".join(record % (number + 1, number) for number in range(LINE_BYTES // (len(record) + 35)))
    return b'{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[' + records + b"]}]}]}"


def longest_wait(path: Path) -> tuple[float, int]:
    """While the file is read: the longest wait for an answer, as a share of the time the reading took, and the answers."""
    store = MemoryStore(2**30)
    feed = Feed([str(path)], store)
    client = create_app(store).test_client()
    client.get("/healthz")
    reading = threading.Thread(target=feed.look)
    answered_s = [time.perf_counter()]
    reading.start()
    while reading.is_alive():
        assert client.get("/healthz").status_code == 200
        answered_s.append(time.perf_counter())
    reading.join()
    feed.stop()
    health = store.health()
    assert (health.spans > 0 or health.feed.counters["other_signal"] > 0, health.feed.bad_lines) == (True, 0)
    longest_s = max(after - before for before, after in pairwise(answered_s))
    return longest_s / (answered_s[-1] - answered_s[0]), len(answered_s) - 1


@pytest.mark.parametrize(
    "spelt",
    [
        pytest.param(lambda line: line, id="as the collector writes it"),
        pytest.param(lambda line: line.replace(b"startTimeUnixNano", b"start_time_unix_nano"), id="to be repaired"),
        pytest.param(lambda line: b"[" + line + b"," + line_of(7) + b"]", id="an array"),
        pytest.param(lambda _: a_long_line_of_logs(), id="logs"),
    ],
)
def test_pages_are_answered_while_a_line_of_30_mb_is_read(tmp_path: Path, spelt: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(spelt(a_long_line()) + b"\n")
    rounds = []
    for _ in range(ROUNDS):
        share, answers = longest_wait(path)
        if share < MAX_SHARE and answers >= MIN_ANSWERS:
            return
        rounds.append(f"{share:.0%} in {answers} answers")
    pytest.fail(f"The longest wait for a page, as a share of reading the line: {', '.join(rounds)}.")
