"""What makes two requests one call that came twice, where little is known of them."""

import pytest

from diamond_viewer.diagnosis.calls import duplicate_calls
from diamond_viewer.diagnosis.facts import gather
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, line, span

NS_PER_MS = 1_000_000


@pytest.mark.parametrize(
    ("names", "said", "is_twice"),
    [
        (("GET", "GET"), {"http.route": "/api/lessons"}, True),
        (("GET", "GET"), {"http.target": "/api/lessons"}, True),
        (("GET /api/lessons", "GET /api/lessons"), {}, True),
        (("GET /api/lessons", "GET /api/courses"), {}, False),
        (("GET", "GET"), {}, False),
    ],
)
def test_only_what_surely_asks_for_the_same_is_called_twice(names: tuple[str, str], said: Wire, is_twice: bool) -> None:
    asked = {"http.method": "GET", "user.id": "user-1"} | said
    spans = [
        span(1 + at, trace=1, kind=2, name=name, start_ns=A_TIME_NS + at * 100 * NS_PER_MS, attributes=asked)
        for at, name in enumerate(names)
    ]
    trace = PlainStore.from_lines([line(*spans)]).trace(f"{1:032x}")
    assert trace is not None
    assert bool(duplicate_calls(gather(trace))) == is_twice
