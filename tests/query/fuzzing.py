"""What holds of everything that readers type into the search box; ``tests/fuzz`` types it."""

from diamond_viewer.query.evidence import fulfils
from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import FilterError, Mistake
from diamond_viewer.query.query import Query
from diamond_viewer.query.reasons import span_conditions
from diamond_viewer.query.suggestions import expected_at
from diamond_viewer.telemetry.model import Span
from tests.builders import event, span

SPAN: Span = span(
    "a", attributes={"x": ["y", 3.5, {"z": None}]}, events=(event("auth.failed", 5, {"hasCookie": False}),)
)


def ask(text: str, cursor: int) -> None:
    """A search or a mistake within it; whatever is made of it answers."""
    place_of_mistake = 0
    try:
        term = parse(text)
        assert parse(text) == term
        for condition in span_conditions([term]):
            fulfils(SPAN, condition)
    except Mistake as mistake:
        place_of_mistake = mistake.position
    assert 0 <= place_of_mistake <= len(text)
    place = expected_at(text, min(cursor, len(text)))
    assert 0 <= place.start <= len(text)
    for parameter in ("q", "since", "min_ms", "flag", "limit", "anchor"):
        refusal = "."
        try:
            Query.from_args([(parameter, text)], 0, strict=True)[0].terms(0)
        except FilterError as error:
            refusal = str(error)
        assert refusal[-1] in ".?"
