"""The benchmarks run: every figure and its limit are measured. The values are not checked here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.processes import TESTS

BENCH = TESTS.parents[1] / "bench"


@pytest.fixture(scope="module")
def bench_probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program of the benchmarks, built alone."""
    build = tmp_path_factory.mktemp("bench")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (
        ["cmake", "-S", str(BENCH), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release"],
        ["cmake", "--build", str(build), "--target", "bench_probe", "--parallel", "2"],
    ):
        subprocess.run(command, check=True, env=environment, timeout=90, capture_output=True)
    return build / "bench_probe"


def run_bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCH / "run.py"), *options], check=False, capture_output=True, text=True, timeout=90
    )


def measured_rows(outcome: subprocess.CompletedProcess[str], out: Path) -> list[dict[str, Any]]:
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    groups = json.loads((out / "benchmarks.json").read_text())["groups"]
    return [row for group in groups for row in group["rows"]]


@pytest.mark.parametrize("prefix", ["c-", "python-", "one-way-56", "one-way-921600", "one-core", "list"])
def test_every_figure_is_measured_with_its_limit(bench_probe: Path, tmp_path: Path, prefix: str) -> None:
    outcome = run_bench(
        "--quick", "--only", prefix, "--pools", "20", "--probe", str(bench_probe), "--out", str(tmp_path)
    )
    rows = measured_rows(outcome, tmp_path)
    assert rows or "no second core" in outcome.stdout, outcome.stdout
    for row in rows:
        if row["problem"] is not None:
            assert "torch" in row["what"], row
            continue
        assert row["measured_ns"] > 0, row
        assert row["limit_ns"] > 0, row
        assert row["verdict"] in ("met", "missed", "informative"), row


def test_import_is_compared_with_numpy_and_the_page_is_written(bench_probe: Path, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    options = ("--quick", "--only", "import", "--probe", str(bench_probe), "--out", str(tmp_path), "--page", str(page))
    assert [row["what"] for row in measured_rows(run_bench(*options), tmp_path)] == ["import polymorph_ipc"]
    text = page.read_text()
    assert "| import polymorph_ipc |" in text
    page.write_text(text + "\nThe cause is known.\n")
    measured_rows(run_bench(*options), tmp_path)
    assert page.read_text().endswith("The cause is known.\n")


def test_missing_libraries_are_listed_with_their_install_command(bench_probe: Path, tmp_path: Path) -> None:
    hidden = [f"--peer-python={key}={tmp_path / 'python'}" for key in ("iceoryx2", "tensor_ipc")]
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o700)
    outcome = run_bench(
        "--quick", "--only", "import", "--only-peer", "polymorph", "--only-peer", "iceoryx2",
        "--only-peer", "tensor_ipc", *hidden, "--probe", str(bench_probe), "--out", str(tmp_path),
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    peers = {peer["key"]: peer for peer in json.loads((tmp_path / "peers.json").read_text())["peers"]}
    assert peers["polymorph"]["problem"] is None
    assert peers["polymorph"]["latency_ns"]["56"] > 0
    assert "pip install iceoryx2" in peers["iceoryx2"]["problem"]
    assert "Python 3.10" in peers["tensor_ipc"]["problem"]


def test_missing_bench_probe_error_names_the_build_target(tmp_path: Path) -> None:
    outcome = run_bench("--quick", "--probe", str(tmp_path / "nothing"))
    assert outcome.returncode == 2
    assert "bench_probe" in outcome.stderr
