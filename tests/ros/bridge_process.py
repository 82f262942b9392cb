"""`polymorph bridge` as a child process."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Any

from support.processes import WAIT_SECONDS, Child

POLYMORPH = "from polymorph_ipc._tools.main import main\nmain()\n"


class Bridge:
    """A bridge process that prints a JSON report ten times a second."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def until(self, condition: Callable[[dict[str, Any]], Any], **of: str) -> dict[str, Any]:
        """The first report that meets the condition. `of` selects one of several bridges, by values of its report."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            line = self.child.read_line()
            assert line is not None, self.child.stderr
            report: dict[str, Any] = json.loads(line)
            if all(report[key] == value for key, value in of.items()) and condition(report):
                return report
        raise AssertionError(f"no such report for {WAIT_SECONDS:g} s: {self.child.lines[-3:]} {self.child.stderr}")

    def end(self, number: int = signal.SIGINT) -> str:
        self.child.signal(number)
        self.child.succeed()
        return self.child.stderr
