"""The demo's lines beside real ones: the same keys, the same order, the same forms of values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from diamond_viewer.demo.platform import NS_PER_SECOND, Line, Platform
from diamond_viewer.telemetry.otlp import decode_line

REAL = Path(__file__).parents[1] / "data" / "diamond-district"
START_NS = 1_795_358_295_457_000_000


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(Platform(7, START_NS).lines(START_NS + 1800 * NS_PER_SECOND, 5 * NS_PER_SECOND, 4))


class Shape:
    """What objects look like, by their path: which keys always and ever, which before which, and how leaves are spelled."""

    def __init__(self) -> None:
        self.always: dict[str, set[str]] = {}
        self.ever: dict[str, set[str]] = {}
        self.before: dict[str, set[tuple[str, str]]] = {}
        self.forms: dict[str, set[str]] = {}

    def add(self, path: str, value: Any) -> None:
        if isinstance(value, dict):
            keys = list(value)
            self.always[path] = self.always.get(path, set(keys)) & set(keys)
            self.ever.setdefault(path, set()).update(keys)
            self.before.setdefault(path, set()).update((a, b) for i, a in enumerate(keys) for b in keys[i + 1 :])
            for key, inner in value.items():
                # an attribute's value looks the same wherever it stands, also inside an array
                self.add("value" if key == "value" else f"{path}.{key}", inner)
        elif isinstance(value, list):
            for inner in value:
                self.add("value" if path == "value.arrayValue.values" else path, inner)
        else:
            self.forms.setdefault(path, set()).add(_form(value))


def _form(value: object) -> str:
    if not isinstance(value, str):
        return "number" if type(value) in (int, float) else type(value).__name__
    for name, pattern in (
        ("19 digits", r"\d{19}"),
        ("trace id", "[0-9a-f]{32}"),
        ("span id", "[0-9a-f]{16}"),
        ("int", r"-?\d+"),
    ):
        if re.fullmatch(pattern, value):
            return name
    return "text"


def _shape(payloads: Iterator[bytes]) -> Shape:
    shape = Shape()
    for payload in payloads:
        shape.add("", orjson.loads(payload))
    return shape


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_a_line_has_the_shape_of_a_real_line(lines: list[Line], signal: str) -> None:
    real = _shape(iter((REAL / f"{signal}.json").read_bytes().splitlines()))
    demo = _shape(line.payload for line in lines if line.signal == signal)
    assert demo.ever
    for path, keys in demo.ever.items():
        assert keys <= real.ever[path], f"{path}: keys no real line has"
        assert real.always[path] <= demo.always[path], f"{path}: keys every real line has"
        reversed_pairs = {(b, a) for a, b in demo.before[path]}
        assert not reversed_pairs & real.before[path], f"{path}: keys in another order"
    for path, forms in demo.forms.items():
        free_text = path.endswith(("stringValue", ".name", ".key", ".message", ".version"))
        assert free_text or forms <= real.forms[path], f"{path}: values in another form"


def test_a_line_is_one_line_of_utf8(lines: list[Line]) -> None:
    for line in lines:
        assert b"\n" not in line.payload
        line.payload.decode()


def test_every_span_is_readable(lines: list[Line]) -> None:
    batches = [decode_line(line.payload) for line in lines if line.signal == "traces"]
    assert all(batch.invalid_spans == 0 and not batch.repaired and batch.span_count for batch in batches)
    assert {decode_line(line.payload).signal for line in lines if line.signal != "traces"} == {"metrics", "logs"}


def test_whole_doubles_have_no_fraction(lines: list[Line]) -> None:
    spelled = b"".join(line.payload for line in lines)
    assert re.search(rb'"doubleValue":\d+[,}]', spelled)
    assert not re.search(rb'"doubleValue":\d+\.0[,}]', spelled)
