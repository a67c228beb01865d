"""How far back an answer of a store looked."""

from typing import Protocol


class Reach(Protocol):
    """``is_complete``: asking again adds nothing. ``scanned_to_ns`` is how far back was looked, 0 when everywhere."""

    @property
    def is_complete(self) -> bool: ...

    @property
    def scanned_to_ns(self) -> int: ...


def is_all(answer: Reach) -> bool:
    """Whether nothing that is held was left out, now or by a bound on how far back such a question looks."""
    return answer.is_complete and not answer.scanned_to_ns
