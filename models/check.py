#!/usr/bin/env python3
"""Run the models of the protocol and their mutants, and say what each found: README.md beside this file.

    models/check.py spin            the Promela models
    models/check.py rc11            the product's protocol.c under GenMC
    models/check.py                 both; without GenMC, which it says, only the first

Ends with 0 when every sound run is sound and no mutant survived.
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
    """Where GenMC is: $GENMC, or on PATH."""
    return shutil.which(os.environ.get("GENMC") or "genmc")


def describe(verdict: Verdict) -> str:
    """One line of the table."""
    outcome = verdict.outcome
    if outcome.broken:
        what = f"NO VERDICT: {outcome.broken}"
    elif outcome.found:
        what = outcome.found
    elif verdict.case.why_kept:
        what = f"nothing, as expected: {verdict.case.why_kept}"
    else:
        what = "sound" if not verdict.case.must_fail else "NOTHING: the mutant survived"
    mark = "ok  " if verdict.passed else "FAIL"
    return f"{mark} {verdict.case.name:<58} {verdict.check:<24} {outcome.explored:>8} {outcome.seconds:6.1f} s  {what}"


def tell(verdict: Verdict) -> None:
    print(describe(verdict), flush=True)


def markdown(title: str, unit: str, verdicts: list[Verdict]) -> str:
    """The same as a table of README.md's neighbour, results.md."""
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
    parser.add_argument("suite", nargs="?", choices=["spin", "rc11"], help="one of the two; without it, both")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name has TEXT in it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many at a time")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables, as Markdown")
    options = parser.parse_args()

    suites: list[tuple[str, str, list[Case]]] = []
    genmc = find_genmc()
    if options.suite != "rc11":
        if not shutil.which("spin"):
            print("models: spin is not here (Debian, Ubuntu: apt install spin)", file=sys.stderr)
            return 2
        suites.append(("Spin", "states", spin_suite.cases()))
    if options.suite != "spin":
        if genmc:
            suites.append(("GenMC", "executions", rc11_suite.cases(genmc)))
        elif options.suite == "rc11":
            print("models: GenMC is not here: not at $GENMC, nor on PATH (models/README.md)", file=sys.stderr)
            return 2
        else:
            print("models: GenMC is not here (GENMC=/path/to/genmc or on PATH): only Spin is run", file=sys.stderr)

    tables, failed, begin = [], 0, time.monotonic()
    for title, unit, cases in suites:
        wanted = [case for case in cases if options.only in case.name]
        print(f"{title}: {len(wanted)} cases; {unit}, seconds, what was found", flush=True)
        verdicts = judge_all(wanted, options.jobs, tell)
        failed += sum(not verdict.passed for verdict in verdicts)
        tables.append(markdown(title, unit, verdicts))
    if options.write:
        options.write.write_text("# The last figures\n\nWritten by `make models`.\n\n" + "\n".join(tables))
    print(f"models: {'all as expected' if not failed else f'{failed} FAILED'} in {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
