"""The Promela models in spin/, and the mutants that each must find."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path

from outcome import Case, Outcome, run_program

FOLDER = Path(__file__).parent / "spin"
LIMIT_S = 300.0

# A model with its macros. It must be sound.
RUNS: tuple[tuple[str, ...], ...] = (
    ("newest",),
    ("newest", "GROWS"),
    ("window",),
    ("window", "GROWS"),
    ("window", "GIVES_UP"),
    ("wait",),
    ("wait", "RETIRES"),
    ("adopt",),
    ("adopt", "HISTORY=2"),
    ("adopt", "SLEEPS"),
    ("rows",),
    ("fork",),
    ("lost_growth",),
    ("lost_growth", "STRAY"),
    ("streams",),
    ("streams", "TWO_CELLS"),
    ("sleepers",),
    ("sleepers", "RETIRES"),
    ("successors",),
    ("successors", "CLAIMS"),
    ("retire",),
)

# The last macro breaks a rule. The model must find that.
MUTANTS: tuple[tuple[str, ...], ...] = (
    ("newest", "NO_PUBLISH_FENCE"),
    ("newest", "NO_PIN_FENCE"),
    ("newest", "NO_RECHECK"),
    ("newest", "TAKES_WITHOUT_SCAN"),
    ("newest", "RELAXED_HEAD"),
    ("newest", "GROWS", "GROWS_LATE"),
    ("newest", "GROWS", "COUNT_BEFORE_ENTRY"),
    ("window", "RELAXED_RING"),
    ("window", "NO_PUBLISH_FENCE"),
    ("window", "NO_PIN_FENCE"),
    ("window", "NO_RECHECK"),
    ("window", "GROWS", "CELL_WITHOUT_COUNT"),
    ("window", "GIVES_UP", "NO_DROP_FENCE"),
    ("window", "GIVES_UP", "DROPS_OUT_OF_ORDER"),
    ("wait", "NO_PUBLISH_FENCE"),
    ("wait", "NO_WAIT_FENCE"),
    ("wait", "RELAXED_BELL"),
    ("wait", "BUMP_BEFORE_CLEAR"),
    ("wait", "RETIRES", "RETIRED_BEFORE_BELL"),
    ("adopt", "SCANS_BEFORE_HEAD"),
    ("adopt", "ADOPTS_WITHOUT_HEAD"),
    ("adopt", "SLEEPS", "ADOPTS_WITHOUT_RINGING"),
    ("rows", "SWEEPS_WITHOUT_LOCK"),
    ("fork", "BITMAP_READ_ONCE"),
    ("fork", "CHILD_IS_LOWER"),
    ("fork", "UNPINS_BEFORE_COPY"),
    ("lost_growth", "GROWS_WITHOUT_ASKING"),
    ("lost_growth", "TAKES_OVER_ANY_COUNT"),
    ("lost_growth", "STRAY", "LARGER_CELLS_PIN_NOTHING"),
    ("streams", "NO_PUBLISH_FENCE"),
    ("streams", "TWO_CELLS", "ONLY_THE_FIRST_CELL"),
    ("sleepers", "BUMP_BEFORE_CLEAR"),
    ("sleepers", "NO_WAIT_FENCE"),
    ("successors", "SCANS_BEFORE_HEAD"),
    ("successors", "CLAIMS", "DIES_EARLY"),
    ("retire", "UNLINKS_FIRST"),
    ("retire", "RINGS_ONCE"),
)


def explore(model: str, macros: tuple[str, ...]) -> Outcome:
    """Explore every state of a model."""
    with tempfile.TemporaryDirectory(prefix="polymorph-spin-") as name:
        folder = Path(name)
        steps = (
            ["spin", "-a", *(f"-D{macro}" for macro in macros), str(FOLDER / f"{model}.pml")],
            # Without optimization: compiling takes longer than exploring.
            ["cc", "-O0", "-w", "-DSAFETY", "-DNOFAIR", "-o", "pan", "pan.c"],
            ["./pan", "-w20", "-m1000000"],
        )
        spent = 0.0
        for step in steps:
            code, text, seconds = run_program(step, folder, LIMIT_S)
            spent += seconds
            if code != 0:
                return Outcome(None, 0, spent, f"{step[0]} failed ({code}): {text.strip()[:300]}")
    return read_report(text, spent)


def read_report(text: str, seconds: float) -> Outcome:
    """Read the report of pan. Only a complete search gives a verdict."""
    states = re.search(r"^\s*(\d+) states, stored", text, re.MULTILINE)
    errors = re.search(r"errors: (\d+)", text)
    if not states or not errors or "max search depth too small" in text:
        return Outcome(None, 0, seconds, f"pan did not finish: {text.strip()[:300]}")
    if errors[1] == "0":
        return Outcome(None, int(states[1]), seconds)
    complaint = re.search(r"^pan:1: (.*?) \(at depth", text, re.MULTILINE)
    found = complaint[1] if complaint else "an error"
    return Outcome("a process that never ends" if "invalid end state" in found else found, int(states[1]), seconds)


def cases() -> list[Case]:
    """All cases, sound models first."""
    listed = []
    for group, must_fail in ((RUNS, False), (MUTANTS, True)):
        for model, *macros in group:
            check = " ".join([model, *macros[: -1 if must_fail else None]])
            name = f"{model}: {macros[-1]}" if must_fail else check
            run = partial(explore, model, tuple(macros))
            listed.append(Case(name, ((check, run),), must_fail))
    return listed
