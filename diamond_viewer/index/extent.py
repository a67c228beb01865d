"""From when to when the traces of a packed segment last, and how long: a filter that asks for nothing of it need not look."""

from collections.abc import Iterable
from dataclasses import dataclass

from diamond_viewer.index.columns import Column
from diamond_viewer.query.terms import LastsBetween, Overlaps, PlainTerm

MAX_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Extent:
    """Of the traces that live in a segment; without any of them every filter passes it over."""

    first_start_ns: int
    last_end_ns: int
    shortest_ns: int
    longest_ns: int

    @classmethod
    def of(cls, start_ns: Column, end_ns: Column) -> "Extent":
        """One start and one end for each trace."""
        duration_ns = end_ns - start_ns
        return cls(
            int(start_ns.min(initial=MAX_TIME_NS)),
            int(end_ns.max(initial=-1)),
            int(duration_ns.min(initial=MAX_TIME_NS)),
            int(duration_ns.max(initial=-1)),
        )

    def misses_any(self, terms: Iterable[PlainTerm]) -> bool:
        """Whether some term surely holds for no trace."""
        return any(self._misses(term) for term in terms)

    def _misses(self, term: PlainTerm) -> bool:
        if isinstance(term, LastsBetween):
            low_ns, high_ns = term.low_ns, term.high_ns
            return (low_ns is not None and low_ns > self.longest_ns) or (
                high_ns is not None and high_ns < self.shortest_ns
            )
        if isinstance(term, Overlaps):
            since_ns, until_ns = term.since_ns, term.until_ns
            return (since_ns is not None and min(since_ns, MAX_TIME_NS) > self.last_end_ns) or (
                until_ns is not None and until_ns < self.first_start_ns
            )
        return False
