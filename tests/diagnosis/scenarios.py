"""The labelled scenarios: small traces and journeys, good, bad and nearly bad, with the rules that must speak.

    python -m tests.diagnosis.scenarios        writes them into tests/data/scenarios/

Each is a real trace (``staging``) changed in one thing. What is expected was decided by reading the scenario, before the
rules were run on it; ``expectations.json`` beside the lines is what the tests read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.diagnosis.staging import Take
from tests.diagnosis.stories import JOURNEYS
from tests.diagnosis.single_traces import SINGLE_TRACES

FOLDER = Path(__file__).parents[1] / "data" / "scenarios"
