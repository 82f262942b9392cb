"""The stubs say what the package does: mypy accepts a right program, and finds each mistake of a wrong one."""

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


def test_a_right_program_passes_strict_type_checking_and_a_wrong_one_fails_at_every_mistake(tmp_path: Path) -> None:
    code, output = check_types(USAGE, tmp_path)
    assert code == 0, output
    expected = [
        number for number, line in enumerate(MISTAKES.read_text().splitlines(), 1) if line.endswith("# mistake")
    ]
    code, output = check_types(MISTAKES, tmp_path)
    found = sorted({int(line.split(":")[1]) for line in output.splitlines() if ": error:" in line})
    assert found == expected, output
