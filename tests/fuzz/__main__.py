"""Coverage-guided fuzzing of one target, or of all in turn: ``python -m tests.fuzz [TARGET] -max_total_time=60``.

What breaks a target is left in ``tests/data/fuzz/<target>``, where the tests find it from then on.
"""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "data" / "fuzz"
NAMES = ("line", "splitter", "language", "address", "body", "redaction")
INSIDE = "--inside"  # of the process that ``run`` starts
LIMITS = ("-timeout=20", "-rss_limit_mb=3000", "-max_len=4096", "-print_final_stats=0", "-verbosity=0")


def main() -> int:
    names = [word for word in sys.argv[1:] if word in NAMES]
    options = [word for word in sys.argv[1:] if word not in NAMES]
    if INSIDE not in options:
        return sum(run(name, options) != 0 for name in names or NAMES)
    options.remove(INSIDE)
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["diamond_viewer"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[names[0]]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()  # ends the process
    return 0


def run(name: str, options: list[str]) -> int:
    """The exit code of a process of its own: atheris ends the one it runs in."""
    kept = CORPUS / name
    sys.stdout.write(f"{name} ...\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="diamond-viewer-fuzz-") as found:  # what is new there is not worth keeping
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            INSIDE,
            *LIMITS,
            f"-artifact_prefix={kept}/",
            *options,
            found,
            str(kept),
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
