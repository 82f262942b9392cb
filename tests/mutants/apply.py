#!/usr/bin/env python3
"""Make mutants of the library: README.md in this folder.

apply.py SUITE NAME FOLDER   write a copy of src/ with the changes of one mutant to FOLDER/src
apply.py --list SUITE        print each mutant and what must catch it, as a CMake list: name;operation;name;operation
apply.py --check             report every mutant of every suite whose text the library no longer has"""

from __future__ import annotations

import sys
from pathlib import Path

import steps
import syscalls
import units
from mutant import Mutant, StaleMutant, changed_files, write_copy

SUITES: dict[str, tuple[Mutant, ...]] = {"steps": steps.MUTANTS, "syscalls": syscalls.MUTANTS, "units": units.MUTANTS}


def check() -> int:
    """Apply every mutant to the sources in memory; the number of failures."""
    failures = []
    for suite, mutants in SUITES.items():
        names = [mutant.name for mutant in mutants]
        failures += [f"{suite}: mutant '{name}' is there twice" for name in names if names.count(name) != 1]
        failures += [f"{suite}: {stale}" for mutant in mutants if (stale := staleness(mutant))]
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{sum(map(len, SUITES.values()))} mutants, {len(failures)} failures")
    return len(failures)


def staleness(mutant: Mutant) -> StaleMutant | None:
    try:
        changed_files(mutant)
    except StaleMutant as stale:
        return stale
    return None


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        return 1 if check() else 0
    if len(arguments) == 2 and arguments[0] == "--list":
        print(";".join(f"{mutant.name};{mutant.caught_by}" for mutant in SUITES[arguments[1]]), end="")
        return 0
    if len(arguments) == 3:
        suite, name, folder = arguments
        try:
            write_copy(next(mutant for mutant in SUITES[suite] if mutant.name == name), Path(folder))
        except StaleMutant as stale:
            print(stale, file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
