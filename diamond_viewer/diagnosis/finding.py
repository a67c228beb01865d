"""What a rule says: a sentence with its evidence; and the limits that it was held against."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from itertools import islice

MAX_EVIDENCE = 50  # spans of one finding: who runs a query 5,000 times is shown by less


class Severity(IntEnum):
    """How much it matters to the person who was there. ``NOTE``: nobody need act; ``PROBLEM``: something did not work."""

    NOTE = 1
    WARNING = 2
    PROBLEM = 3


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """A span that shows it; ``span_id`` is empty where the whole trace does."""

    trace_id: str
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words.

    ``rule`` is a stable name (``redirect-loop``). ``thresholds`` are the limits of this rule, by the names in ``Thresholds``.
    ``fingerprint`` (16 hex digits) is the same for the same trouble in other traces: no id, time or measured value is in it.
    ``next_step`` is a sentence. ``time_ns`` is when it happened, ``duration_ns`` how much time it cost where that is known.
    """

    rule: str
    severity: Severity
    sentence: str
    evidence: tuple[Evidence, ...]
    fingerprint: str
    next_step: str
    time_ns: int
    thresholds: tuple[tuple[str, float], ...] = ()
    duration_ns: int = 0

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The traces of the evidence, each once, in its order."""
        return tuple(dict.fromkeys(evidence.trace_id for evidence in self.evidence))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Every limit that a rule knows, with its default. Origins stand in the rules' docstrings and ``docs/diagnosis.md``.

    A limit is passed when it is exceeded ("more than 1000 ms"); a count is reached ("3 redirects").
    """

    slow_span_ms: float = 1000
    long_running_ms: float = 10_000
    gap_ms: float = 500
    gap_percent: float = 20
    slow_database_ms: float = 100
    pool_wait_ms: float = 100
    repeated_query_count: float = 5
    repeated_query_ms: float = 50
    repeated_query_certain_count: float = 8
    duplicate_window_ms: float = 1000
    sequential_call_ms: float = 30
    sequential_saved_ms: float = 100
    sequential_saved_percent: float = 10
    fan_out_count: float = 20
    queue_wait_ms: float = 1000
    resume_gap_ms: float = 500
    resume_wait_ms: float = 10_000
    resume_position_s: float = 10
    buffering_count: float = 2
    buffering_window_ms: float = 30_000
    slow_load_ms: float = 1000
    redirect_loop_count: float = 3
    redirect_loop_window_ms: float = 10_000
    sign_in_again_ms: float = 1_800_000
    progress_stop_ms: float = 60_000
    skew_ms: float = 50
    order_ms: float = 1

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "Thresholds":
        """The defaults with some limits overruled, as a configuration file gives them.

        Raises ``ValueError`` with a sentence for a name that no rule knows and for what is no number from 0 on.

        >>> Thresholds.from_table({"slow_span_ms": 300}).slow_span_ms
        300
        >>> Thresholds.from_table({"slow_spam_ms": 300})
        Traceback (most recent call last):
        ValueError: No rule knows the threshold "slow_spam_ms". ...
        """
        known = {field.name for field in fields(cls)}
        limits: dict[str, float] = {}
        for name, value in table.items():
            if name not in known:
                raise ValueError(f'No rule knows the threshold "{name}". There are: {", ".join(sorted(known))}.')
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ValueError(f"The threshold {name} is {value!r}. It must be a number from 0 on.")
            limits[name] = value
        return cls(**limits)


def fingerprint_of(rule: str, *parts: str) -> str:
    """The same 16 hex digits for the same rule and parts.

    >>> fingerprint_of("slow-span", "GET /", "x") == fingerprint_of("slow-span", "GET /", "y")
    False
    """
    return hashlib.blake2b("\0".join((rule, *parts)).encode("utf-8", "replace"), digest_size=8).hexdigest()


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each fingerprint: the worst and longest speaks, and says how many more there are like it."""
    alike: dict[str, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(finding.fingerprint, []).append(finding)
    return [_spoken_for(group) if len(group) > 1 else group[0] for group in alike.values()]


def _spoken_for(group: list[Finding]) -> Finding:
    group = sorted(group, key=lambda one: (-one.severity, -one.duration_ns, one.time_ns, one.sentence, one.evidence))
    evidence = dict.fromkeys(evidence for one in group for evidence in one.evidence)
    sentence = f"{group[0].sentence} And {len(group) - 1:,} more like this."
    return replace(group[0], sentence=sentence, evidence=tuple(islice(evidence, MAX_EVIDENCE)))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first; among equals the earliest, then by rule. Independent of the order they came in."""
    return tuple(sorted(findings, key=lambda one: (-one.severity, one.time_ns, one.rule, one.sentence, one.evidence)))
