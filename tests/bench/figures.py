"""What one run has measured; a group that was left out has no figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.commanding import Commanding
from tests.bench.diagnosis import Examining
from tests.bench.living import Living
from tests.bench.measure import Latency, Machine
from tests.bench.opening import Opening
from tests.bench.reading import ColdStart
from tests.bench.receiving import Received

Latencies = dict[str, dict[str, Latency]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """``file_bytes``: of the one file that single threads read. All are 0 where no group needed one."""

    spans: int
    files: int
    size_bytes: int
    file_bytes: int


@dataclass(slots=True)
class Figures:
    """``load_average`` is that of the minute before: other work on the machine makes absolute figures worse."""

    machine: Machine
    corpus: Corpus
    rounds: int
    load_average: float
    seconds: dict[str, float] = field(default_factory=dict)
    cold: ColdStart | None = None
    million: Latencies = field(default_factory=dict)
    ten_million: Latencies = field(default_factory=dict)
    living: Living | None = None
    openings: Sequence[Opening] = ()
    journey: Latency | None = None
    examining: Examining | None = None
    commanding: Commanding | None = None
    received: Received | None = None
    burden: Mapping[str, float] | None = None  # as tests.bench.burdens prints it
