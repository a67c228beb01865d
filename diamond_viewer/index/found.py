"""Findings of many traces, out of the rows that are kept of them. Called under the store's lock; answers are values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.telemetry.rules import TRACE_RULE_NAMES


@dataclass(frozen=True, slots=True)
class Remembered:
    """A finding without its sentence."""

    trace_id: str
    fingerprint: str
    alike: int


def newest_findings(
    matches: Iterable[tuple[Segment, Indexes]], rules: Sequence[str], first: int, count: int
) -> tuple[list[Remembered], int]:
    """Some findings of these traces, newest first, and how many there are. Without ``rules`` those of all rules."""
    chosen: list[Segment] = []
    parts: list[dict[str, Column]] = []
    for segment, traces in matches:
        rows = segment.told.rows()
        is_theirs = np.isin(rows["trace"], traces)
        if rules:
            is_theirs &= np.isin(
                rows["rule"], [TRACE_RULE_NAMES.index(rule) for rule in rules if rule in TRACE_RULE_NAMES]
            )
        if is_theirs.any():
            chosen.append(segment)
            parts.append({name: column[is_theirs] for name, column in rows.items()})
    if not parts:
        return [], 0
    owner = np.repeat(np.arange(len(parts)), [len(part["trace"]) for part in parts])
    told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    ids = [trace_id_of(chosen[at], trace) for at, trace in zip(owner.tolist(), told["trace"].tolist(), strict=True)]
    order = np.lexsort((told["fingerprint"], np.array(ids), -told["time_ns"]))
    values, counts = np.unique(told["fingerprint"], return_counts=True)
    alike = counts[np.searchsorted(values, told["fingerprint"])]
    page = [
        Remembered(ids[row], f"{int(told['fingerprint'][row]):016x}", int(alike[row]))
        for row in order[first : first + count].tolist()
    ]
    return page, len(order)


def alike_count(segments: Iterable[Segment], fingerprint: str, since_ns: int, until_ns: int) -> int:
    """Traces that began in the window and have a finding of this fingerprint."""
    count = 0
    for segment in segments:
        traces = segment.told.traces_with(int(fingerprint, 16))
        start_ns = segment.traces["start_ns"][traces]
        is_held = segment.traces["lives_here"][traces] > 0
        count += int(np.count_nonzero(is_held & (start_ns >= since_ns) & (start_ns <= until_ns)))
    return count
