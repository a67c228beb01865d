"""How tests are spread: files that take longest begin, so that the last minutes are not one worker's alone, and there is a
worker more than cores, for tests that wait for a browser, a server or a file.
"""

import gc
import os
from pathlib import Path

import pytest

from diamond_viewer.resident import GC_THRESHOLDS

# by seconds of processor time, with the browsers and servers they start; tests/test_longest.py sees to it that each is there
LONGEST = (
    "tests/feed/test_soak.py",
    "tests/browser/test_accessibility.py",
    "tests/browser/test_traces_page.py",
    "tests/browser/test_every_page.py",
    "tests/index/test_language.py",
    "tests/browser/test_every_state.py",
    "tests/index/test_budget.py",
    "tests/browser/test_trace_page.py",
    "tests/browser/test_logs.py",
    "tests/index/test_properties.py",
    "tests/cli/test_same_answers.py",
    "tests/browser/test_tallies.py",
    "tests/feed/test_backfill.py",
    "tests/web/test_pages.py",
    "tests/web/test_trace_faults.py",
    "tests/browser/test_journeys.py",
    "tests/index/test_findings.py",
    "tests/index/test_spare.py",
    "tests/test_app.py",
    "tests/browser/test_hostile_telemetry.py",
    "tests/browser/test_import.py",
    "tests/browser/test_tasks.py",
    "tests/index/test_adoption.py",
    "tests/index/test_logs.py",
    "tests/index/test_visits.py",
    "tests/index/test_tallies.py",
    "tests/bench/test_bench.py",
    "tests/index/test_eviction.py",
    "tests/index/test_scanning.py",
    "tests/web/test_journeys.py",
    "tests/index/test_truth.py",
    "tests/web/test_schemathesis.py",
    "tests/web/test_elsewhere.py",
    "tests/index/test_big_traces.py",
    "tests/browser/test_behind_nginx.py",
    "tests/bench/test_corpus.py",
    "tests/feed/test_long_lines.py",
    "tests/browser/test_first_visit.py",
    "tests/receive/test_javascript.py",
    "tests/web/test_import_pages.py",
    "tests/bench/test_commanding.py",
    "tests/web/test_hostile_questions.py",
    "tests/index/test_suspicion.py",
    "tests/test_wheel.py",
    "tests/test_extending.py",
)
_PLACES = {str(Path(__file__).parents[1] / path): place for place, path in enumerate(LONGEST)}


@pytest.hookimpl(trylast=True)  # after they were shuffled: the others, and the tests within a file, stay as they are
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACES.get(str(item.path), len(_PLACES)))


def pytest_collection_finish() -> None:
    """As the server does, and for its reason: looking through thousands of tests for circles takes a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def pytest_xdist_auto_num_workers() -> int:
    """Of ``--numprocesses=auto``; ``--maxprocesses`` bounds it."""
    return (os.cpu_count() or 1) + 1
