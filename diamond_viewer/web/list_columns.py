"""The table of columns that a reader can add to the list, and any attribute besides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from diamond_viewer.query.evidence import attribute_values
from diamond_viewer.query.patterns import value_texts
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.telemetry.units import format_count, format_date_time
from diamond_viewer.web.row_facts import RowFacts, RowQuestion

MAX_COLUMNS = 6
MAX_KEY = 100  # characters of an attribute's name
MAX_VALUE = 200  # characters of a value
MAX_SPANS = 1_000  # looked at in one trace, from its start on
MAX_ROWS = 200  # of one page, from its top
MAX_KEPT = 8_192  # values of rows that have not changed
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class ListColumn:
    """``name`` is the value of the parameter ``column``; ``value`` is what stands in the row."""

    name: str
    label: str
    value: Callable[[TraceSummary], str]


LIST_COLUMNS: tuple[ListColumn, ...] = (
    ListColumn("end", "Last end", lambda row: format_date_time(row.start_ns + row.duration_ns)),
    ListColumn("services", "Services", lambda row: ", ".join(row.services)),
    ListColumn("spans", "Spans", lambda row: format_count(row.span_count)),
    ListColumn("errors", "Failed spans", lambda row: format_count(row.error_count)),
    ListColumn("events", "Events", lambda row: format_count(row.event_count)),
    ListColumn("users", "All users", lambda row: ", ".join(row.user_ids) or NOTHING),
    ListColumn("lessons", "All lessons", lambda row: ", ".join(row.lesson_ids) or NOTHING),
    ListColumn("trace", "Trace id", lambda row: row.trace_id),
)
_BY_NAME = {column.name: column for column in LIST_COLUMNS}


def chosen_columns(asked: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns asked for, each once, and a sentence for each that cannot be shown.

    >>> chosen_columns(["spans", "http.method", "spans", ""])
    (('spans', 'http.method'), ())
    """
    names = tuple(dict.fromkeys(name.strip() for name in asked if name.strip()))
    sentences = [
        f"column={name[:60]!r} is longer than the {MAX_KEY} characters that an attribute's name may have here."
        for name in names
        if len(name) > MAX_KEY
    ]
    usable = tuple(name for name in names if len(name) <= MAX_KEY)
    if len(usable) > MAX_COLUMNS:
        sentences.append(f"More than {MAX_COLUMNS} columns: the rest is left out.")
    return usable[:MAX_COLUMNS], tuple(sentences)


def column_label(name: str) -> str:
    return _BY_NAME[name].label if name in _BY_NAME else name


def cells(
    store: TraceStore, rows: Sequence[tuple[TraceSummary, str]], columns: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """For each row a text for each column; a row is a trace and a text that differs when it has grown. Attributes are left
    empty beyond the first ``MAX_ROWS``."""
    keys = tuple(name for name in columns if name not in _BY_NAME)
    asked = [RowQuestion(trace, held, keys) for trace, held in rows[:MAX_ROWS]] if keys else []
    found = _ATTRIBUTES.of(store, asked) + [{}] * (len(rows) - len(asked))
    return [
        tuple(_BY_NAME[name].value(trace) if name in _BY_NAME else said.get(name, NOTHING) for name in columns)
        for (trace, _), said in zip(rows, found, strict=True)
    ]


def _attributes(spans: Sequence[SpanSketch], keys: tuple[str, ...]) -> Mapping[str, str]:
    """The first value of each attribute, by the start of the spans, and how many others there are."""
    found: dict[str, dict[str, None]] = {key: {} for key in keys}
    for span in spans[:MAX_SPANS]:
        whole = span.whole()
        for key in keys:
            for value in attribute_values(whole, key):
                found[key].update(dict.fromkeys(value_texts(value)))
    return {key: _words(list(values)) for key, values in found.items() if values}


def _words(values: list[str]) -> str:
    first = values[0] if len(values[0]) <= MAX_VALUE else f"{values[0][:MAX_VALUE]}…"
    return f"{first} +{len(values) - 1}" if len(values) > 1 else first


_ATTRIBUTES: RowFacts[tuple[str, ...], Mapping[str, str]] = RowFacts(_attributes, {}, MAX_KEPT)
