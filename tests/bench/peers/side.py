"""What each side prints: one JSON document. Run in a process of its own, with nothing but its own packages."""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ASKED_TIMES = 3
LESSON_KEYS = ("lesson.id", "lessonId", "lesson_id")

Question = Callable[[], Any]


def race(version: str, load: Callable[[], object] | None, questions: Mapping[str, Question]) -> None:
    """Load if there is anything to load, then ask each question: the fastest of a few times counts."""
    load_s = _seconds(load)[0] if load is not None else None
    taken = {}
    for name, ask in questions.items():
        answers = [_seconds(ask) for _ in range(ASKED_TIMES)]
        taken[name] = {"seconds": min(seconds for seconds, _ in answers), "answer": answers[0][1]}
    document = {"version": version, "load_s": load_s, "questions": taken, "memory_bytes": peak_bytes()}
    sys.stdout.write(json.dumps(document) + "\n")


def peak_bytes() -> int:
    """The most that this process, or one that it ran, ever took; ``ru_maxrss`` of a process itself begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    ran_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max(int(status.split("VmHWM:")[1].split()[0]) * 1024, ran_bytes)


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began_s = time.perf_counter()
    answer = work()
    return time.perf_counter() - began_s, answer
