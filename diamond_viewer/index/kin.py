"""Rows of spans with their families: what the answers about errors and operations are worked out from.

Most traces lie in one segment; those are worked out once per segment. A trace that lies in several is gathered from all of
them each time something has changed.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.catalogue import ROUTE_IS_PATH
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.lineage import distinct_tuples, nearest, parents
from diamond_viewer.index.segment import Place, Segment, row_count
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER
from diamond_viewer.telemetry.semconv import BARE_METHODS

Mask = npt.NDArray[np.bool_]

MAX_GATHERED_ROWS = 200_000  # of one trace over several segments; a larger one is looked at segment by segment


class Kin:
    """Some rows, whole traces each. ``owners`` says for each row in which of ``segments`` it lies, ``traces`` tells traces
    apart, ``forest`` is what ``lineage.parents`` says of them."""

    def __init__(self, segments: Sequence[Segment], owners: Indexes, rows: Indexes, traces: Column) -> None:
        self.segments, self.owners, self.rows, self.traces = segments, owners, rows, traces
        self.count = len(rows)
        self._columns: dict[str, Column] = {}
        self.forest = parents(traces, self.column("span_id"), self.column("parent_id"))
        kinds = self.column("kind")
        is_server = kinds == KIND_SERVER
        calls = is_server | np.isin(kinds, (KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER))
        above = nearest(self.forest, calls)[self.forest[: self.count]]
        # Node's HTTP server, Next.js and a middleware are two or three server spans of one request
        is_inner = is_server & (above < self.count) & is_server[np.minimum(above, self.count - 1)]
        self.is_work: Mask = (
            (is_server & ~is_inner) | (kinds == KIND_CONSUMER) | (self.forest[: self.count] == self.count)
        )
        self.work: Indexes = nearest(self.forest, self.is_work)[: self.count]

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = self._gathered(name)
        return self._columns[name]

    def _gathered(self, name: str) -> Column:
        if len(self.segments) == 1:
            return self.segments[0].spans[name][self.rows]
        found = np.zeros(self.count, np.uint64 if name.endswith("_id") else np.int64)
        for at, segment in enumerate(self.segments):
            mine = self.owners == at
            found[mine] = segment.spans[name][self.rows[mine]]
        return found

    def text(self, owner: int, code: int) -> str:
        return self.segments[owner].dictionary.texts[code]

    def names_of(self, works: Indexes) -> tuple[Indexes, "Names"]:
        """What pieces of work are called: for each a number, and what the numbers mean.

        A request that is called only GET takes its route: its own or that of a server span inside it, the earliest that has
        one, a path where none has.
        """
        names, routes = self.column("name")[works], self._routes(works)
        owners = self.owners[works]
        route_owners = np.where(routes >= 0, self.owners[np.maximum(routes, 0)], 0)
        route_codes = np.where(routes >= 0, self.column("route")[np.maximum(routes, 0)], 0)
        firsts, which = distinct_tuples([owners, names, route_owners, route_codes])
        parts = [part[firsts].tolist() for part in (owners, names, route_owners, route_codes)]
        return which, Names(self, list(zip(*parts, strict=True)))

    def _routes(self, works: Indexes) -> Indexes:
        """For each piece of work the row whose route belongs into its name, -1 for none."""
        found = np.full(self.count + 1, -1, np.int64)
        is_bare = np.zeros(self.count + 1, bool)
        for at, segment in enumerate(self.segments):
            codes = [code for method in BARE_METHODS if (code := segment.dictionary.find(method))]
            mine = works[self.owners[works] == at]
            is_bare[mine] = np.isin(self.column("name")[mine], codes)
        if not is_bare.any():
            return found[works]
        route, kinds = self.column("route"), self.column("kind")
        is_own = np.arange(self.count) == self.work
        bearers = np.flatnonzero((route > 0) & is_bare[self.work] & (is_own | (kinds == KIND_SERVER)))
        is_path = (self.column("traits")[bearers] & ROUTE_IS_PATH) > 0
        order = np.lexsort(
            (self.column("span_id")[bearers], self.column("start_ns")[bearers], ~is_own[bearers], is_path)
        )
        bearers = bearers[order][::-1]  # the first of each comes last, and stays
        found[self.work[bearers]] = bearers
        return found[works]


class Names:
    """Texts by number, put together when they are asked for: there may be one for each request."""

    def __init__(self, kin: Kin, parts: list[tuple[int, int, int, int]]) -> None:
        self._kin, self._parts = kin, parts

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, number: int) -> str:
        owner, name, route_owner, route = self._parts[number]
        text = self._kin.text(owner, name)
        return f"{text} {self._kin.text(route_owner, route)}" if route else text


def kin_of(segment: Segment, rows: Indexes | None = None) -> Kin:
    """All rows of a segment, or some: then all of each trace that lie here."""
    chosen = np.arange(segment.spans.size) if rows is None else rows
    return Kin([segment], np.zeros(len(chosen), np.int64), chosen, segment.spans["trace"][chosen])


def split_traces(segments: Iterable[Segment]) -> list[Place]:
    """Where those traces live that lie in several segments, as far as they can be gathered."""
    return [
        (segment, trace)
        for segment in segments
        for trace in segment.guests
        if row_count((segment, trace)) <= MAX_GATHERED_ROWS
    ]


def gathered(homes: Sequence[Place]) -> Kin:
    """All rows of these traces, wherever they lie; ``Kin.traces`` counts ``homes``."""
    parts = [
        (place, place.rows_of(number), at)
        for at, (home, trace) in enumerate(homes)
        for place, number in home.places_of(trace)
    ]
    segments = list({place.number: place for place, _, _ in parts}.values())
    index = {segment.number: at for at, segment in enumerate(segments)}
    sizes = [len(rows) for _, rows, _ in parts]
    return Kin(
        segments,
        np.repeat([index[place.number] for place, _, _ in parts], sizes).astype(np.int64),
        np.concatenate([np.empty(0, np.int64), *(rows for _, rows, _ in parts)]),
        np.repeat([at for _, _, at in parts], sizes).astype(np.int64),
    )
