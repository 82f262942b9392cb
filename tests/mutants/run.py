#!/usr/bin/env python3
"""Build each mutant of a suite and require that its test fails.

run.py SUITE COMPILER FOLDER OBJECT... [-- LINK_OPTION...]

The objects are those of the test program and of the library, one per source file. Of a mutant only the changed files
are compiled; their objects replace the sound ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from apply import SUITES
from mutant import ROOT, Mutant, StaleMutant, write_copy

# How a suite's test program is called for one mutant, in place of {}.
ARGUMENTS = {"syscalls": ("--until-first", "{}")}
TIMEOUT_S = 120


class NotCaught(Exception):
    """The mutant could not be tried, or its test did not fail as it must."""


def build(mutant: Mutant, compiler: str, folder: Path, objects: list[str], options: list[str]) -> Path:
    """Compile the changed files and link the test program with them."""
    write_copy(mutant, folder)
    linked = list(objects)
    for file in {change.file for change in mutant.changes}:
        kept = [name for name in linked if not name.endswith(f"/src/{file}.o")]
        if len(kept) != len(linked) - 1:
            raise NotCaught(f"src/{file} is not part of the program")
        changed = folder / f"{Path(file).stem}.o"
        includes = [f"-I{ROOT / 'include'}", f"-I{folder / 'src'}"]
        command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-O1", "-w", *includes]
        subprocess.run([*command, "-c", folder / "src" / file, "-o", changed], check=True)
        linked = [*kept, str(changed)]
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
    return failed[0].removeprefix("FAILED ") if failed else f"exit status {done.returncode}"


def main(arguments: list[str]) -> int:
    suite, compiler, work, *rest = arguments
    split = rest.index("--") if "--" in rest else len(rest)
    objects, options = rest[:split], rest[split + 1 :]
    failures = 0
    for mutant in SUITES[suite]:
        folder = Path(work) / mutant.name
        try:
            program = build(mutant, compiler, folder, objects, options)
            command = [str(program), *(word.format(mutant.caught_by) for word in ARGUMENTS[suite])]
            print(f"ok     {mutant.name}: {try_mutant(mutant, command, folder)}", flush=True)
        except (NotCaught, StaleMutant, subprocess.SubprocessError) as failure:
            print(f"FAILED {mutant.name}: {failure}", flush=True)
            failures += 1
        shutil.rmtree(folder / "src", ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
