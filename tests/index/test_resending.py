"""A batch that is sent again counts once, however its spans are grouped the second time; a changed span is no repeat."""

import pytest

from diamond_viewer.index.memory import MemoryStore
from tests.index.filling import filled, one_by_one
from tests.writing import Wire, resource_spans, span, trace_id, written


def web(*spans: Wire) -> Wire:
    return resource_spans(spans, "web")


def jobs(*spans: Wire) -> Wire:
    return resource_spans(spans, "jobs")


def lines_of(*documents: list[Wire]) -> list[bytes]:
    return [written({"resourceSpans": document}) for document in documents]


ONE, TWO, THREE, OTHER = (span(1), span(2, 1), span(3, 2), span(4, trace=2))
SENT = lines_of([web(ONE, TWO, OTHER), jobs(THREE)])
REGROUPED = {
    "each alone": lines_of([web(ONE)], [web(TWO)], [jobs(THREE)], [web(OTHER)]),
    "by trace": lines_of([web(ONE, TWO), jobs(THREE)], [web(OTHER)]),
    "resource named twice": lines_of([jobs(THREE), web(OTHER), web(TWO, ONE)]),
    "with a new one": lines_of([web(OTHER, span(5, 1), ONE)]),
}


def counted(memory: MemoryStore) -> tuple[int, int]:
    health = memory.health()
    return health.spans, health.counters["conflicting_spans"]


@pytest.mark.parametrize("again", REGROUPED.values(), ids=REGROUPED)
@pytest.mark.parametrize("apart", [True, False], ids=["later", "in one commit"])
def test_a_batch_that_comes_again_regrouped_counts_once(again: list[bytes], apart: bool) -> None:
    memory = filled(one_by_one([*SENT, *again]) if apart else [[*SENT, *again]])
    has_new = again is REGROUPED["with a new one"]
    assert counted(memory) == (4 + has_new, 0)
    assert memory.health().duplicate_spans == (2 if has_new else 4)
    trace = memory.trace(trace_id(1))
    assert trace is not None
    assert {(one.span_id[-1], one.service) for one in trace.spans} >= {("1", "web"), ("2", "web"), ("3", "jobs")}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(web(ONE | {"name": "other"}), id="name"),
        pytest.param(web(ONE | {"endTimeUnixNano": "1795347498184000001"}), id="end"),
        pytest.param(jobs(ONE), id="resource"),
    ],
)
def test_a_span_that_comes_again_changed_is_kept_and_counted_as_a_conflict(changed: Wire) -> None:
    memory = filled(one_by_one([*SENT, *lines_of([changed])]))
    assert counted(memory) == (5, 1)
    assert memory.health().duplicate_spans == 0
