"""The type stubs: mypy accepts a correct program and finds each mistake of an incorrect one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import TESTS

pytestmark = pytest.mark.any_python

USAGE = TESTS / "programs" / "typed_usage.py"
MISTAKES = TESTS / "programs" / "typed_mistakes.py"


def check_types(path: Path, cache: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=cache)
    return result.returncode, result.stdout + result.stderr


def test_type_checker_accepts_correct_use_and_finds_every_mistake(tmp_path: Path) -> None:
    code, output = check_types(USAGE, tmp_path)
    assert code == 0, output
    expected = [
        number for number, line in enumerate(MISTAKES.read_text().splitlines(), 1) if line.endswith("# mistake")
    ]
    code, output = check_types(MISTAKES, tmp_path)
    found = sorted({int(line.split(":")[1]) for line in output.splitlines() if ": error:" in line})
    assert found == expected, output
