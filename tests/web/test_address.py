"""Links of which a page has many are put together once, and are the links that each of them would be."""

import pytest

from diamond_viewer.web.address import Address
from tests.asking import NOW_NS

TRACE = "0af7651916cd43dd8448eb211c80319c"
SINCE, UNTIL = "2026-11-22T11:38:18.184Z", "2026-11-22T11:39:00.000000005Z"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="nothing set"),
        pytest.param(
            [("since", "15m"), ("limit", "20"), ("sort", "duration"), ("page", "3")], id="a window, a sort, a page"
        ),
        pytest.param([("q", "since=0&until=0 & a"), ("user", "until=0")], id="filters that look like one"),
        pytest.param([("flag", "slow"), ("flag", "error"), ("until", "5m")], id="one end, flags"),
        pytest.param(
            [("column", "spans"), ("face", "durations"), ("trace", TRACE)], id="columns, a face, an open trace"
        ),
        pytest.param([("page", "2"), ("anchor", f"{NOW_NS}.{TRACE}")], id="an anchor"),
    ],
)
@pytest.mark.parametrize("path", ["/trace-viewer.html", "/errors"])
def test_links_that_are_made_together_are_those_that_are_made_alone(args: list[tuple[str, str]], path: str) -> None:
    address, _ = Address.from_args([*args, ("kind", "since=0")], NOW_NS, path, own=("kind",))
    assert address.windows()(SINCE, UNTIL) == address.between(SINCE, UNTIL)
    assert address.openings()(TRACE[::-1]) == address.opening(TRACE[::-1])
