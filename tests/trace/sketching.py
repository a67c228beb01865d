"""Arranged traces out of builders' spans."""

from diamond_viewer.telemetry.model import Span
from diamond_viewer.telemetry.sketch import sketch_trace
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.shown import Folding, Shown, shown_rows
from tests.builders import trace


def arranged(*spans: Span, **summary: object) -> Arranged:
    return Arranged.of(sketch_trace(trace(*spans, summary=summary)))


def folded(of: Arranged, folding: Folding, kept: tuple[int, ...] = ()) -> Shown:
    return shown_rows(of.rows, of.spans, folding, kept)


def names(of: Arranged, shown: Shown) -> str:
    """A dot per level, a plus on what is shut."""
    return " ".join(
        "." * depth + of.spans[place].name + "+" * (place in shown.shut)
        for place, depth in zip(shown.places, shown.depths, strict=True)
    )
