"""The labelled scenarios: small traces and journeys, good, bad and nearly bad, with the rules that must speak.

    python -m tests.diagnosis.scenarios        writes them into tests/data/scenarios/

Each is made of real traces (``staging``) changed in one thing. What is expected was decided by reading the scenario, not
by running the rules; ``expectations.json`` beside the lines holds it, and is what the tests read.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.diagnosis.single_traces import SINGLE_TRACES
from tests.diagnosis.stories import JOURNEYS

FOLDER = Path(__file__).parents[1] / "data" / "scenarios"
EXPECTATIONS = "expectations.json"


def files() -> Mapping[str, str]:
    """File name -> content: a file of lines for each scenario, and the expectations."""
    written = {}
    expected = {}
    for kind, scenarios in (("trace", SINGLE_TRACES), ("journey", JOURNEYS)):
        for scenario in scenarios:
            name = f"{kind}-{scenario.name}.json"
            written[name] = "".join(f"{take.line()}\n" for take in scenario.takes)
            expected[name] = {"label": scenario.label, "rules": sorted(scenario.rules), "why": scenario.why}
    return {**written, EXPECTATIONS: json.dumps(expected, ensure_ascii=False, indent=1) + "\n"}


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for path in FOLDER.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
