"""Questions to a store and answers that can be compared, for tests that hold one store against another."""

import json
from dataclasses import replace
from typing import Any

from diamond_viewer.index.examined import ExaminedTraces
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Span, Stats, Trace, TraceSummary
from tests.plain_otlp import members_of

NOW_NS = 1_795_400_000_000_000_000  # after everything in tests/data

UNDECIDED = Query((("q", "finding:error OR -finding:error"),))  # nobody knows before all are examined


def asked(**filters: object) -> Query:
    """A query as its URL would give it; a list gives a filter several times."""
    pairs = [(name, str(v)) for name, value in filters.items() for v in (value if isinstance(value, list) else [value])]
    return Query.from_args(pairs, NOW_NS, strict=True)[0]


def row_of(summary: TraceSummary) -> TraceSummary:
    """With everything that is a set in one order, and without what is counted of a single trace only."""
    return replace(
        summary,
        log_count=0,
        backlink_count=0,
        flags=int(summary.flags),
        services=tuple(sorted(summary.services)),
        user_ids=tuple(sorted(summary.user_ids)),
        lesson_ids=tuple(sorted(summary.lesson_ids)),
        event_facts=tuple(sorted(summary.event_facts, key=lambda fact: (fact.name, fact.detail))),
    )


def all_rows(store: TraceStore, query: Query | None = None) -> list[TraceSummary]:
    """Every matching row, page by page, when all that is held has been examined."""
    if isinstance(store, ExaminedTraces):
        store.examine(query=UNDECIDED)
    query = replace(query or Query(), limit=1000)
    rows: list[TraceSummary] = []
    while True:
        page = store.search(query, NOW_NS)
        rows += [row_of(row) for row in page.traces]
        if len(page.traces) < query.limit:
            assert len(rows) == page.total - page.newer
            return rows
        query = replace(query, page=query.page + 1)


def figures_of(stats: Stats) -> Stats:
    """Without the kinds that were counted as 0."""
    return replace(
        stats,
        events={name: count for name, count in sorted(stats.events.items()) if count},
        flags={name: count for name, count in sorted(stats.flags.items()) if count},
    )


def drawn(store: TraceStore) -> list[str]:
    """All that a store says of its traces, a text a row and one for the figures: a difference reads as one."""
    rows = [repr(row) for row in all_rows(store)]
    health = store.health()
    return [*rows, repr(figures_of(store.stats(Query(), NOW_NS))), f"{health.traces} traces, {health.spans} spans"]


def span_text(span: Span) -> str:
    """Everything a span holds as one comparable text (NaN equals NaN there)."""
    return json.dumps(span, sort_keys=True, ensure_ascii=True, default=_plain)


def span_texts(trace: Trace | None) -> list[str]:
    assert trace is not None
    return sorted(span_text(span) for span in trace.spans)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else members_of(value)
