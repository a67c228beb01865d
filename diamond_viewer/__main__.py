"""``python -m diamond_viewer``: what the pages show, in a terminal. See ``cli/program.py``."""

import gc
import sys

gc.disable()  # while modules are imported and a question is read: nothing of that makes circles; a store turns it on again

from diamond_viewer.cli.program import main  # noqa: E402


def run() -> int:
    """The command ``diamond-viewer-cli`` of an installed viewer."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
