"""An id that was cut off finds its trace, in memory as by plain comparison of texts."""

import pytest

from diamond_viewer.index.memory import MemoryStore
from tests.asking import row_of
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, line, span

IDS = (
    "0af7651916cd43dd8448eb211c80319c",
    "0af7651916cd43dd8448eb211c80319d",
    "0af7651916cd43de0000000000000000",
    "0af76519ffffffffffffffffffffffff",
    "0000000000000000af7651916cd43dd8",  # of 64 bits
    "af7651916cd43dd80000000000000001",
    "ffffffffffffffffffffffffffffffff",
)
LINES = [line({**span(1, start_ns=A_TIME_NS + 7 * at % 5), "traceId": one}) for at, one in enumerate(IDS)]
BEGINNINGS = [
    *(one[:count] for one in IDS for count in (8, 15, 16, 17, 31)),
    "af7651916cd43dd8",
    "00000000af765191",
    "12345678",
    "0" * 8,
    "f" * 31,
]


@pytest.fixture(scope="module", params=[100, 2], ids=["one segment", "several segments"])
def memory(request: pytest.FixtureRequest) -> MemoryStore:
    return filled([[one] for one in LINES], request.param)


@pytest.mark.parametrize("digits", sorted(set(BEGINNINGS)))
@pytest.mark.parametrize("limit", [1, 20])
def test_it_is_found_by_its_first_digits(memory: MemoryStore, digits: str, limit: int) -> None:
    plain = PlainStore.from_lines(LINES)
    expected = [row_of(row) for row in plain.beginning_with(digits, limit)]
    assert [row_of(row) for row in memory.beginning_with(digits, limit)] == expected


def test_several_begin_alike_and_one_of_64_bits_is_meant_too(memory: MemoryStore) -> None:
    def found(digits: str) -> set[str]:
        return {row.trace_id for row in memory.beginning_with(digits, 20)}

    assert found("0af76519") == set(IDS[:4])
    assert found("0af7651916cd43dd8") == set(IDS[:2])
    assert found("af7651916cd43dd8") == {IDS[4], IDS[5]}
    assert found("0" * 16 + "1") == set()
