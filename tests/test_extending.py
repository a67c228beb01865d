"""The worked examples of ``docs/extending.md``, applied to a copy of the viewer and tested there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "extending.md"
COPIED = ("diamond_viewer", "templates", "static", "docs", "tests")
LEFT_OUT = ("__pycache__", "node_modules", "data", "golden", "browser", "*.png", "*.pyc")
CHANGES = re.findall(r"^```diff\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.timeout(180)
def test_the_examples_fit_the_code_and_work(tmp_path: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in ("app.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tests" / "data").symlink_to(ROOT / "tests" / "data")
    for change in CHANGES:
        applied = subprocess.run(
            ["git", "apply", "-"], input=change, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert applied.returncode == 0, f"{applied.stderr}\nof\n{change[:300]}"
    tests = re.findall(r"^\+\+\+ b/(tests/.+)$", "".join(CHANGES), re.MULTILINE)
    assert len(CHANGES) == len(tests) == 3
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-o",
            "addopts=",
            "-p",
            "no:cacheprovider",
            *tests,
            "tests/test_layers.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
