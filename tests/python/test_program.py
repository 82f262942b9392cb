"""`python -m polymorph_ipc` and the console script `polymorph` are the same program."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import polymorph_ipc
import pytest

MODULE = [sys.executable, "-m", "polymorph_ipc"]
SCRIPT = [str(Path(sysconfig.get_path("scripts")) / "polymorph")]
WITHOUT = """
import runpy, sys
for module in {missing!r}:
    sys.modules[module] = None
sys.argv = ["polymorph", "--version"]
runpy.run_module("polymorph_ipc", run_name="__main__")
"""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("program", [MODULE, SCRIPT], ids=["module", "script"])
def test_version_is_printed(program: list[str]) -> None:
    pytest.importorskip("typer")
    result = run([*program, "--version"])
    assert (result.returncode, result.stdout) == (0, f"polymorph_ipc {polymorph_ipc.__version__}\n"), result.stderr


def test_module_and_script_have_the_same_commands() -> None:
    pytest.importorskip("typer")
    for program in (MODULE, SCRIPT):
        result = run([*program, "--help"])
        assert result.returncode == 0
        assert "bridge" in result.stdout


@pytest.mark.parametrize("missing", [["typer"], ["typer", "rich", "yaml"]], ids=len)
def test_program_without_its_extra_names_the_install_command(missing: list[str]) -> None:
    result = run([sys.executable, "-c", WITHOUT.format(missing=missing)])
    names = {"typer": "typer", "rich": "rich", "yaml": "PyYAML"}
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("polymorph needs ")
    assert all(names[module] in result.stderr for module in missing)
    assert result.stderr.endswith(": pip install 'polymorph_ipc[tools]'\n")
