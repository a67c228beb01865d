"""DifferencePanel: which attributes are more frequent in the failing traces of a group than in good ones of the operation.

A sample is opened and compared, within a bound of time; what was compared is said, and kept until other traces fail.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.difference import Difference, Properties, Share, properties_of, what_differs
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT
from diamond_viewer.telemetry.tallies import ErrorKey
from diamond_viewer.telemetry.units import format_times
from diamond_viewer.web.address import Address
from diamond_viewer.web.tally_links import good_traces
from diamond_viewer.web.value_links import ValueLinks

SAMPLE = 50  # traces of each side
SAMPLE_NS = 600_000_000
FEW = 5  # traces: fewer show what there is, not what is typical
MAX_SPANS = 2_000  # of a trace that is compared: a larger one would take the whole time
MAX_KEPT = 32
LEAST_DISTANCE = 0.1  # of the traces: less is hardly seen
OWN_WORDS = ("exception.", "otel.status", "error.")  # that is what the group is about


@dataclass(frozen=True, slots=True)
class ValueShare:
    """One value. The percentages are of the traces compared; ``href`` is empty when it cannot be asked for."""

    value: str
    failing: str
    good: str
    failing_percent: str
    good_percent: str
    href: str


@dataclass(frozen=True, slots=True)
class Differing:
    name: str
    values: tuple[ValueShare, ...]


@dataclass(frozen=True, slots=True)
class DifferencePanel:
    """``compared`` says what was compared, ``caution`` why it may say little (or is empty)."""

    compared: str
    caution: str
    properties: tuple[Differing, ...]


@dataclass(frozen=True, slots=True)
class _Sample:
    failing: int
    good: int
    good_total: int
    differences: tuple[Difference, ...]


class DifferenceDesk:
    """Compares, and remembers. Safe to use from any thread."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[object, ...], _Sample] = OrderedDict()
        self._lock = threading.Lock()

    def panel(self, address: Address, key: ErrorKey, failing: Sequence[str], now_ns: int) -> DifferencePanel:
        """``failing`` are ids of the group's newest traces."""
        sample = self._sample(address, key, tuple(failing[:SAMPLE]), now_ns)
        links = ValueLinks(Address(good_traces(address, key).query.with_values("status", "error")))
        return DifferencePanel(
            _compared(sample),
            _caution(sample),
            tuple(_differing(difference, sample, links) for difference in sample.differences) if sample.good else (),
        )

    def _sample(self, address: Address, key: ErrorKey, failing: tuple[str, ...], now_ns: int) -> _Sample:
        asked = (key, failing, address.query.value("since"), address.query.value("until"))
        with self._lock:
            kept = self._kept.get(asked)
        if kept is not None:
            return kept
        query = replace(good_traces(address, key).query, limit=SAMPLE)
        page = self._store.search(query, now_ns)
        deadline_ns = time.monotonic_ns() + SAMPLE_NS
        bad = self._properties(failing, deadline_ns - SAMPLE_NS // 2)
        good = self._properties([row.trace_id for row in page.traces], deadline_ns)
        found = _Sample(len(bad), len(good), page.total, _telling(bad, good))
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


def _telling(bad: Sequence[Properties], good: Sequence[Properties]) -> tuple[Difference, ...]:
    """Only what is over-represented among the failing ones, and says more than that they failed."""
    if not bad or not good:
        return ()
    kept = [
        replace(difference, shares=shares)
        for difference in what_differs(bad, good, property_count=30)
        if not difference.name.startswith(OWN_WORDS)
        and (shares := tuple(share for share in difference.shares if _stands_out(share, len(bad), len(good))))
    ]
    return tuple(kept[:8])


def _stands_out(share: Share, bad_count: int, good_count: int) -> bool:
    """By traces: what every trace of both sides has differs in nothing that a reader could look for."""
    distance = share.selected_count / bad_count - share.good_count / good_count
    return distance >= LEAST_DISTANCE and share.value != EXCEPTION_EVENT


def _compared(sample: _Sample) -> str:
    if not sample.good:
        return "There is no good trace of this operation to compare with in this time."
    newest = " newest" if sample.good_total > sample.good else ""
    return (
        f"{format_times(sample.failing, 'failing trace')} compared with {sample.good:,}{newest} good "
        f"{'one' if sample.good == 1 else 'ones'} of the same operation. Shares are of these traces only."
    )


def _caution(sample: _Sample) -> str:
    if not sample.good:
        return ""
    few = [words for count, words in ((sample.failing, "failing"), (sample.good, "good")) if count < FEW]
    if not few:
        return ""
    return f"Only a few {' and '.join(few)} traces: what differs may be chance."


def _differing(difference: Difference, sample: _Sample, links: ValueLinks) -> Differing:
    return Differing(
        difference.name,
        tuple(
            ValueShare(
                share.value,
                f"{share.selected_count} of {sample.failing}",
                f"{share.good_count} of {sample.good}",
                f"{100 * share.selected_count / sample.failing:.1f}%",
                f"{100 * share.good_count / sample.good:.1f}%",
                links.named("event", share.value).only
                if difference.name == "event"
                else links.of(difference.name, share.value).only,
            )
            for share in difference.shares[:3]
        ),
    )
