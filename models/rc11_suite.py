"""The harnesses in rc11/ around the product's own protocol.c, their runs, and how GenMC explores them."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path

import rc11_experiments
import rc11_mutants
from outcome import Case, Outcome, run_program

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "rc11"
LIMIT_S = 3600.0

CRASHES = range(5)  # the number of stores before the crash: entry, head, flag, bell

# name -> harness, macros.
RUNS: dict[str, tuple[str, ...]] = {
    "newest": ("newest",),
    "newest.twice": ("newest", "READS=2"),
    "newest.history": ("newest", "HISTORY_LEN=2", "PUBLISHES=3"),
    "newest.reuses-last": ("newest", "REUSES_LAST=1", "SLOTS=3", "PUBLISHES=3"),
    "newest.two-streams": ("newest", "TWO_STREAMS", "SLOTS=3", "PUBLISHES=2"),
    "newest.two-cells": ("newest", "TWO_CELLS", "SLOTS=3", "PUBLISHES=3"),
    "seq": ("seq",),
    "window": ("window",),
    "window.broken": ("window", "BROKEN"),
    "window.given-up": ("window", "GIVES_UP"),
    "grow.newest": ("grow",),
    "grow.moved": ("grow", "DROP"),
    "grow.seq": ("grow", "BY_SEQ"),
    "grow.window": ("grow", "BY_WINDOW"),
    "wrap": ("wrap",),
    "drain": ("drain",),
    "wait": ("wait",),
    "wait.retired": ("wait", "RETIRES", "PUBLISHES=1"),
    "wait.two-streams": ("wait", "TWO_STREAMS", "PUBLISHES=1"),
    "wait.two-streams-retired": ("wait", "TWO_STREAMS", "RETIRES", "PUBLISHES=0"),
    **{f"adopt.crash{i}": ("adopt", f"CRASH_AT={i}") for i in CRASHES},
    **{f"adopt.history.crash{i}": ("adopt", "HISTORY_LEN=2", "PUBLISHES=1", f"CRASH_AT={i}") for i in CRASHES},
    **{
        f"adopt.dropping.crash{i}": ("adopt", "HISTORY_LEN=2", "DROPS", "PUBLISHES=1", f"CRASH_AT={i}")
        for i in range(1, 4)
    },
    **{f"adopt.growing.crash{i}": ("adopt", "GROWS", "PUBLISHES=1", f"CRASH_AT={i}") for i in range(1, 4)},
    **{
        f"adopt.twice.crash{i}-{j}": ("adopt", "PUBLISHES=1", f"CRASH_AT={i}", f"CRASHES_AGAIN={j}")
        for i in (1, 2)
        for j in range(1, 5)
    },
    **{f"adopt-wait.crash{i}": ("adopt_wait", f"CRASH_AT={i}") for i in CRASHES},
    "foreign": ("foreign",),
    "lost-growth": ("lost_growth",),
    "lost-growth.window": ("lost_growth", "WINDOW"),
    "lost-growth.stray": ("lost_growth", "STRAY"),
    "rows.swept": ("rows", "DIES", "SWEEPS", "ALONE"),
    "rows.swept-above": ("rows", "DIES", "SWEEPS"),
    "rows.claimed": ("rows", "DIES", "CLAIMS"),
    "rows.contended": ("rows", "CLAIMS", "SWEEPS"),
    "rows.claimed-adopting": ("rows", "DIES", "CLAIMS", "ADOPTS"),
    "rows.swept-adopting": ("rows", "DIES", "SWEEPS", "ADOPTS"),
    "fork": ("fork",),
    "other-thread.newest": ("other_thread",),
    "other-thread.seq": ("other_thread", "BY_SEQ"),
    "other-thread.window": ("other_thread", "BY_WINDOW"),
    "token": ("token",),
}

# Runs for rc11_experiments.py only.
OPEN_RUNS: dict[str, tuple[str, ...]] = {
    "foreign.late": ("foreign", "LANDS_LATE"),
    "foreign.same-slot": ("foreign", "TAKES_ITS_SLOT"),
    "stale.pin": ("stale", "PINS"),
    "stale.unpin": ("stale",),
    "stale.pin.tagged": ("stale", "PINS", "TAGGED"),
    "stale.unpin.tagged": ("stale", "TAGGED"),
}


def explore(genmc: str, run: str, extra: tuple[str, ...] = (), mutant: rc11_mutants.Mutant | None = None) -> Outcome:
    """Explore every execution of a harness, with the product's files or with those of a mutant."""
    harness, *macros = (RUNS | OPEN_RUNS)[run]
    with tempfile.TemporaryDirectory(prefix="polymorph-rc11-") as name:
        folder = Path(name)
        if mutant:
            for file, text in mutant.files.items():
                (folder / file).parent.mkdir(exist_ok=True)
                (folder / file).write_text(text)
        includes = [folder, ROOT / "src", ROOT / "include"]
        # -O1 copies a struct word by word. -fno-builtin keeps loops from becoming calls of memcpy or memset.
        flags = ["-O1", "-fno-builtin", *(f"-I{include}" for include in includes)]
        defines = [f"-D{macro}" for macro in (*macros, *extra)]
        command = [genmc, "--rc11", "--disable-estimation", "--", *flags, *defines, str(FOLDER / f"{harness}.c")]
        code, output, _ = run_program(command, folder, LIMIT_S)
    return read_report(code, output)


def read_report(code: int, text: str) -> Outcome:
    """Read the report of GenMC."""
    explored = re.search(r"Number of complete executions explored: (\d+)", text)
    took = re.search(r"Total wall-clock time: ([\d.]+)s", text)
    seconds = float(took[1]) if took else 0.0
    error = re.search(r"^Error: (.*?)!?$", text, re.MULTILINE)
    if not explored or (code != 0) != bool(error) or (not error and "No errors were detected" not in text):
        return Outcome(None, 0, seconds, f"GenMC ended with {code}: {text.strip()[-300:]}")
    if not error:
        return Outcome(None, int(explored[1]), seconds)
    detail = re.search(r"^Assertion violation: (.*)$", text, re.MULTILINE)
    return Outcome(f"assertion {detail[1]}" if detail else error[1], int(explored[1]), seconds)


def cases(genmc: str) -> list[Case]:
    """All cases: sound runs, then mutants of the callers, of the rules and of the orders, then experiments."""
    listed = [Case(run, ((run, partial(explore, genmc, run)),), must_fail=False) for run in RUNS]
    for name, run, macro in rc11_mutants.CALLERS:
        listed.append(Case(name, ((run, partial(explore, genmc, run, (macro,))),), must_fail=True))
    for mutant in [*rc11_mutants.broken_rules(), *rc11_mutants.weakened()]:
        checks = tuple((run, partial(explore, genmc, run, (), mutant)) for run in mutant.runs)
        listed.append(Case(mutant.name, checks, not mutant.why_kept, mutant.why_kept))
    for name, run, holds, experiment in rc11_experiments.experiments():
        listed.append(Case(name, ((run, partial(explore, genmc, run, (), experiment)),), not holds))
    return listed
