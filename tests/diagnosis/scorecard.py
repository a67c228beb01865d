"""How well each rule does on the labelled scenarios: precision and recall.

python -m tests.diagnosis.scorecard
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TypedDict

from diamond_viewer.diagnosis.diagnose import diagnose, diagnose_journey
from diamond_viewer.diagnosis.finding import Finding
from tests.diagnosis.readings import lines_of, traces_in
from tests.diagnosis.scenarios import EXPECTATIONS, FOLDER


class Expected(TypedDict):
    label: str
    rules: list[str]
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """In how many scenarios a rule spoke, was to speak, and did both."""

    spoke: int
    wanted: int
    right: int

    @property
    def precision_percent(self) -> float:
        return 100 * self.right / self.spoke if self.spoke else 100.0

    @property
    def recall_percent(self) -> float:
        return 100 * self.right / self.wanted if self.wanted else 100.0


def expectations() -> dict[str, Expected]:
    """By file name."""
    said: dict[str, Expected] = json.loads((FOLDER / EXPECTATIONS).read_text(encoding="utf-8"))
    return said


def findings_in(name: str, lines: list[bytes] | None = None) -> tuple[Finding, ...]:
    """What the rules say of a scenario: of its one trace, or of its traces as one person's journey."""
    traces = traces_in(lines_of(FOLDER / name) if lines is None else lines)
    if name.startswith("journey-"):
        return diagnose_journey(traces)
    assert len(traces) == 1, f"{name} holds {len(traces)} traces"
    return diagnose(traces[0])


def scores() -> dict[str, Score]:
    """By kind and rule (``journey redirect-loop``)."""
    spoke: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for name, expected in expectations().items():
        kind = name.partition("-")[0]
        said = {f"{kind} {finding.rule}" for finding in findings_in(name)}
        should = {f"{kind} {rule}" for rule in expected["rules"]}
        spoke.update(said)
        wanted.update(should)
        right.update(said & should)
    return {rule: Score(spoke[rule], wanted[rule], right[rule]) for rule in sorted(spoke | wanted)}


def drawn() -> str:
    """A line for each rule."""
    lines = [f"{'rule':32} {'wanted':>6} {'spoke':>6} {'precision':>10} {'recall':>8}"]
    lines += [
        f"{rule:32} {score.wanted:6} {score.spoke:6} {score.precision_percent:8.0f} % {score.recall_percent:6.0f} %"
        for rule, score in scores().items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(drawn())
