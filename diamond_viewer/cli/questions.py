"""Questions to a store by somebody who waits for the whole answer: a page may show what is known so far, a script may not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from diamond_viewer.cli.output import Output
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import MAX_LIMIT, Query
from diamond_viewer.query.resembling import corrections
from diamond_viewer.query.terms import AnyOf, Term, TraceIs
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


@dataclass(frozen=True, slots=True)
class AmongTraces(Query):
    """A query that only some traces can match."""

    trace_ids: tuple[str, ...] = ()

    def terms(self, now_ns: int) -> tuple[Term, ...]:
        return (*Query.terms(self, now_ns), AnyOf(tuple(TraceIs(trace_id) for trace_id in self.trace_ids)))


def matching(store: MemoryStore, query: Query, trace_ids: Sequence[str], now_ns: int) -> Iterator[TraceSummary]:
    """Those of the traces that match now, in no particular order."""
    for first in range(0, len(trace_ids), MAX_LIMIT):
        some = tuple(trace_ids[first : first + MAX_LIMIT])
        question = AmongTraces(query.set_filters, limit=MAX_LIMIT, trace_ids=some)
        while not (page := store.search(question, now_ns)).is_complete:
            pass
        yield from page.traces


def tell_what_was_meant(store: MemoryStore, query: Query, output: Output) -> None:
    """For who finds nothing: values that are held and look like those that were asked for. Nothing where only what
    could match was read."""
    for found in corrections(store, query.value):
        output.say(f"{found.sentence} {' or '.join(found.values)}?")


def examined(store: MemoryStore, summaries: Sequence[TraceSummary]) -> Iterator[TraceSummary]:
    """The same rows, with what the rules say of each: the server examines traces at quiet moments, and here is none."""
    if summaries:
        store.examine(None, AmongTraces(trace_ids=tuple(summary.trace_id for summary in summaries)))
    for summary in summaries:
        yield store.summary(summary.trace_id) or summary
