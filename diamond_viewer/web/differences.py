"""DifferencePanel: which attributes are more frequent in a group of traces than in good ones of the same operations.

The group is one of errors, or whatever is filtered. A sample is opened and compared, within a bound of time; what was compared
is said, and kept until other traces come to the group.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.difference import Difference, Properties, Share, properties_of, what_differs
from diamond_viewer.query.query import Query
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Page
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT, SERVICE_KEY, carried_keys
from diamond_viewer.telemetry.tallies import ErrorKey
from diamond_viewer.telemetry.units import format_times
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.tally_links import good_traces
from diamond_viewer.web.value_links import ValueLinks

SAMPLE = 50  # traces of each side
SAMPLE_NS = 600_000_000
FEW = 5  # traces: fewer show what there is, not what is typical
MAX_SPANS = 2_000  # of a trace that is compared: a larger one would take the whole time
MAX_KEPT = 32
MAX_OPERATIONS = 5  # of a selection: the most frequent
LEAST_DISTANCE = 0.1  # of the traces: less is hardly seen
OWN_WORDS = ("exception.", "otel.status", "error.")  # that is what the group is about
WINDOW = ("since", "until")
_EVENT = "event"


@dataclass(frozen=True, slots=True)
class ValueShare:
    """One value. The percentages are of the traces compared; ``href`` is empty when it cannot be asked for."""

    value: str
    selected: str
    good: str
    selected_percent: str
    good_percent: str
    href: str


@dataclass(frozen=True, slots=True)
class Differing:
    name: str
    values: tuple[ValueShare, ...]


@dataclass(frozen=True, slots=True)
class DifferencePanel:
    """``heading`` is of the group's column, ``compared`` says what was compared, ``caution`` why it may say little, ``nothing``
    that no attribute stands out; the last two may be empty."""

    heading: str
    compared: str
    caution: str
    nothing: str
    properties: tuple[Differing, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """How many traces were opened on each side, how many good ones there are, and what differs. ``selected_total`` counts
    all of the group; 0 where that is said elsewhere. ``is_complete`` is False while either side is still being searched for."""

    selected: int
    good: int
    good_total: int
    differences: tuple[Difference, ...]
    selected_total: int = 0
    is_complete: bool = True


_Good = Callable[[], tuple[list[str], int, bool]]  # ids of good traces, how many there are, and whether that is all


class DifferenceDesk:
    """Compares, and remembers. Safe to use from any thread."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[object, ...], Sample] = OrderedDict()
        self._lock = threading.Lock()

    def panel(self, address: Address, key: ErrorKey, failing: Sequence[str], now_ns: int) -> DifferencePanel:
        """Of a group of errors; ``failing`` are ids of its newest traces."""
        there = good_traces(address, key.operation, key.service)

        def good() -> tuple[list[str], int, bool]:
            page = self._store.search(replace(there.query, limit=SAMPLE), now_ns)
            return _ids(page), page.total, page.is_complete

        asked = (key, *(address.query.value(name) for name in WINDOW))
        sample = self._sample(asked, failing[:SAMPLE], good)
        return _panel(sample, "failing", ValueLinks(Address(there.query.with_values("status", "error"))))

    def of_selection(self, address: Address, now_ns: int) -> DifferencePanel:
        """Of whatever is filtered, against what is not in it."""
        sample = self.selection(address.query, now_ns)
        return _panel(sample, "selected", ValueLinks(Address(_first_page(address.query), path=TRACES_PATH)))

    def selection(self, query: Query, now_ns: int) -> Sample:
        """The newest traces that match beside good ones of the same operations, as many of each operation in proportion, that
        do not match. With a window alone good ones are those outside of it; else they are in the same window."""
        page = self._store.search(replace(_first_page(query), limit=SAMPLE), now_ns)

        def good() -> tuple[list[str], int, bool]:
            return self._good_beside(query, page, now_ns)

        sample = self._sample((query.set_filters,), _ids(page), good)
        return replace(
            sample,
            selected_total=page.total,
            differences=_news(sample.differences, query),
            is_complete=sample.is_complete and page.is_complete,
        )

    def _good_beside(self, query: Query, page: Page, now_ns: int) -> tuple[list[str], int, bool]:
        own = tuple(pair for pair in query.set_filters if pair[0] not in WINDOW)
        within = Address(query) if own else Address(Query())
        operations = Counter((row.name, row.service) for row in page.traces).most_common(MAX_OPERATIONS)
        listed = sum(count for _, count in operations)
        ids, total, is_complete = list[str](), 0, True
        for (name, service), count in operations:
            wanted = replace(good_traces(within, name, service).query, limit=max(1, SAMPLE * count // listed))
            found = self._store.search(replace(wanted, but_not=own or query.set_filters), now_ns)
            ids += _ids(found)
            total += found.total
            is_complete &= found.is_complete
        return ids, total, is_complete

    def _sample(self, asked: tuple[object, ...], selected: Sequence[str], good: _Good) -> Sample:
        asked = (*asked, tuple(selected))
        with self._lock:
            kept = self._kept.get(asked)
        if kept is not None:
            return kept
        good_ids, good_total, is_complete = good() if selected else ([], 0, True)
        deadline_ns = time.monotonic_ns() + SAMPLE_NS
        ours = self._properties(selected, deadline_ns - SAMPLE_NS // 2)
        theirs = self._properties(good_ids, deadline_ns)
        found = Sample(len(ours), len(theirs), good_total, _telling(ours, theirs), is_complete=is_complete)
        if not is_complete:
            return found  # asked again, it goes on
        with self._lock:
            self._kept[asked] = found
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def _properties(self, trace_ids: Sequence[str], deadline_ns: int) -> list[Properties]:
        """Of as many of the traces as there is time for, at least one."""
        found: list[Properties] = []
        for trace_id in trace_ids:
            if found and time.monotonic_ns() > deadline_ns:
                break
            summary = self._store.summary(trace_id)
            if summary is None or summary.span_count > MAX_SPANS:
                continue
            if (trace := self._store.trace(trace_id)) is not None:
                found.append(properties_of(trace))
        return found


def _first_page(query: Query) -> Query:
    return replace(query, page=1, anchor=None, sort=DEFAULT_ORDER)


def _ids(page: Page) -> list[str]:
    return [row.trace_id for row in page.traces]


def _telling(ours: Sequence[Properties], good: Sequence[Properties]) -> tuple[Difference, ...]:
    """Only what is over-represented in the group, and says more than that it failed."""
    if not ours or not good:
        return ()
    kept = [
        replace(difference, shares=shares)
        for difference in what_differs(ours, good, property_count=30)
        if not difference.name.startswith(OWN_WORDS)
        and (shares := tuple(share for share in difference.shares if _stands_out(share, len(ours), len(good))))
    ]
    return tuple(kept[:8])


def _stands_out(share: Share, our_count: int, good_count: int) -> bool:
    """By traces: what every trace of both sides has differs in nothing that a reader could look for."""
    distance = share.selected_count / our_count - share.good_count / good_count
    return distance >= LEAST_DISTANCE and share.value != EXCEPTION_EVENT


def _news(differences: Sequence[Difference], query: Query) -> tuple[Difference, ...]:
    """Without what was filtered by: every trace of the selection has that, as was asked."""
    keys = carried_keys()
    names = {"user": keys.user[0], "lesson": keys.lesson[0], "service": SERVICE_KEY, "event": _EVENT}
    asked = {(name, query.value(parameter)) for parameter, name in names.items() if query.value(parameter)}
    found = []
    for one in differences:
        shares = tuple(share for share in one.shares if (one.name, share.value) not in asked)
        if shares:
            found.append(replace(one, shares=shares))
    return tuple(found)


def _panel(sample: Sample, group: str, links: ValueLinks) -> DifferencePanel:
    properties = tuple(_differing(one, sample, links) for one in sample.differences) if sample.good else ()
    caution = _caution(sample, group)
    nothing = "No attribute stands out." if sample.good and not properties and not caution else ""
    return DifferencePanel(group.capitalize(), _compared(sample, group), caution, nothing, properties)


def _compared(sample: Sample, group: str) -> str:
    further = "" if sample.is_complete else " Older traces are still being searched: open the page again for the rest."
    if not sample.selected:
        return f"Nothing found so far.{further}" if further else "No trace matches: there is nothing to compare."
    if not sample.good:
        so_far = " so far" if further else ""
        return f"There is no good trace of this operation to compare with in this time{so_far}.{further}"
    own_newest = f" (the newest of {sample.selected_total:,})" if sample.selected_total > sample.selected else ""
    newest = " newest" if sample.good_total > sample.good else ""
    return (
        f"{format_times(sample.selected, f'{group} trace')}{own_newest} compared with {sample.good:,}{newest} good "
        f"{'one' if sample.good == 1 else 'ones'} of the same operation. Shares are of these traces only.{further}"
    )


def _caution(sample: Sample, group: str) -> str:
    if not sample.good:
        return ""
    few = [words for count, words in ((sample.selected, group), (sample.good, "good")) if count < FEW]
    if not few:
        return ""
    return f"Only a few {' and '.join(few)} traces: what differs may be chance."


def _differing(difference: Difference, sample: Sample, links: ValueLinks) -> Differing:
    return Differing(
        difference.name,
        tuple(
            ValueShare(
                share.value,
                f"{share.selected_count} of {sample.selected}",
                f"{share.good_count} of {sample.good}",
                f"{100 * share.selected_count / sample.selected:.1f}%",
                f"{100 * share.good_count / sample.good:.1f}%",
                links.named(_EVENT, share.value).only
                if difference.name == _EVENT
                else links.of(difference.name, share.value).only,
            )
            for share in difference.shares[:3]
        ),
    )
