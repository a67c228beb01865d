"""What the rules found in the traces of a segment, as rows: rule, severity, fingerprint, time. Sentences are not kept: they are
made anew from the originals when somebody reads them.
"""

import numpy as np
import numpy.typing as npt

from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.index.columns import Column, Indexes, Table
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.rules import JOURNEY_BITS, TRACE_BITS, TRACE_RULE_NAMES

# in a trace's ``findings``, beside the bits of rules
WAITING = np.uint64(1 << 63)  # it has changed since it was last examined
UNFOLLOWED = np.uint64(1 << 62)  # it has changed since its people's visits were last looked at
CHANGED = WAITING | UNFOLLOWED
FOUND_ALONE = np.uint64(sum(TRACE_BITS.values()))
FOUND_TOGETHER = np.uint64(sum(JOURNEY_BITS.values()))
FOUND = FOUND_ALONE | FOUND_TOGETHER

_GONE = 255  # in the place of a rule: the trace was examined again
_DTYPES = {
    "trace": np.uint32,
    "rule": np.uint8,
    "severity": np.uint8,
    "fingerprint": np.uint64,
    "time_ns": np.int64,
}
_NUMBERS = {name: number for number, name in enumerate(TRACE_RULE_NAMES)}
_FLAGS = {"duplicate-calls": Flag.DUPLICATE_CALLS.value, "n-plus-one": Flag.N_PLUS_ONE.value}
RULE_FLAGS = np.uint16(sum(_FLAGS.values()))
_LAST_TIME_NS = 2**63 - 1


class Told:
    """Rows in the order in which traces were examined; ``trace`` is a trace that lives in this segment."""

    def __init__(self) -> None:
        self._rows = Table(_DTYPES, capacity=16)
        self._gone_count = 0

    def tell(self, trace: int, findings: tuple[Finding, ...], had_any: bool) -> None:
        """Replace what was found in a trace."""
        if had_any:
            mine = np.flatnonzero((self._rows["trace"] == trace) & (self._rows["rule"] != _GONE))
            self._rows["rule"][mine] = _GONE
            self._gone_count += len(mine)
            if self._gone_count > 256 and self._gone_count > self._rows.size // 2:
                self._sweep()
        if findings:
            rows = {
                "trace": np.full(len(findings), trace),
                "rule": np.array([_NUMBERS[finding.rule] for finding in findings]),
                "severity": np.array([int(finding.severity) for finding in findings]),
                "fingerprint": np.array([int(finding.fingerprint, 16) for finding in findings], np.uint64),
                "time_ns": np.array([min(finding.time_ns, _LAST_TIME_NS) for finding in findings], np.int64),
            }
            self._rows.append(rows, len(findings))

    def rows(self) -> dict[str, Column]:
        """Copies of all columns, without what is no longer true."""
        kept = self._rows["rule"] != _GONE
        return {name: self._rows[name][kept] for name in _DTYPES}

    def traces_with(self, fingerprint: int) -> Indexes:
        kept = (self._rows["rule"] != _GONE) & (self._rows["fingerprint"] == np.uint64(fingerprint))
        return np.unique(self._rows["trace"][kept]).astype(np.int64)

    def _sweep(self) -> None:
        rows = self.rows()
        self._rows = Table(_DTYPES, capacity=max(16, 2 * len(rows["trace"])))
        self._rows.append(rows, len(rows["trace"]))
        self._gone_count = 0

    @property
    def size_bytes(self) -> int:
        return self._rows.size_bytes


def bits_of(findings: tuple[Finding, ...]) -> int:
    bits = 0
    for finding in findings:
        bits |= TRACE_BITS[finding.rule]
    return bits


def journey_bits_of(findings: tuple[Finding, ...]) -> np.uint64:
    """Of findings over several traces."""
    bits = 0
    for finding in findings:
        bits |= JOURNEY_BITS[finding.rule]
    return np.uint64(bits)


def flags_of(bits: Column) -> npt.NDArray[np.uint16]:
    """The flags of traces that a rule tells, from the bits of their findings."""
    flags = np.zeros(len(bits), np.uint16)
    for rule, flag in _FLAGS.items():
        flags[(bits & np.uint64(TRACE_BITS[rule])) > 0] |= flag
    return flags
