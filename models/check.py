#!/usr/bin/env python3
"""Run the models of the protocol and their mutants, and print what each found. README.md describes them.

    models/check.py spin            the Promela models
    models/check.py rc11            the product's protocol.c under GenMC
    models/check.py                 both; only the Promela models if GenMC is not installed

Exit status: 0 if every run without a mutant is sound and no mutant survives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import rc11_suite
import spin_suite
from outcome import Case, Verdict, judge_all


def find_genmc() -> str | None:
    """The path of GenMC: $GENMC, or found on PATH."""
    return shutil.which(os.environ.get("GENMC") or "genmc")


def describe(verdict: Verdict) -> str:
    """One line of the table."""
    outcome = verdict.outcome
    if outcome.broken:
        what = f"no verdict: {outcome.broken}"
    elif outcome.found:
        what = outcome.found
    elif verdict.case.why_kept:
        what = f"nothing, as expected: {verdict.case.why_kept}"
    else:
        what = "sound" if not verdict.case.must_fail else "nothing: the mutant survived"
    mark = "ok  " if verdict.passed else "FAIL"
    return f"{mark} {verdict.case.name:<58} {verdict.check:<24} {outcome.explored:>8} {outcome.seconds:6.1f} s  {what}"


def report(verdict: Verdict) -> None:
    print(describe(verdict), flush=True)


def markdown(title: str, unit: str, verdicts: list[Verdict]) -> str:
    """The verdicts as a table for results.md."""
    lines = [f"## {title}", "", f"| run or mutant | run | {unit} | s | found |", "| --- | --- | ---: | ---: | --- |"]
    for verdict in verdicts:
        outcome = verdict.outcome
        kept = verdict.case.why_kept
        what = outcome.broken or outcome.found or (f"nothing: {kept}" if kept else "nothing")
        if not verdict.passed:
            what = f"**wrong**: {what}"
        lines.append(
            f"| {verdict.case.name} | {verdict.check} | {outcome.explored:,} | {outcome.seconds:.1f} | "
            f"{what.replace('|', chr(92) + '|')} |"
        )
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="?", choices=["spin", "rc11"], help="default: both")
    parser.add_argument("--only", default="", metavar="TEXT", help="run only cases whose name contains TEXT")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="number of parallel runs")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables, as Markdown")
    options = parser.parse_args()

    suites: list[tuple[str, str, list[Case]]] = []
    genmc = find_genmc()
    if options.suite != "rc11":
        if not shutil.which("spin"):
            print("models: Spin not found; install it (Debian, Ubuntu: apt install spin)", file=sys.stderr)
            return 2
        suites.append(("Spin", "states", spin_suite.cases()))
    if options.suite != "spin":
        if genmc:
            suites.append(("GenMC", "executions", rc11_suite.cases(genmc)))
        elif options.suite == "rc11":
            print("models: GenMC not found; set GENMC=/path/to/genmc (models/README.md)", file=sys.stderr)
            return 2
        else:
            print("models: GenMC not found (GENMC=/path/to/genmc, or on PATH): running only Spin", file=sys.stderr)

    tables, failed, begin = [], 0, time.monotonic()
    for title, unit, cases in suites:
        wanted = [case for case in cases if options.only in case.name]
        print(f"{title}: {len(wanted)} cases; {unit}, seconds, what was found", flush=True)
        verdicts = judge_all(wanted, options.jobs, report)
        failed += sum(not verdict.passed for verdict in verdicts)
        tables.append(markdown(title, unit, verdicts))
    if options.write:
        options.write.write_text("# Results of the last run\n\nWritten by `make models`.\n\n" + "\n".join(tables))
    print(f"models: {'all as expected' if not failed else f'{failed} FAILED'} in {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
