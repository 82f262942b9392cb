"""A probe is a process that measures named operations on request.

It prints ``ready <operation> ...`` when it is set up. It answers each line ``<operation> <count>`` on standard input
with one line, the median nanoseconds per operation. Between requests it sleeps, so that many probes can be ready at
the same time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BENCH_FOLDER = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 60.0


class ProbeError(RuntimeError):
    """A probe could not be set up, or ended, or did not answer in time."""


class Probe:
    """A running probe process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.label = " ".join(command[-3:])
        self._buffer = b""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=BENCH_FOLDER,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            words = self._read_line().split()
            if not words or words[0] != "ready":
                raise ProbeError(f"{self.label}: printed {' '.join(words)!r} instead of ready")
        except BaseException:  # also SystemExit from the SIGTERM handler
            self.close()
            raise
        self.operations = words[1:]

    def sample(self, operation: str, count: int) -> float:
        """Median nanoseconds per operation over about ``count`` of them."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{operation} {count}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return float(self._read_line())

    def close(self) -> None:
        """Close the probe's standard input, which ends it; kill its session if it does not end."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _read_line(self) -> str:
        """The next line of the protocol. Other lines are skipped: some libraries print to standard output."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                text = line.decode(errors="replace").strip()
                if text.startswith("ready") or _is_number(text):
                    return text
                continue
            if not select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                os.killpg(self._process.pid, signal.SIGKILL)
                raise ProbeError(f"{self.label}: no answer within {WAIT_SECONDS:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise self._ended()
            self._buffer += chunk

    def _ended(self) -> ProbeError:
        assert self._process.stderr is not None
        status = self._process.wait()
        words = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return ProbeError(f"{self.label}: ended with status {status}: {words[-1] if words else 'no message'}")


class ImportProbe:
    """Measures the import of a module: every sample is the median over ``count`` new interpreters."""

    def __init__(self) -> None:
        self.operations = ["polymorph_ipc", "numpy"]

    def sample(self, operation: str, count: int) -> float:
        """Median nanoseconds for an import of the module ``operation``."""
        code = f"import time; t = time.perf_counter_ns(); import {operation}; print(time.perf_counter_ns() - t)"
        durations = sorted(self._import_once(code) for _ in range(count))
        return durations[len(durations) // 2]

    @staticmethod
    def _import_once(code: str) -> float:
        outcome = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)
        if outcome.returncode:
            words = outcome.stderr.decode(errors="replace").strip().splitlines()
            raise ProbeError(words[-1] if words else f"ended with status {outcome.returncode}")
        return float(outcome.stdout)

    def close(self) -> None:
        """Do nothing: no process is kept between samples."""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
