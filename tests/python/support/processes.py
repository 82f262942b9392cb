"""Child processes of a test. They run source text or a file and exchange lines with the test."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 30.0  # limit of every wait; only a hang reaches it


class Child:
    """A Python process. `send` and `expect` exchange lines with it; its stderr goes to a file."""

    def __init__(
        self,
        script: Path,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        search_path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        variables = {**os.environ, "PYTHONPATH": search_path, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.stderr_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr_file,
            env=variables,
            preexec_fn=before_exec,
        )
        self.pending = b""
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        self.stderr_file.seek(0)
        return self.stderr_file.read().decode(errors="replace")

    def read_line(self, timeout: float = WAIT_SECONDS) -> str | None:
        """The next line of the child's stdout, or None at its end."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no line from the child for {timeout:g} s; lines before: {self.lines}")
                chunk = os.read(self.process.stdout.fileno(), 65536)
                if not chunk:
                    return None
                self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        self.lines.append(line.decode())
        return self.lines[-1]

    def expect(self, start: str, timeout: float = WAIT_SECONDS) -> str:
        """Read the next line, which must begin with `start`. Returns the rest of it."""
        line = self.read_line(timeout)
        if line is None or not line.startswith(start):
            raise AssertionError(f"expected {start!r}, the child sent {line!r}\n{self.stderr}")
        return line[len(start) :].strip()

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL and wait until the process has ended."""
        self.process.kill()
        self.process.wait(WAIT_SECONDS)

    def finish(self, timeout: float = WAIT_SECONDS) -> int:
        """Wait until the child ends. Returns its exit code; negative for a signal."""
        while self.read_line(timeout) is not None:
            pass
        return self.process.wait(timeout)

    def succeed(self, timeout: float = WAIT_SECONDS) -> list[str]:
        """Wait until the child ends with exit code 0. Returns all lines that it sent."""
        code = self.finish(timeout)
        assert code == 0, f"the child ended with {code}; its lines: {self.lines}\n{self.stderr}"
        return self.lines

    def fail_with(self, signal_or_code: int, timeout: float = WAIT_SECONDS) -> str:
        """Wait until the child ends with this code. Returns its stderr."""
        code = self.finish(timeout)
        assert code == signal_or_code, f"the child ended with {code}; its lines: {self.lines}\n{self.stderr}"
        return self.stderr

    def dispose(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.stderr_file):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue


class Spawner:
    """Starts child processes. `dispose` ends those that still run."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.children: list[Child] = []

    def __call__(
        self,
        program: str | Path,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        before_exec: Callable[[], None] | None = None,
    ) -> Child:
        """Start a program: a path, or source text that may call `send` and `receive`."""
        if isinstance(program, str):
            script = self.scratch / f"child_{len(self.children)}.py"
            script.write_text("from support.child import receive, send\n" + textwrap.dedent(program))
        else:
            script = program
        child = Child(script, [str(argument) for argument in arguments], environment, before_exec)
        self.children.append(child)
        return child

    def dispose(self) -> None:
        for child in self.children:
            child.dispose()
