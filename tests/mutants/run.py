#!/usr/bin/env python3
"""Build each mutant of a suite and require that its test fails.

run.py SUITE COMPILER FOLDER OBJECT... [-- LINK_OPTION...]

The objects are those of the test program and of the library, one per source file. Of a mutant only the changed files
are compiled; their objects replace the sound ones. A unit test is compiled for each mutant, too: it may include a file
of src/, which then comes from there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from apply import SUITES
from mutant import ROOT, Mutant, StaleMutant, write_copy

TIMEOUT_S = 120
TESTS = ROOT / "tests"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-w")


class NotCaught(Exception):
    """The mutant could not be tried, or its test did not fail as it must."""


def compile_file(compiler: str, source: Path, sources: Path, target: Path) -> None:
    """Compile one file; `sources` is the src/ that it includes."""
    includes = [f"-I{TESTS / 'support'}", f"-I{ROOT / 'include'}", f"-I{sources}"]
    subprocess.run([compiler, *FLAGS, *includes, "-c", source, "-o", target], check=True)


def build(
    mutant: Mutant, compiler: str, folder: Path, objects: list[str], options: list[str], test: Path | None
) -> Path:
    """Compile the changed files and the test, if any, and link the test program with them."""
    write_copy(mutant, folder)
    included = re.findall(r'#include "(\S+\.c)"', test.read_text()) if test else []
    linked = [name for name in objects if not name.endswith(tuple(f"/src/{file}.o" for file in included))]
    for file in {change.file for change in mutant.changes} - set(included):
        kept = [name for name in linked if not name.endswith(f"/src/{file}.o")]
        if len(kept) != len(linked) - 1:
            raise NotCaught(f"src/{file} is not part of the program")
        linked = kept
        changed = folder / f"{Path(file).stem}.o"
        compile_file(compiler, folder / "src" / file, folder / "src", changed)
        linked.append(str(changed))
    if test:
        compile_file(compiler, test, folder / "src", folder / "test.o")
        linked.insert(0, str(folder / "test.o"))
    program = folder / "program"
    subprocess.run([compiler, *linked, *options, "-pthread", "-o", program], check=True)
    return program


def try_mutant(mutant: Mutant, command: list[str], folder: Path) -> str:
    """Run the test of one mutant; what it reported. NotCaught if it did not."""
    log = folder / "log"
    with log.open("w") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    report = log.read_text(errors="replace")
    if done.returncode == 0:
        raise NotCaught(f"'{mutant.caught_by}' did not fail")
    if mutant.words not in report:
        raise NotCaught(f"'{mutant.caught_by}' failed, but not with '{mutant.words}'; see {log}")
    failed = [line for line in report.splitlines() if line.startswith("FAILED")]
    if not failed:
        raise NotCaught(f"'{mutant.caught_by}' ended with {done.returncode} and named no failure; see {log}")
    return failed[0].removeprefix("FAILED ")


def try_in_folder(
    suite: str, mutant: Mutant, compiler: str, folder: Path, objects: list[str], options: list[str]
) -> tuple[bool, str]:
    """Whether the mutant was caught, and what to print."""
    area, _, name = mutant.caught_by.partition(" ")
    unit = TESTS / "unit" / f"test_{area}.c" if suite == "units" else None
    arguments = (name,) if unit else ("--until-first", mutant.caught_by)
    try:
        program = build(mutant, compiler, folder, objects, options, unit)
        return True, f"ok     {mutant.name}: {try_mutant(mutant, [str(program), *arguments], folder)}"
    except (NotCaught, StaleMutant, subprocess.SubprocessError) as failure:
        return False, f"FAILED {mutant.name}: {failure}"
    finally:
        shutil.rmtree(folder / "src", ignore_errors=True)


def main(arguments: list[str]) -> int:
    suite, compiler, work, *rest = arguments
    split = rest.index("--") if "--" in rest else len(rest)
    objects, options = rest[:split], rest[split + 1 :]
    failures = 0
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        tries = [
            pool.submit(try_in_folder, suite, mutant, compiler, Path(work) / mutant.name, objects, options)
            for mutant in SUITES[suite]
        ]
        for each in tries:
            caught, report = each.result()
            print(report, flush=True)
            failures += not caught
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
