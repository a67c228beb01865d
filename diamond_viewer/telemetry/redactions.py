"""How often something was taken out, and under which key: so that a leak is mended at its source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_KEYS = 200
MAX_KEY_LENGTH = 100
FURTHER = "(other keys)"


@dataclass(frozen=True, slots=True)
class Redactions:
    """``count`` in all; ``by_key`` by the names of keys, most frequent first. A value counts each time it is decoded."""

    count: int = 0
    by_key: Mapping[str, int] = field(default_factory=dict)


NONE_YET = Redactions()


class RedactionCounts:
    """Of one process. At most ``MAX_KEYS`` keys have a count of their own: producers write as many as they like."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, keys: Iterable[str]) -> None:
        """``keys`` hold no secret themselves."""
        for key in keys:
            name = key[:MAX_KEY_LENGTH]
            if name not in self._counts and len(self._counts) >= MAX_KEYS:
                name = FURTHER
            # no lock: CPython does not change threads within this line, and a count that is lost does no harm
            self._counts[name] = self._counts.get(name, 0) + 1

    def now(self) -> Redactions:
        """
        >>> counts = RedactionCounts()
        >>> counts.add(["url.full", "password", "url.full"])
        >>> counts.now()
        Redactions(count=3, by_key={'url.full': 2, 'password': 1})
        """
        counts = dict(self._counts)
        by_key = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        return Redactions(sum(counts.values()), by_key)

    def forget(self) -> None:
        self._counts.clear()


COUNTS = RedactionCounts()
