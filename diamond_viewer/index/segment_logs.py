"""SegmentLogs: the log records that were read in the stretch of one segment: a row each, and their originals.

Apart from the spans, so that a flood of logs can leave memory while the traces of the same stretch stay. A record is found
by its trace's key, not by its number: it may come before the first span of its trace, or into another segment.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.attached import keys_of_ids
from diamond_viewer.index.columns import Column, Dictionary, Indexes, Table
from diamond_viewer.index.key_runs import KeyRuns
from diamond_viewer.index.originals import Excerpt, Originals
from diamond_viewer.index.places import Keys
from diamond_viewer.index.remembered import Mask
from diamond_viewer.query.log_query import Word
from diamond_viewer.telemetry.otlp_logs import LogRecords

ROW_DTYPES: dict[str, npt.DTypeLike] = {
    "key": np.uint64,  # of the trace, 0 for none
    "time_ns": np.int64,
    "line": np.uint32,
    "place": np.uint32,  # among the records of the line
    "level": np.uint8,
    "service": np.uint32,
    "user": np.uint32,
    "lesson": np.uint32,
}
NO_KEY = np.uint64(0)
MAX_KEPT_TEXTS = 4  # searches of which a segment remembers how far they got: two bytes a record each
_ZEROS = bytes(16)


@dataclass(slots=True)
class LookedThrough:
    """By row: whether it was held against the words of a search, and whether it says them."""

    decided: Mask = field(default_factory=lambda: np.zeros(0, bool))
    says: Mask = field(default_factory=lambda: np.zeros(0, bool))

    def grow(self, row_count: int) -> None:
        if (more := row_count - len(self.decided)) > 0:
            self.decided, self.says = (
                np.concatenate([mask, np.zeros(more, bool)]) for mask in (self.decided, self.says)
            )


class SegmentLogs:
    """Codes are those of its own dictionary, lines those of its own originals: all of it can go at once."""

    def __init__(self) -> None:
        self.rows = Table(ROW_DTYPES, capacity=0)
        self.originals = Originals()
        self.marks = KeyRuns()
        self.dictionary = Dictionary()
        self._searched: OrderedDict[tuple[Word, ...], LookedThrough] = OrderedDict()
        self._is_open = True

    def add(self, records: LogRecords, is_new: Mask, original: bytes) -> None:
        """Take the new ones among the records of a line; at least one is."""
        line, places = self.originals.append(original), np.flatnonzero(is_new)
        chosen = places.tolist()
        self.marks.learn(np.array(records.marks, np.uint64)[is_new])
        keys = keys_of_ids(records.trace_ids)[is_new]
        ids = np.frombuffer(records.trace_ids, "V16")[is_new]
        keys[ids == np.void(_ZEROS)] = NO_KEY
        columns: dict[str, Column] = {
            "key": keys,
            "time_ns": np.array(records.times_ns, np.int64)[is_new],
            "line": np.full(len(places), line, np.uint32),
            "place": places,
            "level": np.frombuffer(records.levels, np.uint8)[is_new],
        }
        for name, texts in (("service", records.services), ("user", records.users), ("lesson", records.lessons)):
            columns[name] = self.dictionary.intern_all([texts[place] for place in chosen])
        self.rows.append(columns, len(places))

    def pack(self) -> None:
        self.rows.reorder(np.argsort(self.rows["key"], kind="stable"))
        self.rows.pack()
        self.originals.pack()
        self._searched.clear()  # rows have other numbers now
        self._is_open = False

    def rows_of(self, key: Keys) -> Indexes:
        """The rows of one trace."""
        keys = self.rows["key"]
        if self._is_open:
            return np.flatnonzero(keys == key)
        return np.arange(np.searchsorted(keys, key, "left")[0], np.searchsorted(keys, key, "right")[0])

    def excerpts_of(self, key: Keys) -> Sequence[Excerpt]:
        """The lines that hold records of one trace."""
        lines = np.unique(self.rows["line"][self.rows_of(key)])
        return [self.originals.excerpt(line) for line in lines.tolist()]

    def searched_for(self, words: tuple[Word, ...]) -> LookedThrough:
        """What is known of a search so far; it is written to by who looks further."""
        known = self._searched.setdefault(words, LookedThrough())
        self._searched.move_to_end(words)
        if len(self._searched) > MAX_KEPT_TEXTS:
            self._searched.popitem(last=False)
        known.grow(self.rows.size)
        return known

    def drop_spare(self) -> None:
        self._searched.clear()

    def __len__(self) -> int:
        return self.rows.size

    @property
    def size_bytes(self) -> int:
        parts = (self.rows, self.originals, self.marks, self.dictionary)
        return sum(part.size_bytes for part in parts)

    @property
    def spare_bytes(self) -> int:
        return sum(known.decided.nbytes + known.says.nbytes for known in self._searched.values())
