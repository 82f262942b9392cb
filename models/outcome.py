"""The outcome of one run of a checker, and the verdict on a suite of runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """One run. `found` is the error that the checker reports; None: it explored everything and found no error."""

    found: str | None
    explored: int
    seconds: float
    broken: str | None = None  # why the run itself failed: no verdict

    @property
    def is_sound(self) -> bool:
        return self.found is None and self.broken is None


@dataclass(frozen=True)
class Case:
    """A model or a mutant, its runs, and whether one of them must find an error."""

    name: str
    checks: tuple[tuple[str, Callable[[], Outcome]], ...]
    must_fail: bool
    why_kept: str = ""  # for an order that no model needs: why the code has it


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run of a case."""

    case: Case
    passed: bool
    check: str
    outcome: Outcome


def judge(case: Case) -> list[Verdict]:
    """Run the checks of a case. A mutant needs no further check when one has found an error."""
    verdicts = []
    for check, run in case.checks:
        outcome = run()
        caught = outcome.found is not None
        verdicts.append(Verdict(case, outcome.broken is None and caught == case.must_fail, check, outcome))
        if case.must_fail and caught:
            return verdicts[-1:]
    return verdicts


def judge_all(cases: Sequence[Case], jobs: int, report: Callable[[Verdict], None]) -> list[Verdict]:
    """Judge cases, `jobs` at a time. Calls `report` with each verdict, in the order of the cases."""
    verdicts = []
    with ThreadPoolExecutor(jobs) as pool:
        for judged in pool.map(judge, cases):
            for verdict in judged:
                report(verdict)
                verdicts.append(verdict)
    return verdicts


def run_program(command: Sequence[str], folder: Path, limit_s: float) -> tuple[int, str, float]:
    """Run a program. Returns exit code, output and seconds. Code -1: it exceeded the time limit and was killed."""
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as program:
        try:
            text = program.communicate(timeout=limit_s)[0]
            code = program.returncode
        except BaseException as failure:
            os.killpg(program.pid, signal.SIGKILL)
            if not isinstance(failure, subprocess.TimeoutExpired):
                raise
            text, code = program.communicate()[0], -1
    return code, text, time.monotonic() - begin
