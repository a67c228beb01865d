"""A small tmpfs of one's own: a command gets a name space of mounts, in which a folder is a disk of a few MiB.

Needs no rights of root where the kernel grants users name spaces (``unshare``, of util-linux), as Debian's does. Where it
does not, the tests that ask for one fail and say so: a full disk is not tried out anywhere else.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_MOUNT = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'


def on_small_disk(folder: Path, size_bytes: int) -> list[str]:
    """Words before a command, for which ``folder`` is then such a disk. Fails the test where there can be none."""
    if not shutil.which("unshare"):
        pytest.fail("'unshare' (util-linux) is missing: without it there is no small disk to fill.")
    refused = ""
    for flags in (
        ["--user", "--map-root-user", "--mount"],
        ["--mount"],
    ):  # the second for root where users get no name spaces
        words = ["unshare", *flags, "sh", "-c", _MOUNT, str(size_bytes), str(folder)]
        tried = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=30, check=False)
        if not tried.returncode:
            return words
        refused = tried.stderr.strip()
    pytest.fail(f"This machine lets nobody mount a tmpfs in a name space: {refused}")


def seen_by(process_id: int, folder: Path) -> Path:
    """The folder as that process sees it."""
    return Path(f"/proc/{process_id}/root{folder.resolve()}")


def run_on_small_disk(folder: Path, size_bytes: int, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*on_small_disk(folder, size_bytes), *command], capture_output=True, text=True, timeout=50, check=False
    )
