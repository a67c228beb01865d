"""Questions to a store by somebody who waits for the whole answer: a page may show what is known so far, a script may not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.language import MAX_CONDITIONS
from diamond_viewer.query.query import MAX_LIMIT, Query
from diamond_viewer.telemetry.model import Page, TraceSummary


class Searched(Protocol):
    @property
    def is_complete(self) -> bool: ...


A = TypeVar("A", bound=Searched)


def settled(ask: Callable[[], A]) -> A:
    """Ask until all that is held has been looked through: each question goes on where the last one stopped."""
    while not (answer := ask()).is_complete:
        pass
    return answer


def all_pages(store: MemoryStore, query: Query, now_ns: int) -> Iterator[Page]:
    """Every match, in the order of the query."""
    query = replace(query, limit=MAX_LIMIT, page=1)
    while True:
        page = settled(lambda query=query: store.search(query, now_ns))  # type: ignore[misc]
        yield page
        if len(page.traces) < query.limit:
            return
        query = replace(query, page=query.page + 1)


def examined(store: MemoryStore, summaries: Sequence[TraceSummary]) -> Iterator[TraceSummary]:
    """The same rows, with what the rules say of each: the server examines traces at quiet moments, and here is none."""
    for first in range(0, len(summaries), MAX_CONDITIONS):
        some = summaries[first : first + MAX_CONDITIONS]
        store.examine(None, trace_query(summary.trace_id for summary in some))
        for summary in some:
            yield store.summary(summary.trace_id) or summary


def trace_query(trace_ids: Iterator[str]) -> Query:
    """For at most ``MAX_CONDITIONS`` traces by their ids."""
    return Query((("q", " OR ".join(f"trace:{trace_id}" for trace_id in trace_ids)),), limit=MAX_LIMIT)
