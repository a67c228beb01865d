"""What a server does beside answering."""

import sys
from collections.abc import Iterator

import pytest

from diamond_viewer import showing
from diamond_viewer.serving import Stop
from diamond_viewer.settings.settings import Settings
from tests.plain_store import PlainStore


@pytest.fixture(autouse=True)
def switch_interval() -> Iterator[None]:
    before_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before_s)


def test_short_answers_do_not_wait_long_for_each_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(showing, "serve", lambda *_: seen.append(sys.getswitchinterval()))
    showing.show(PlainStore(), Settings.from_arguments([], {}), [], Stop())
    assert seen == [pytest.approx(showing.SWITCH_S)]
    assert showing.SWITCH_S < 0.005  # Python's own
