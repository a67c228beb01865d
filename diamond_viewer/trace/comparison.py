"""Two traces side by side: what one has that the other lacks, and where the time went, by how each was called."""

from dataclasses import dataclass

from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.call_paths import CallPath


@dataclass(frozen=True, slots=True)
class Difference:
    """One call path in both traces; counts are 0 where it is absent. Times are in ns."""

    service: str
    name: str
    depth: int
    counts: tuple[int, int]
    errors: tuple[int, int]
    totals_ns: tuple[int, int]

    @property
    def change_ns(self) -> int:
        return self.totals_ns[1] - self.totals_ns[0]


_NOTHING = CallPath("", "", -1)


def compare(one: Arranged, other: Arranged) -> tuple[Difference, ...]:
    """In the order of the tree: what both have as the first trace has it, then what only the second has."""
    found: list[Difference] = []
    waiting = [(one.call_paths, other.call_paths)]
    while waiting:
        left, right = waiting.pop()
        if left.depth >= 0 or right.depth >= 0:
            named = left if left.depth >= 0 else right
            found.append(
                Difference(
                    named.service,
                    named.name,
                    named.depth,
                    (left.count, right.count),
                    (left.errors, right.errors),
                    (left.total_ns, right.total_ns),
                )
            )
        keys = list(dict.fromkeys([*left.children, *right.children]))
        waiting.extend((left.children.get(key, _NOTHING), right.children.get(key, _NOTHING)) for key in reversed(keys))
    return tuple(found)
