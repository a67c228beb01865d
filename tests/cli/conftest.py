from functools import partial

import pytest

from tests.cli.commanding import Command, in_this_process


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process: ``command("search", path).documents``."""
    return partial(in_this_process, capsys)
