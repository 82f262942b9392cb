"""scripts/check_language.py finds the words that texts and names must not have, and accepts plain code and English."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_language.py"


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "line",
    [
        "/* Nobody reads this slot. */",
        "def test_fork_deadlocks_nobody():",
        "'%s' is no encoding that is known",
        "whoever starts next adopts the pool",
        "The rows of the dead are cleared.",
        "the ring goes round",
        "the float is refused in words, the int is warned about",
        "as it lies in the file",
    ],
)
def test_language_check_finds_a_word_and_exits_with_1(tmp_path: Path, line: str) -> None:
    bad = tmp_path / "bad.c"
    bad.write_text(f"int a;\n{line}\n")
    ended = check(tmp_path)
    assert ended.returncode == 1
    assert f"{bad}:2: " in ended.stdout
    assert " -> " in ended.stdout


@pytest.mark.parametrize(
    "line",
    [
        "if x is None or y is not None:",
        "long = [word for word in words if len(word) > 9]",
        "there is no pool of that name",
        "the pool is no longer connected",
        "the dead producer's lock, the dead reader's row, the dead processes",
        "a history, this thing, another, the theme, where, when",
        "runs as the user nobody",
        "a live producer belongs to a liveness check",
    ],
)
def test_language_check_accepts_plain_words(tmp_path: Path, line: str) -> None:
    (tmp_path / "good.c").write_text(f"{line}\n")
    ended = check(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_language_check_reads_file_names_and_counts(tmp_path: Path) -> None:
    (tmp_path / "robbed_producer.c").write_text("int robbed;\n")
    ended = check("--count", tmp_path)
    assert ended.returncode == 1
    assert ended.stdout.split() == ["2", "robbed"]


def test_language_check_refuses_a_missing_path(tmp_path: Path) -> None:
    assert check(tmp_path / "absent").returncode == 2
