"""What one run of a checker found, and how a suite of runs is judged."""

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
    """One run. `found` is what the checker complains about, None when it explored everything and did not."""

    found: str | None
    explored: int
    seconds: float
    broken: str | None = None  # the run itself failed: no verdict

    @property
    def is_sound(self) -> bool:
        return self.found is None and self.broken is None


@dataclass(frozen=True)
class Case:
    """A model or a mutant, the runs that judge it, and whether one of them must find something."""

    name: str
    checks: tuple[tuple[str, Callable[[], Outcome]], ...]
    must_fail: bool
    why_kept: str = ""  # an order that no model needs: why it is there all the same


@dataclass(frozen=True)
class Verdict:
    """A case, judged."""

    case: Case
    passed: bool
    check: str
    outcome: Outcome


def judge(case: Case) -> list[Verdict]:
    """Run the checks of a case. A mutant is done with when one of them has found something."""
    verdicts = []
    for check, run in case.checks:
        outcome = run()
        caught = outcome.found is not None
        verdicts.append(Verdict(case, outcome.broken is None and caught == case.must_fail, check, outcome))
        if case.must_fail and caught:
            return verdicts[-1:]
    return verdicts


def judge_all(cases: Sequence[Case], jobs: int, tell: Callable[[Verdict], None]) -> list[Verdict]:
    """Judge cases, `jobs` at a time, and tell of each as it is done, in their order."""
    verdicts = []
    with ThreadPoolExecutor(jobs) as pool:
        for judged in pool.map(judge, cases):
            for verdict in judged:
                tell(verdict)
                verdicts.append(verdict)
    return verdicts


def run_program(command: Sequence[str], folder: Path, limit_s: float) -> tuple[int, str, float]:
    """Run a program to its end: exit code, everything it printed, seconds. Code -1: it took too long and was killed."""
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
