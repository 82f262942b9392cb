"""Start examples as programs, as a user does, and read their output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
C_EXAMPLES = Path(os.environ.get("PMIPC_BUILD", REPOSITORY / "build" / "release")) / "examples"
WAIT_SECONDS = 90


class Program:
    """A running example. A thread collects its output."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.output = ""
        self.new_output = threading.Condition()
        self.child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self) -> None:
        assert self.child.stdout is not None
        with self.child.stdout as lines:
            for line in lines:
                with self.new_output:
                    self.output += line
                    self.new_output.notify_all()

    def read_until(self, text: str) -> None:
        """Wait until the output contains `text`."""
        with self.new_output:
            if not self.new_output.wait_for(lambda: text in self.output, WAIT_SECONDS):
                pytest.fail(f"{self.command} did not print {text!r}, only:\n{self.output}")

    def finish(self, exit_code: int = 0) -> str:
        """Wait for its end. Returns its output."""
        returned = self.child.wait(WAIT_SECONDS)
        self.listener.join(WAIT_SECONDS)
        assert returned == exit_code, f"{self.command}: exit {returned}\n{self.output}"
        return self.output

    def signal(self, number: int, exit_code: int = 0) -> str:
        """Send a signal to its process group, as Ctrl-C does, and wait for its end."""
        os.killpg(self.child.pid, number)
        return self.finish(exit_code)


class Launcher:
    """Starts examples. `dispose` kills those that still run."""

    def __init__(self) -> None:
        self.programs: list[Program] = []

    def python(self, script: str, *arguments: str) -> Program:
        return self.start([sys.executable, str(EXAMPLES / script), *arguments])

    def module(self, name: str, *arguments: str) -> Program:
        return self.start([sys.executable, "-m", name, *arguments])

    def c(self, name: str, *arguments: str) -> Program:
        return self.start([str(C_EXAMPLES / name), *arguments])

    def start(self, command: list[str]) -> Program:
        program = Program(command)
        self.programs.append(program)
        return program

    def dispose(self) -> None:
        for program in self.programs:
            if program.child.poll() is None:
                os.killpg(program.child.pid, signal.SIGKILL)
            program.child.wait()
            program.listener.join(WAIT_SECONDS)


def number(pattern: str, text: str) -> int:
    """The number in the first match of `pattern` in `text`."""
    found = re.search(pattern, text)
    assert found, f"no match of {pattern!r} in:\n{text}"
    return int(found[1])
