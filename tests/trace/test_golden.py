"""Real traces as drawings that were accepted."""

from collections import defaultdict
from pathlib import Path

import pytest

from diamond_viewer.telemetry.model import Span
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_spans import decode_spans
from diamond_viewer.trace.tree import arrange
from tests.accepting import compare
from tests.trace.drawing import drawing

TESTS = Path(__file__).parents[1]

TRACES = {
    "a progress update and the job behind it": "0e1993e4ebd476937cb0d7326ce5dbf7",
    "a resume that landed at the wrong place": "4ad0ca0cf9c2c2ad5f33b7d8f4ce0aa4",
    "a transcoding that failed": "64ca9bd24dffecb1bed85b2f6178dd24",
    "children whose parent never came": "445f545bb13f9752a16d30a8a6da976d",
    "a whole session over three services": "4785e271b3daa680fd09a81249c1380e",
}


@pytest.fixture(scope="module")
def real_traces() -> dict[str, list[Span]]:
    found = defaultdict(list)
    for line in (TESTS / "data" / "diamond-district" / "traces.json").read_bytes().splitlines():
        for span in decode_spans(decode_line(line).original):
            found[span.trace_id].append(span)
    return found


@pytest.mark.parametrize("name", TRACES)
def test_a_real_trace_is_drawn_as_it_was_accepted(real_traces: dict[str, list[Span]], name: str) -> None:
    compare(f"trace/{name.replace(' ', '-')}.txt", drawing(real_traces[TRACES[name]]))


def test_only_the_trace_without_its_root_has_orphans(real_traces: dict[str, list[Span]]) -> None:
    with_orphans = [trace_id for trace_id, spans in real_traces.items() if any(row.orphan for row in arrange(spans))]
    assert with_orphans == [TRACES["children whose parent never came"]]


def test_a_real_child_stands_below_its_parent_even_if_both_start_at_one_nanosecond(
    real_traces: dict[str, list[Span]],
) -> None:
    same_start = 0
    for spans in real_traces.values():
        rows = arrange(spans)
        for row in rows:
            if row.parent_row >= 0:
                parent = rows[row.parent_row].span
                assert parent.span_id == row.span.parent_id
                same_start += parent.start_ns == row.span.start_ns
    assert same_start > 1_000
