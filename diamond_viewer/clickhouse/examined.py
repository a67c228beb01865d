"""What rules found in traces, as far as they were examined: newest first, for as long as may be; who asks again goes on."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from diamond_viewer.clickhouse.bench import MakeBench, examine, laid_out, newest_within, whole
from diamond_viewer.clickhouse.faults import ClusterError
from diamond_viewer.clickhouse.selection import Asked, Column, Selection, matched
from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.found import FoundFinding
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Term
from diamond_viewer.telemetry.model import Flag

MAX_KEPT = 50_000  # diagnoses; most are empty
MAX_DECIDED = 16  # questions of which is kept which traces match
MAX_SPANS = 20_000  # of a trace: a larger one is not examined
PORTION_SPANS = 4_000
EXAMINE_NS = 300_000_000  # spent before a question is answered with what is known
GLANCE_SPANS = 4_000  # of the newest traces are examined for figures, in which findings are only two lines
RULE_FLAGS = {"duplicate-calls": Flag.DUPLICATE_CALLS, "n-plus-one": Flag.N_PLUS_ONE}

Verdicts = dict[int, tuple[int, bool]]  # key of a trace -> the number of its spans then, and whether it matches


class Examined:
    def __init__(self, store: Asked, make_bench: MakeBench) -> None:
        self._store, self._make_bench = store, make_bench
        self._known: OrderedDict[int, tuple[int, Diagnosis]] = OrderedDict()
        self._verdicts: OrderedDict[tuple[Term, ...], Verdicts] = OrderedDict()
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glance")
        self._is_glancing = threading.Lock()
        self.version = 0  # moves when more is known of some trace than was said before

    def glance(self, selection: Selection) -> None:
        """Have the newest of the selected traces examined beside what is asked: figures do not wait for it, the next poll has
        it. One glance at a time."""
        if self._is_glancing.acquire(blocking=False):
            self._thread.submit(self._glance, selection)

    def _glance(self, selection: Selection) -> None:
        try:
            chosen = selection.chosen(np.arange(newest_within(selection, GLANCE_SPANS)))
            if any(chosen.span_count[at] <= MAX_SPANS for at in self._unknown(chosen)):
                self.examine(chosen)
                self.version += 1
        except ClusterError:
            pass  # whoever asks next is told why
        finally:
            self._is_glancing.release()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def examine(self, selection: Selection, budget_ns: int = EXAMINE_NS) -> bool:
        """Examine the selected traces that have changed since; False when there was not enough time for all of them."""
        waiting = [at for at in self._unknown(selection) if selection.span_count[at] <= MAX_SPANS]
        deadline_ns = time.monotonic_ns() + budget_ns
        while waiting:
            chosen = selection.chosen(np.array(waiting, np.int64))
            count = newest_within(chosen, PORTION_SPANS)
            self.diagnose(chosen.chosen(np.arange(count)))
            waiting = waiting[count:]
            if time.monotonic_ns() > deadline_ns:
                break
        return not waiting

    def diagnose(self, selection: Selection) -> dict[str, Diagnosis]:
        """What the rules say of each selected trace, by its id."""
        ids = selection.trace_ids()
        keys, counts = selection.keys.tolist(), selection.span_count.tolist()
        with self._lock:
            known = [self._known.get(key) for key in keys]
        found = {
            trace_id: kept[1]
            for trace_id, kept, count in zip(ids, known, counts, strict=True)
            if kept is not None and kept[0] == count
        }
        missing = np.array([at for at, trace_id in enumerate(ids) if trace_id not in found], np.int64)
        if len(missing):
            bench = self._make_bench()
            laid_out(bench, whole(self._store, selection.chosen(missing)))
            made = bench.diagnoses([ids[at] for at in missing.tolist()], 2**62)
            with self._lock:
                for at in missing.tolist():
                    if ids[at] in made:
                        self._known[keys[at]] = counts[at], made[ids[at]]
                while len(self._known) > MAX_KEPT:
                    self._known.popitem(last=False)
            found |= made
        return found

    def is_known(self, selection: Selection) -> npt.NDArray[np.bool_]:
        """Which of the selected traces have been examined as they are."""
        is_known = np.ones(len(selection), bool)
        is_known[self._unknown(selection)] = False
        return is_known

    def flags(self, selection: Selection) -> Column:
        """Of each selected trace the flags that rules tell."""
        flags = np.zeros(len(selection), np.int64)
        for at, diagnosis in self._told(selection):
            for finding in diagnosis.findings:
                flags[at] |= RULE_FLAGS.get(finding.rule, 0)
        return flags

    def rules(self, selection: Selection) -> Counter[str]:
        """In how many of the selected traces each rule found something."""
        counts: Counter[str] = Counter()
        for _, diagnosis in self._told(selection):
            counts.update({finding.rule for finding in diagnosis.findings})
        return counts

    def findings(self, selection: Selection, rules: Sequence[str]) -> tuple[FoundFinding, ...]:
        """All that was found in the selected traces, the newest first, by these rules if any are named."""
        found: list[tuple[int, str, Finding]] = []
        ids = selection.trace_ids()
        for at, diagnosis in self._told(selection):
            found += [(-one.time_ns, ids[at], one) for one in diagnosis.findings if not rules or one.rule in rules]
        found.sort(key=lambda one: (one[0], one[1], one[2].fingerprint))
        alike = Counter(finding.fingerprint for _, _, finding in found)
        return tuple(FoundFinding(finding, alike[finding.fingerprint]) for _, _, finding in found)

    def count_like(self, selection: Selection, fingerprint: str) -> int:
        return sum(
            any(finding.fingerprint == fingerprint for finding in diagnosis.findings)
            for _, diagnosis in self._told(selection)
        )

    def decided(self, selection: Selection, query: Query, now_ns: int) -> Selection:
        """Which of these match, where the SQL has let through more: by whole traces, as many as there is time for."""
        with self._lock:
            verdicts = self._verdicts.setdefault(selection.terms, {})
            self._verdicts.move_to_end(selection.terms)
            while len(self._verdicts) > MAX_DECIDED:
                self._verdicts.popitem(last=False)
        keys, counts = selection.keys.tolist(), selection.span_count.tolist()
        unknown = [at for at, key in enumerate(keys) if verdicts.get(key, (0, False))[0] != counts[at]]
        deadline_ns = time.monotonic_ns() + EXAMINE_NS
        asks = Query(query.set_filters, limit=1000)
        while unknown:
            chosen = selection.chosen(np.array(unknown, np.int64))
            count = min(newest_within(chosen, PORTION_SPANS), asks.limit)
            chosen = chosen.chosen(np.arange(count))
            bench = self._make_bench()
            if chosen.span_count.max() <= 10 * MAX_SPANS:
                laid_out(bench, whole(self._store, chosen))
            examine(bench)
            while not (page := bench.search(asks, now_ns)).is_complete:
                pass
            matching = {row.trace_id for row in page.traces}
            for at, trace_id in zip(unknown, chosen.trace_ids(), strict=False):
                verdicts[keys[at]] = counts[at], trace_id in matching
            unknown = unknown[count:]
            if time.monotonic_ns() > deadline_ns:
                break
        matching_rows = [
            verdicts.get(key, (0, False)) == (count, True) for key, count in zip(keys, counts, strict=True)
        ]
        matches = np.array(matching_rows, bool)
        scanned_to_ns = max(1, int(selection.starts[unknown[0]])) if unknown else selection.scanned_to_ns
        return selection.decided(matches, scanned_to_ns)

    def _unknown(self, selection: Selection) -> list[int]:
        with self._lock:
            return [
                at
                for at, (key, count) in enumerate(
                    zip(selection.keys.tolist(), selection.span_count.tolist(), strict=True)
                )
                if self._known.get(key, (-1, None))[0] != count
            ]

    def _told(self, selection: Selection) -> list[tuple[int, Diagnosis]]:
        """Those of the selected traces of which something is known, by their place."""
        with self._lock:  # few have findings, many may be selected
            told = [(key, diagnosis) for key, (_, diagnosis) in self._known.items() if diagnosis.findings]
        places, rows = matched(np.array([key for key, _ in told], np.uint64), selection.keys)
        return [(row, told[place][1]) for place, row in zip(places.tolist(), rows.tolist(), strict=True)]
