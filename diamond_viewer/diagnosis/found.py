"""Findings as a store answers them: of many traces, and how many others are like one."""

from dataclasses import dataclass

from diamond_viewer.diagnosis.finding import Finding


@dataclass(frozen=True, slots=True)
class FoundFinding:
    """``alike`` is how many of the asked traces have a finding of the same fingerprint, this one included; 0 for what was
    found over several traces of a person."""

    finding: Finding
    alike: int = 0


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of findings, newest first; ``total`` counts all. ``is_complete`` is False while traces wait to be examined:
    the same question again goes on from there. ``scanned_to_ns`` is how far back was looked, 0 when everywhere.

    ``journey`` is what was found over several traces of a person, at least one of which matches: each once, newest first, as
    many as a page has. ``total`` does not count it."""

    findings: tuple[FoundFinding, ...]
    total: int
    version: int
    is_complete: bool = True
    journey: tuple[Finding, ...] = ()
    scanned_to_ns: int = 0
