"""Child processes of a test: started from a piece of source or a file, spoken to by lines, ended without mercy."""

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
PATIENCE = 30.0  # bound of every wait: hit only when something hangs


class Child:
    """A Python process. `expect` and `tell` are the handshake; `stderr` is collected in a file."""

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

    def read_line(self, timeout: float = PATIENCE) -> str | None:
        """The next line the child says, or None at the end of its output."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"the child said nothing for {timeout:g} s; it said before: {self.lines}")
                chunk = os.read(self.process.stdout.fileno(), 65536)
                if not chunk:
                    return None
                self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        self.lines.append(line.decode())
        return self.lines[-1]

    def expect(self, start: str, timeout: float = PATIENCE) -> str:
        """The rest of the child's next line, which must begin with `start`."""
        line = self.read_line(timeout)
        if line is None or not line.startswith(start):
            raise AssertionError(f"expected {start!r}, the child said {line!r}\n{self.stderr}")
        return line[len(start) :].strip()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and the kernel has finished with the process when this returns."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def finish(self, timeout: float = PATIENCE) -> int:
        """Wait for the child to end by itself; its exit code, negative for a signal."""
        while self.read_line(timeout) is not None:
            pass
        return self.process.wait(timeout)

    def succeed(self, timeout: float = PATIENCE) -> list[str]:
        """Wait for the child to end by itself with exit code 0; all lines it said."""
        code = self.finish(timeout)
        assert code == 0, f"the child ended with {code}; it said {self.lines}\n{self.stderr}"
        return self.lines

    def fail_with(self, signal_or_code: int, timeout: float = PATIENCE) -> str:
        """Wait for the child to end by itself with exactly this code; its stderr."""
        code = self.finish(timeout)
        assert code == signal_or_code, f"the child ended with {code}; it said {self.lines}\n{self.stderr}"
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


class Nursery:
    """Starts children and sees to it that none outlives its test."""

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
        """Start a program: a path, or source text, which may use `say` and `hear`."""
        if isinstance(program, str):
            script = self.scratch / f"child_{len(self.children)}.py"
            script.write_text("from support.child import hear, say\n" + textwrap.dedent(program))
        else:
            script = program
        child = Child(script, [str(argument) for argument in arguments], environment, before_exec)
        self.children.append(child)
        return child

    def dispose(self) -> None:
        for child in self.children:
            child.dispose()
