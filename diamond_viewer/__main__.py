"""``python -m diamond_viewer``: what the pages show, in a terminal. See ``cli/program.py``."""

import sys

from diamond_viewer.cli.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
