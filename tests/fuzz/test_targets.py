"""Every target, on what is kept in ``tests/data/fuzz`` and on what hypothesis makes up."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import CORPUS, NAMES
from tests.fuzz.targets import TARGETS

KEPT = sorted(CORPUS.glob("*/*"))
SNIPPETS = (
    *(b'{"resourceSpans":[{"scopeSpans":[{"spans":[', b'{"traceId":"' + b"1" * 32 + b'","spanId":"' + b"2" * 16 + b'"'),
    *(
        b',"name":"a"',
        b"}]}]}]}",
        b'"attributes":[{"key":"password","value":{"stringValue":"',
        b'"}}]',
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(
        b"\n",
        b"\r\n",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xed\xa0\x80",
        b"\\ud800",
        b'"',
        b"'",
        b"=",
        b":",
        b"%3D",
        b"%40",
    ),
    *(b"Bearer ", b"basic ", b"eyJhbGciOiJIUzI1NiJ9.e30.", b"://", b"@", b"token", b"cookie", b"; ", b"&", b"?", b"\\"),
    *(
        b"status:error",
        b" OR ",
        b"-",
        b"(",
        b")",
        b"span:{",
        b">",
        b"*",
        b"15m",
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"\x78\x9c",
    ),
)
PIECES = st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=12))


def test_the_corpus_is_small_and_of_targets_that_there_are() -> None:
    assert sorted(TARGETS) == sorted(NAMES)
    assert {path.parent.name for path in KEPT} == set(NAMES)
    assert sum(path.stat().st_size for path in KEPT) < 200_000


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_kept_holds(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=st.lists(PIECES, max_size=24))
def test_what_is_made_up_holds(name: str, pieces: list[bytes]) -> None:
    TARGETS[name](b"".join(pieces))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    at=st.floats(0, 1),
    piece=PIECES,
    cut=st.integers(0, 8),
    which=st.integers(0, 10**6),
)
def test_what_is_nearly_right_holds(name: str, at: float, piece: bytes, cut: int, which: int) -> None:
    """What was kept, with something else in one place."""
    kept = [path for path in KEPT if path.parent.name == name]
    content = kept[which % len(kept)].read_bytes()
    place = int(at * len(content))
    TARGETS[name](content[:place] + piece + content[place + cut :])
