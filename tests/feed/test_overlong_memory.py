"""Case 50 by what the system says of the process: a line above the limit costs no more memory than the limit."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHUNKS_BYTES = 8 * 1024**2  # what is read at a time, and what the allocator keeps


def test_an_attribute_of_100_mb_costs_no_more_memory_than_the_limit_of_a_line() -> None:
    command = [sys.executable, "-m", "tests.bench.overlong", "100", "20"]
    took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    assert (took["spans"], took["oversize"]) == (2, 1)
    assert took["peak_bytes"] - took["base_bytes"] <= 1.1 * took["limit_bytes"] + CHUNKS_BYTES
