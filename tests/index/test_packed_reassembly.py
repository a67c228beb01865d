"""What a packer says of its traces is what a store says that worked them out one commit after the other."""

import numpy as np

from diamond_viewer.index.memory import MemoryStore
from tests.asking import drawn
from tests.index.filling import ROOMY_BYTES, add_lines
from tests.index.test_eviction import wire_of
from tests.writing import line


def test_a_trace_in_pieces_over_many_lines_is_whole_in_a_packed_segment() -> None:
    lines = [line(*(wire_of(trace, number) for trace in range(1, 40))) for number in range(1, 5)]
    packer, follower = MemoryStore.packer(), MemoryStore(ROOMY_BYTES)
    for one in lines:
        add_lines(packer, [one])
        packer.commit()
        add_lines(follower, [one])
        follower.commit()
    segment = packer.handed_over()
    assert np.diff(segment.spans["trace"]).min() >= 0
    adopting = MemoryStore(ROOMY_BYTES)
    adopting.adopt(segment)
    assert drawn(adopting) == drawn(follower)
    assert segment.traces["span_count"].tolist() == [4] * 39


def test_a_packer_that_was_given_nothing_hands_over_nothing() -> None:
    segment = MemoryStore.packer().handed_over()
    assert (segment.traces.size, segment.spans.size) == (0, 0)
