"""Charts: scales, gaps, stacks, peaks that survive, and hostile labels."""

import random

from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.web.charts import (
    HEIGHT_PX,
    TONES,
    Row,
    chart,
    nice_ticks,
    peaks_kept,
    slot_edges,
    time_ticks,
)

EDGES = tuple(range(0, 6 * NS_PER_SECOND, NS_PER_SECOND))
EVIL = '"><script>alert(1)</script>'


def test_a_line_has_no_opinion_about_a_gap() -> None:
    drawn = chart("Load", EDGES, [Row("p95", (1.0, 3.0, None, 2.0, None))], "ms")
    assert [(shape.kind, shape.path.count("L")) for shape in drawn.shapes] == [("line", 1), ("dot", 0)]
    assert [hit.title.splitlines()[1] for hit in drawn.hits] == ["p95: 1 ms", "p95: 3 ms", "p95: 2 ms"]
    assert [row for _, row in drawn.table_rows] == [("1 ms",), ("3 ms",), ("2 ms",)]


def test_bars_stand_upon_each_other_and_the_highest_reaches_the_top() -> None:
    drawn = chart("Stalls", EDGES, [Row("a", (1, 0, 4, 0, 0)), Row("b", (1, 2, 6, None, 0))], is_stacked=True)
    assert [tick.label for tick in drawn.y_ticks] == ["0", "5", "10"]
    tops = [float(part.split("V")[1].split("H")[0]) for part in drawn.shapes[1].path.split("Z")[:-1]]
    assert min(tops) == 7  # 10 of 10
    assert max(tops) < HEIGHT_PX


def test_an_error_is_a_band_and_is_said() -> None:
    drawn = chart("Load", EDGES[:3], [Row("p95", (1500.0, 2000.0), ((1000.0, 2500.0), (1000.0, float("inf"))))], "ms")
    assert [shape.kind for shape in drawn.shapes] == ["band", "line"]
    assert "p95: 1.5 s (between 1 s and 2.5 s)" in drawn.hits[0].title
    assert "nan" not in "".join(shape.path for shape in drawn.shapes)


def test_nothing_to_draw_is_said() -> None:
    assert chart("Load", EDGES, [Row("p95", (None,) * 5)]).empty
    assert chart("Load", (), []).empty


@example(-5e-324, 4.0)
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_hold_everything_and_are_few(low: float, size: float) -> None:
    ticks = nice_ticks(low, low + size)
    assert ticks[0] <= low + 1e-6 * abs(low)
    assert ticks[-1] >= (low + size) - 1e-6 * abs(low + size) - 1e-9
    assert 2 <= len(ticks) <= 6


@given(st.integers(0, 2**61), st.integers(1, 2**60))
def test_times_on_the_axis_lie_within_it_and_are_few(first_ns: int, span_ns: int) -> None:
    ticks = time_ticks(first_ns, first_ns + span_ns)
    assert all(first_ns <= at <= first_ns + span_ns for at, _ in ticks)
    assert len(ticks) <= 7
    edges = slot_edges(first_ns, first_ns + span_ns)
    assert (edges[0], edges[-1]) == (first_ns, first_ns + span_ns)
    assert len(edges) <= 61


def test_a_million_values_keep_their_peaks() -> None:
    chance = random.Random(7)
    values = [chance.random() for _ in range(100_000)]
    values[31_337], values[70_001] = 1e6, -1e6
    kept = peaks_kept(range(100_000), values, 120)
    assert len(kept) <= 4 * 120
    assert {(31_337, 1e6), (70_001, -1e6), (0, values[0]), (99_999, values[-1])} <= set(kept)
    assert kept == sorted(kept)


def test_more_rows_than_colours_are_not_drawn() -> None:
    drawn = chart("m", EDGES[:2], [Row(str(at), (1.0,)) for at in range(20)])
    assert len(drawn.legend) == TONES


def test_labels_from_telemetry_are_text(client: FlaskClient) -> None:
    drawn = chart(EVIL, EDGES[:3], [Row(EVIL, (1.0, 2.0)), Row("b", (1.0, None))], EVIL)
    with client.application.app_context():
        html = str(client.application.jinja_env.get_template("_chart.html").module.draw(drawn))  # type: ignore[attr-defined]
    assert EVIL not in html
    assert "&lt;script&gt;" in html
