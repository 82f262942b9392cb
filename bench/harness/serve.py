"""The probe process in Python: ``python -m harness.serve CASE key=value ...``. For the protocol see probe.py."""

from __future__ import annotations

import importlib
import os
import statistics
import sys
import timeit
from collections.abc import Callable

# Runs an operation about this many times. Returns the median nanoseconds per operation.
Operation = Callable[[int], float]

CASES = {
    "calls": "harness.case_calls",
    "large": "harness.case_images",
    "history": "harness.case_images",
    "dict": "harness.case_dict",
    "list": "harness.case_list",
    "pair": "harness.case_pair",
    "peer-calls": "harness.case_peer_calls",
    "ros": "harness.case_ros",
    "ros-latency": "harness.case_ros_latency",
    "ros-publish": "harness.case_ros_publish",
}


def statement(code: str, batch: int, **names: object) -> Operation:
    """An operation that is one statement, run in the loop of timeit, ``batch`` times per clock reading."""
    timer = timeit.Timer(code, globals=names)

    def run(count: int) -> float:
        batches = max(1, count // batch)
        timer.timeit(batch)
        return statistics.median(timer.timeit(batch) for _ in range(batches)) / batch * 1e9

    return run


def main() -> None:
    """Set up a case, then answer requests until standard input ends."""
    case, *pairs = sys.argv[1:]
    arguments = dict(pair.split("=", 1) for pair in pairs)
    os.sched_setaffinity(0, {int(arguments["core"])})
    # Answers use a separate descriptor: some libraries print to standard output.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module = importlib.import_module(CASES[case])
    with module.open_case(case, arguments) as operations:
        print("ready", *operations, file=answers)
        for request in sys.stdin:
            name, count = request.split()
            print(f"{operations[name](int(count)):.3f}", file=answers)


if __name__ == "__main__":
    main()
